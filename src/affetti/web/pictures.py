"""Pictures of sounds for drawing: log-mel spectrograms and waveforms, of a whole sound or while it is being decoded."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.signal.mel import MelSpectrogram

PRESET = "tiny"
"""Front-end of the pictures, whatever that of a model is."""
MAX_COLUMNS = 1_000
"""Columns of a picture; longer sounds are averaged down to so many."""
RANGE_DB = 80.0
N_PEAKS = 800
"""Bars of a drawn waveform."""
PART_FRAMES = 256
"""Frames of a part that is drawn while the rest is still being decoded; 12 s."""
PART_COLUMNS, PART_PEAKS = 64, 32
"""Of its picture and of its waveform."""


@dataclass(frozen=True)
class Picture:
    """A log-mel for drawing."""

    bands: int
    columns: int
    maximum_db: float
    data: str
    """Base64 of ``[bands, columns]`` bytes, lowest band first; 255 is the maximum, 0 is 80 dB below."""


@dataclass(frozen=True)
class Part:
    """A part of a sound."""

    start: float
    """Seconds."""
    seconds: float
    picture: Picture
    peaks: list[float]
    """Largest magnitude in each of equal stretches."""


def picture(waveform: NDArray[np.float32]) -> Picture:
    """The picture of a whole sound ``[T]`` at the sample rate of :data:`PRESET`."""
    return _picture(_log_mel(waveform), MAX_COLUMNS)


def peaks(waveform: NDArray[np.float32], count: int = N_PEAKS) -> list[float]:
    """Largest magnitude in each of up to ``count`` equal stretches."""
    if not len(waveform):
        return [0.0]
    edges = np.linspace(0, len(waveform), min(count, len(waveform)), endpoint=False).astype(int)
    return np.round(np.maximum.reduceat(np.abs(waveform), edges), 4).tolist()


class Painter:
    """Draws a sound while it is decoded; each sample is transformed once.

    Args:
        on_part: receives each part of :data:`PART_FRAMES` frames; one that starts at 0 begins anew.
    """

    def __init__(self, on_part: Callable[[Part], None]) -> None:
        self.on_part = on_part
        self._begin()

    def add(self, start: int, samples: NDArray[np.float32]) -> None:
        """Take what has been decoded: the samples from number ``start`` on; with 0 a decoder begins, maybe anew."""
        if start == 0:
            self._begin()
        self._waiting = np.concatenate([self._waiting, samples])
        while len(self._waiting) >= self._reach(PART_FRAMES):
            self._draw()

    def end(self) -> Picture:
        """The picture of the whole sound."""
        if len(self._waiting):
            self._drawn.append(_log_mel(self._waiting)[:, self._lead :])
        return _picture(np.concatenate(self._drawn, axis=1), MAX_COLUMNS)

    def _begin(self) -> None:
        self._frame = self._lead = 0
        """The next frame that is drawn, and how many before it are among the samples that wait."""
        self._waiting = np.zeros(0, np.float32)
        self._drawn: list[NDArray[np.float32]] = []

    def _reach(self, frames: int) -> int:
        """Samples, of those that wait, that the next ``frames`` frames reach into."""
        front = _to_mel().front
        return (self._lead + frames - 1) * front.hop_length + front.n_fft // 2

    def _draw(self) -> None:
        front, lead = _to_mel().front, self._lead
        hop = front.hop_length
        drawn = _log_mel(self._waiting[: self._reach(PART_FRAMES)])[:, lead : lead + PART_FRAMES]
        own = self._waiting[lead * hop : (lead + PART_FRAMES) * hop]
        part = _picture(drawn, PART_COLUMNS)
        start, seconds = self._frame * hop / front.sample_rate, PART_FRAMES * hop / front.sample_rate
        self.on_part(Part(start, seconds, part, peaks(own, PART_PEAKS)))
        self._drawn.append(drawn)
        self._frame += PART_FRAMES
        self._lead = front.n_fft // 2 // hop
        self._waiting = self._waiting[(lead + PART_FRAMES - self._lead) * hop :]


@lru_cache(maxsize=1)
def _to_mel() -> MelSpectrogram:
    return MelSpectrogram.from_preset(PRESET)


def _log_mel(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel ``[M, F]`` in dB."""
    with torch.inference_mode():
        return _to_mel()(torch.from_numpy(waveform)).numpy()


def _picture(log_mel: NDArray[np.float32], max_columns: int) -> Picture:
    bands, frames = log_mel.shape
    columns, maximum = min(max_columns, frames), float(log_mel.max())
    edges = np.linspace(0, frames, columns, endpoint=False).astype(int)
    averaged = np.add.reduceat(np.maximum(log_mel, maximum - RANGE_DB), edges, axis=1) / np.diff([*edges, frames])
    level = np.clip((averaged - maximum) / RANGE_DB + 1.0, 0.0, 1.0)
    data = base64.b64encode(np.round(255 * level).astype(np.uint8).tobytes()).decode()
    return Picture(bands, columns, maximum, data)
