"""Phase and mel inversion against librosa, on real recordings, in the same run on one thread.

Three tables, with ``AFFETTI_TEST_DATA``: Griffin-Lim on true magnitudes, mel inversion, and the way from log-mel to
sound; the first column is the peer's CPU time over ours. Means over the recordings. The inverse is fitted to random
spectra, or to composed music as well, and never to what it is tested on.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import torch
from torch import Tensor

from affetti.compose.renderer import render
from affetti.compose.score import compose
from affetti.presets import MEL_FRONT_ENDS, MelFrontEnd
from affetti.signal import audio
from affetti.signal.fidelity import fidelity, log_spectral_distance, spectral_convergence
from affetti.signal.inversion import MelInverse, default_inverse, nnls
from affetti.signal.mel import MelSpectrogram, stft
from affetti.signal.phase import griffin_lim

SECONDS = 30
SONGS = 12


def timed(work: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """A result and the CPU seconds it took."""
    began = time.process_time()
    return work(), time.process_time() - began


def recordings() -> list[Tensor]:
    """The music and the speech of librosa's examples, at most 30 s each."""
    folder = Path(os.environ["AFFETTI_TEST_DATA"])
    paths = sorted([*folder.glob("open/librosa_audio/*.ogg"), *folder.glob("noncommercial/librosa_audio_nc/*.ogg")])
    waves = [audio.load(path, 22_050)[: SECONDS * 22_050] for path in paths]
    return [wave[: len(wave) // 1_024 * 1_024] for wave in waves]


def librosa_lim(magnitude: Tensor, iterations: int, front: MelFrontEnd) -> Tensor:
    """Librosa's fast Griffin-Lim (momentum 0.99)."""
    wave = librosa.griffinlim(magnitude.numpy(), n_iter=iterations, hop_length=front.hop_length, random_state=0)
    return torch.from_numpy(wave)


def our_lim(magnitude: Tensor, iterations: int, front: MelFrontEnd) -> Tensor:
    """Ours, started from the slopes."""
    return griffin_lim(magnitude, iterations, front.hop_length)


def librosa_inverse(log_mel: Tensor, front: MelFrontEnd) -> Tensor:
    """Librosa's ``mel_to_stft``."""
    power, band = librosa.db_to_power(log_mel.numpy()), {"fmin": front.f_min, "fmax": front.f_max}
    return torch.from_numpy(
        np.float32(librosa.feature.inverse.mel_to_stft(power, sr=front.sample_rate, n_fft=front.n_fft, **band))
    )


def table(name: str, head: str, rows: dict[str, list[list[float]]], peer: str) -> None:
    """Print means, with the time of ``peer`` over that of each."""
    print(f"\n{name}\n| method | × {peer} | {head} |\n|---|---|{'---|' * (head.count('|') + 1)}")
    base = np.sum([row[0] for row in rows[peer]])
    for method, result in rows.items():
        values = np.array(result, dtype=float)
        means = " | ".join(f"{value:.2f}" for value in np.nanmean(values[:, 1:], axis=0))
        print(f"| {method} | {base / values[:, 0].sum():.1f} | {means} |", flush=True)


def phases(waves: list[Tensor], front: MelFrontEnd) -> None:
    """Griffin-Lim from true magnitudes."""
    hop = front.hop_length
    methods: dict[str, Callable[[Tensor], Tensor]] = {"librosa, 32": lambda m: librosa_lim(m, 32, front)}
    methods["librosa, 64"] = lambda m: librosa_lim(m, 64, front)
    for start in ("random", "gradient"):
        for count in (0, 8, 16, 32, 64):
            methods[f"{start}, {count}"] = lambda m, s=start, n=count: griffin_lim(m, n, hop, start=s)
    rows: dict[str, list[list[float]]] = {name: [] for name in methods}
    for wave in waves:
        magnitude = stft(wave, front).abs()
        for name, method in methods.items():
            made, seconds = timed(lambda method=method, magnitude=magnitude: method(magnitude))
            rows[name].append([seconds, *measured(wave, made, front)])
    table(f"Griffin-Lim, hop {hop}", "SC | mrSC | LSD | onsets | crest", rows, "librosa, 32")
    worst = max(ours[1] - theirs[1] for ours, theirs in zip(rows["gradient, 8"], rows["librosa, 32"], strict=True))
    print(f"gradient, 8 against librosa, 32: {worst:+.2f} dB SC on the recording where it does worst")


def measured(wave: Tensor, made: Tensor, front: MelFrontEnd) -> list[float]:
    """The measures of a sound, in the order of the tables."""
    made = torch.nn.functional.pad(made, (0, len(wave) - len(made)))
    result = fidelity(wave, made, front.sample_rate, front.n_fft, front.hop_length)
    rest = [np.nan if value is None else value for value in (result.sharpness, result.crest)]
    return [result.convergence, result.convergence_multi, result.log_distance, *rest]


def inversions(waves: list[Tensor], front: MelFrontEnd, songs: list[Tensor]) -> None:
    """Magnitudes and sounds from log-mels."""
    began = time.process_time()
    default = default_inverse(front)
    print(f"\nthe default inverse is fitted in {time.process_time() - began:.2f} s", end="")
    began = time.process_time()
    fitted = MelInverse.fit(songs, front)
    print(f", that of {SONGS} composed songs of {SECONDS} s in {time.process_time() - began:.2f} s")
    peer = "librosa mel_to_stft"
    methods: dict[str, Callable[[Tensor], Tensor]] = {
        peer: lambda mel: librosa_inverse(mel, front),
        "nnls": lambda mel: nnls(mel, front),
        "ridge, random spectra": default.magnitude,
        "ridge, composed songs": fitted.magnitude,
    }
    rows: dict[str, list[list[float]]] = {name: [] for name in methods}
    sounds: dict[str, list[list[float]]] = {}
    for wave in waves:
        truth, log_mel = stft(wave, front).abs(), MelSpectrogram(front)(wave)
        for name, method in methods.items():
            made, seconds = timed(lambda method=method, log_mel=log_mel: method(log_mel))
            rows[name].append([seconds, spectral_convergence(truth, made), log_spectral_distance(truth, made)])
            way, lim = ("librosa, 32", librosa_lim) if name == peer else ("gradient, 32", our_lim)
            sound, more = timed(lambda lim=lim, made=made: lim(made, 32, front))
            sounds.setdefault(f"{name} + {way}", []).append([seconds + more, *measured(wave, sound, front)])
    table(f"Mel inversion, {front.n_mels} bands", "SC | LSD", rows, peer)
    for name in ("ridge, random spectra", "ridge, composed songs"):
        gains = [theirs[1] - ours[1] for ours, theirs in zip(rows[name], rows[peer], strict=True)]
        print(f"{name}: gain in SC by recording {' '.join(f'{gain:.1f}' for gain in gains)} dB")
    head = "SC | mrSC | LSD | onsets | crest"
    table(f"From log-mel to sound, {front.n_mels} bands", head, sounds, f"{peer} + librosa, 32")


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # librosa's of filters that are empty
    waves = recordings()
    made = [torch.from_numpy(render(compose(0, i), 22_050)[: SECONDS * 22_050].copy()) for i in range(SONGS)]
    librosa.griffinlim(np.ones((1_025, 8), np.float32), n_iter=1)  # compiled at the first call
    for preset in sys.argv[1:] or ("paper", "tiny"):
        phases(waves, MEL_FRONT_ENDS[preset])
        inversions(waves, MEL_FRONT_ENDS[preset], made)
