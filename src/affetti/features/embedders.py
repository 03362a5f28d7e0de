"""Embeddings of log-mels.

``statistics`` needs no weights: :func:`affetti.signal.statistics.mel_statistics`, standardised with the real set's
mean and deviation, so that every coordinate counts alike. Distances in it see spectrum, dynamics and modulation; they
see melody and harmony only through their traces there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.signal.statistics import mel_statistics

BATCH = 256


def statistics(mel: NDArray[np.floating]) -> NDArray[np.float64]:
    """Statistics of log-mels ``[N, M, F]``: ``[N, D]``."""
    parts = [
        mel_statistics(torch.from_numpy(np.array(mel[at : at + BATCH], dtype=np.float32))).numpy()
        for at in range(0, len(mel), BATCH)
    ]
    return np.concatenate(parts).astype(np.float64)


@dataclass(frozen=True)
class Standardiser:
    """Scale features by the mean and deviation of a reference set."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.float64]) -> Standardiser:
        """The standardiser of ``features [N, D]``; coordinates that never vary are left at scale 1."""
        std = features.std(axis=0)
        return cls(features.mean(axis=0), np.where(std > 1e-9, std, 1.0))

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardise ``[N, D]``."""
        return (features - self.mean) / self.std
