"""Small corpora with audio, and intervals from few resamples."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.material import write_corpus

from affetti import metrics
from affetti.compose import Note, Part, compose, render
from affetti.corpus import Corpus
from affetti.presets import MEL_FRONT_ENDS
from affetti.signal import audio
from affetti.signal.mel import MelSpectrogram

RATE = 22_050
SHORT = replace(MEL_FRONT_ENDS["tiny"], seconds=1.5)
SIZE = SHORT.samples


def struck(seed: int, level: float = 0.3) -> NDArray[np.float32]:
    """Notes that set in at once and die away, with noise in their beginnings."""
    rng = np.random.default_rng(seed)
    wave = 1e-4 * rng.normal(size=SIZE)
    for at in (0.2, 0.55, 0.9, 1.2):
        time = np.arange(SIZE - round(at * RATE)) / RATE
        tone = sum(np.sin(2 * np.pi * pitch * time) for pitch in rng.uniform(200, 2_000, 3)) * np.exp(-8 * time)
        wave[round(at * RATE) :] += tone + rng.normal(size=len(time)) * np.exp(-200 * time)
    return (level * wave / np.abs(wave).max()).astype(np.float32)


def sounding(path: Path, waves: Sequence[NDArray[np.float32]], each: int = 1, **columns: Any) -> Corpus:
    """A corpus of ``waves``, ``each`` of a song, with its sound kept and the log-mels of that sound."""
    write_corpus(path, len(waves) // each, each, SHORT, **columns)
    analyse = MelSpectrogram(SHORT)
    np.save(path / "mel.npy", np.stack([analyse(torch.from_numpy(wave)).numpy() for wave in waves]).astype(np.float16))
    (path / "audio").mkdir()
    for number, wave in enumerate(waves):
        audio.save(path / "audio" / f"clip{number}.flac", wave, RATE)
    return Corpus.open(path)


def chord(pitches: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """A chord repeated, with a bass, in 1.5 s."""
    rng = np.random.default_rng(seed)
    shift = int(rng.integers(12))
    notes = [
        Note(at, 0.35, pitch + shift + by, 80)
        for at, by in ((0.0, 0), (0.4, 5), (0.8, 7), (1.15, 0))
        for pitch in (pitches[0] - 12, *pitches)
    ]
    song = compose(0, 0)
    rendered = render(
        type(song)(song.song_id, song.genre, 0, 0, 0, song.sections[:1], (Part("chords", 0, False, tuple(notes)),)),
        RATE,
    )
    return np.pad(rendered, (0, max(0, SIZE - len(rendered))))[:SIZE].astype(np.float32)


@contextmanager
def hurried() -> Generator[None]:
    """Intervals of 40 resamples, where a thousand would say no more about the code."""
    careful = metrics.bootstrap_ci

    def few(*arguments: Any, resamples: int = 0, **rest: Any) -> tuple[float, float]:  # noqa: ARG001 - taken, not used
        return careful(*arguments, resamples=40, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "bootstrap_ci", few)
        yield
