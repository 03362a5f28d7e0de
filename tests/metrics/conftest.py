"""Real music for the metrics' tests: recordings and rendered scores of the folder ``AFFETTI_TEST_DATA`` names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

RATE, HOP, MELS, FRAMES = 22_050, 1_024, 64, 128
RECORDINGS = ("open/librosa_audio", "open/sonancia/sounds", "noncommercial/librosa_audio_nc")
SCORES = ("research/VGMIDI/labelled/midi", "noncommercial/EMOPIA_1.0/midis")


@dataclass(frozen=True)
class Music:
    """Log-mels in dB ``[N, M, F]`` and the song of each clip."""

    mels: NDArray[np.float32]
    songs: NDArray[np.str_]


def log_mel(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    librosa = pytest.importorskip("librosa", reason="librosa is the witness of the front-end")
    power = librosa.feature.melspectrogram(
        y=wave, sr=RATE, n_fft=2_048, hop_length=HOP, n_mels=MELS, fmin=20.0, fmax=8_000.0
    )
    return librosa.power_to_db(power, top_db=80.0)[:, :FRAMES].astype(np.float32)


@pytest.fixture(scope="session")
def scores(data: Path) -> Music:
    """One clip, from 10 s in, of each of 118 VGMIDI pieces and as many EMOPIA songs, rendered."""
    paths: list[tuple[Path, str]] = [(path, path.stem) for path in sorted((data / SCORES[0]).glob("*.mid"))]
    by_song = {path.stem.split("_", 1)[1].rsplit("_", 1)[0]: path for path in sorted((data / SCORES[1]).glob("*.mid"))}
    paths += [(path, song) for song, path in sorted(by_song.items())[: len(paths)]]
    if len(paths) < 100:
        pytest.skip(f"{data} holds only {len(paths)} scores")
    symusic = pytest.importorskip("symusic", reason="symusic renders the scores")
    pretty_midi = pytest.importorskip("pretty_midi", reason="pretty_midi carries the soundfont")
    soundfont = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
    render = symusic.Synthesizer(sf_path=str(soundfont), sample_rate=RATE).render
    length = (FRAMES - 1) * HOP
    mels, songs = [], []
    for path, song in paths:
        score = symusic.Score(str(path), ttype="second").clip(8.0, 18.0, clip_end=True).shift_time(-8.0)
        if score.note_num() < 4:
            continue
        wave = np.asarray(render(score, stereo=False), dtype=np.float32).reshape(-1)[2 * RATE :][:length]
        if len(wave) == length and np.abs(wave).max() > 1e-3:
            mels.append(log_mel(wave))
            songs.append(song)
    return Music(np.stack(mels), np.array(songs))


@pytest.fixture(scope="session")
def recordings(data: Path) -> Music:
    """Every whole clip of the recordings; the file is the song."""
    soundfile = pytest.importorskip("soundfile", reason="soundfile opens the recordings")
    librosa = pytest.importorskip("librosa", reason="librosa resamples the recordings")
    length = (FRAMES - 1) * HOP
    mels, songs = [], []
    for folder in RECORDINGS:
        for path in sorted((data / folder).glob("*.*g")) + sorted((data / folder).glob("*.flac")):
            wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
            wave = librosa.resample(wave.mean(axis=1), orig_sr=rate, target_sr=RATE)
            for start in range(0, len(wave) - length + 1, length):
                mels.append(log_mel(wave[start : start + length]))
                songs.append(path.stem)
    if len(set(songs)) < 8:
        pytest.skip(f"{data} holds only {len(set(songs))} recordings")
    return Music(np.stack(mels), np.array(songs))
