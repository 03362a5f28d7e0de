"""Preparing music: speed against librosa on the same files and its floors, two workers against one, peak memory.

Songs are composed, 45 s in stereo at 44.1 kHz. Times are CPU times of one thread, taken in turns, medians over files
and rounds. Floors are what no front-end can do without: decoding, resampling and the FFT, each alone. Two workers need
two idle cores, and some seconds to start: their ratio is given for all, and for what the larger folder takes longer.

    python bench/prepare.py [fronts]

With `fronts` only the last table: the smaller folder as `affetti prepare` takes it, by each front-end.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from threadpoolctl import threadpool_limits

from affetti.corpus.build import PrepareSettings, build
from affetti.corpus.loaders import folder as loader
from affetti.corpus.track import Options
from affetti.execution import LocalExecutor
from affetti.presets import FRONT_ENDS, MEL_FRONT_ENDS
from affetti.signal import audio
from affetti.signal.decoders import decode_soundfile
from affetti.signal.mel import MelSpectrogram

FRONT = MEL_FRONT_ENDS["paper"]
RATE, SECONDS, SONGS, ROUNDS = 44_100, 45, 4, 5
FILES = 96
"""In the smaller of the folders that are prepared; the larger has four times as many."""


def written(place: Path, kind: str) -> list[Path]:
    """Songs as files of one kind."""
    from affetti.compose.renderer import render
    from affetti.compose.score import compose

    paths = [place / f"{number}.{kind}" for number in range(SONGS)]
    for number, path in enumerate(paths):
        left = np.resize(render(compose(0, number), RATE), SECONDS * RATE)
        stereo = np.stack([left, 0.8 * np.roll(left, 300)], axis=1) / np.abs(left).max()
        hiss = 0.003 * np.random.default_rng(number).normal(size=stereo.shape)
        soundfile.write(path, (0.9 * stereo + hiss).clip(-1, 1), RATE)
    return paths


def theirs(path: Path) -> np.ndarray:
    """From a file to a log-mel, by librosa."""
    import librosa  # not at the top: every worker imports this script

    wave, rate = librosa.load(path, sr=FRONT.sample_rate)
    f = FRONT
    power = librosa.feature.melspectrogram(
        y=wave, sr=rate, n_fft=f.n_fft, hop_length=f.hop_length, n_mels=f.n_mels, fmin=f.f_min, fmax=f.f_max
    )
    return librosa.power_to_db(power, top_db=f.top_db)


def ours(to_mel: MelSpectrogram, path: Path) -> np.ndarray:
    """From a file to a log-mel, by affetti."""
    with torch.inference_mode():
        return to_mel(audio.load(path, FRONT.sample_rate)).numpy()


def decoding(path: Path) -> None:
    """Every block, and nothing done with it."""
    with path.open("rb", buffering=0) as file:
        for _ in decode_soundfile(file):
            pass


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one run."""
    began = time.process_time()
    work()
    return time.process_time() - began


def against_librosa(place: Path) -> None:
    """The table by kind of file."""
    to_mel = MelSpectrogram(FRONT)
    print(f"{'':<6}librosa      ours   ratio | alone: decode  resample       FFT   of ours | most differs")
    for kind in ("mp3", "flac", "wav"):
        paths = written(place, kind)
        differs = max(float(np.abs(theirs(path) - ours(to_mel, path)).max()) for path in paths)
        times: list[list[float]] = []
        for path in paths * ROUNDS:
            mono, _ = audio.decode(path)
            wave = torch.from_numpy(audio.resample(mono, RATE, FRONT.sample_rate))
            frames = torch.nn.functional.pad(wave, [FRONT.n_fft // 2] * 2).unfold(0, FRONT.n_fft, FRONT.hop_length)
            frames = frames.contiguous()
            works: list[Callable[[], object]] = [
                partial(theirs, path),
                partial(ours, to_mel, path),
                partial(decoding, path),
                partial(soxr.resample, mono, RATE, FRONT.sample_rate),
                partial(torch.fft.rfft, frames),
            ]
            times.append([1_000 * seconds(work) for work in works])
        peer, own, *floors = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(row[0] / row[1] for row in times)
        alone = "".join(f"{floor:7.1f} ms" for floor in floors)
        share = f"{sum(floors) / own:8.0%}"
        print(f"{kind:<5}{peer:6.1f} ms {own:6.1f} ms {ratio:5.2f} × |    {alone} {share} | {differs:.1e} dB")


def prepared(songs: Path, out: Path, workers: int, preset: str = "paper") -> tuple[float, float]:
    """Wall time of preparing a folder, and the peak memory of this process in GB."""
    torch.set_num_threads(1)
    began = time.perf_counter()
    build(
        loader.load(songs, Options(scale="-1..1")),
        out,
        FRONT_ENDS[preset],
        PrepareSettings(preset),
        executor=LocalExecutor(workers),
    )
    wall = time.perf_counter() - began
    # Not getrusage, which also counts what the parent held when it started this process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return wall, int(status.split("VmHWM:")[1].split()[0]) / 2**20


def folder_of(place: Path, count: int) -> Path:
    """A folder of ``count`` MP3s, and their labels."""
    whole = [path.read_bytes() for path in written(place, "mp3")]
    songs = place / str(count)
    songs.mkdir()
    lines = ["file,song,valence,arousal"]
    for number in range(count):
        # A tag at its end makes each another file, to the byte, of the same sound.
        (songs / f"{number}.mp3").write_bytes(whole[number % SONGS] + b"TAG" + f"{number:<125}".encode())
        lines.append(f"{number}.mp3,song {number % SONGS},{number % 7 / 7:.3f},{number % 5 / 5:.3f}")
    (songs / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return songs


def by_front_end(place: Path) -> None:
    """The same folder by each front-end, one worker, each in a fresh process; the least of three runs."""
    place.mkdir()
    songs = folder_of(place, FILES)
    print(f"{FILES} MP3s of {SECONDS} s\n\n| front-end | seconds | ms a file | peak memory, GB |\n|---|---|---|---|")
    for preset in ("paper", "cqt", "tiny", "cqt-tiny"):
        runs: list[tuple[float, float]] = []
        for number in range(3):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                runs.append(fresh.submit(prepared, songs, place / f"{preset} {number}", 1, preset).result())
        wall, peak = min(runs)
        print(f"| `{preset}` | {wall:.1f} | {1e3 * wall / FILES:.0f} | {peak:.2f} |", flush=True)
    print(f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def workers_and_memory(place: Path) -> None:
    """Folders of N and 4N files, by one worker and by two, each in a fresh process."""
    walls: dict[tuple[int, int], float] = {}
    for count in (FILES, 4 * FILES):
        songs = folder_of(place, count)
        for workers in (1, 2):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                wall, peak = fresh.submit(prepared, songs, place / f"{count} by {workers}", workers).result()
            walls[count, workers] = wall
            print(f"{count:4d} clips, {workers} worker{'s' * (workers > 1):<2}{wall:8.1f} s {peak:6.2f} GB")
    more = [walls[4 * FILES, workers] - walls[FILES, workers] for workers in (1, 2)]
    total = walls[4 * FILES, 1] / walls[4 * FILES, 2]
    print(f"two workers: {total:.2f} × one, {more[0] / more[1]:.2f} × without their start", end="; ")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        if "fronts" not in sys.argv[1:]:
            against_librosa(Path(folder))
            workers_and_memory(Path(folder))
        by_front_end(Path(folder) / "fronts")
