"""What ``score_sanity.py`` spoils: clips as sound and as log-mels, and what a family of spoilt clips is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.signal.mel import MelSpectrogram

Mels = NDArray[np.float32]
Waves = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Real:
    """Clips to be spoilt: waveforms ``[N, T]``, their log-mels ``[N, M, F]``, and what makes these."""

    waves: Waves
    mels: Mels
    to_mel: MelSpectrogram

    def frames(self, seconds: float) -> int:
        """As a number of frames, at least 2."""
        return max(2, round(seconds * self.to_mel.front.sample_rate / self.to_mel.front.hop_length))

    def between_frames(self, at: NDArray[np.float64]) -> Mels:
        """Log-mels at frames that need not be whole, by straight lines."""
        low = np.minimum(at.astype(np.intp), self.mels.shape[2] - 2)
        share = (at - low).astype(np.float32)
        return np.asarray((1 - share) * self.mels[:, :, low] + share * self.mels[:, :, low + 1], np.float32)

    def log_mels(self, waves: Waves) -> Mels:
        """Log-mels of waveforms."""
        with torch.inference_mode():
            return np.stack([self.to_mel(torch.from_numpy(np.ascontiguousarray(w))).numpy() for w in waves])


@dataclass(frozen=True)
class Family:
    """A way to spoil music, at strengths from weak to strong; a cheat has one strength."""

    name: str
    seen: bool
    strengths: tuple[float, ...]
    spoil: Callable[[Real, float, Rng], Mels]


def seen(name: str, *strengths: float) -> Callable[[Callable[[Real, float, Rng], Mels]], Family]:
    """A family that the score was designed on."""
    return lambda spoil: Family(name, True, strengths or (1.0,), spoil)


def unseen(name: str, *strengths: float) -> Callable[[Callable[[Real, float, Rng], Mels]], Family]:
    """A family kept for the table."""
    return lambda spoil: Family(name, False, strengths or (1.0,), spoil)


def floored(mels: NDArray[np.floating]) -> Mels:
    """80 dB under each clip's maximum, as the front-end leaves it."""
    return np.maximum(mels, mels.max(axis=(1, 2), keepdims=True) - 80).astype(np.float32)
