"""The clips that a model is trained on, and the batches they are given in.

Batches depend on (seed, step) alone, so that a run that is resumed sees the clips that it would have seen.
:class:`affetti.training.waveform_clips.SoundClips` is the same for waveforms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.rows import evenly_spaced, require_finite


@dataclass(frozen=True)
class Clips:
    """Rows of log-mels and their labels: the clips that a model may see."""

    mel: NDArray[np.floating]
    """Log-mels ``[N, M, F]`` in dB, or vectors of an embedder ``[N, D]``; may be memory-mapped."""
    labels: NDArray[np.float64]
    """Labels ``[N, 2]`` in [-1, 1], or conditions ``[N, K]`` that begin with them."""
    rows: NDArray[np.intp]
    """The rows that may be seen, of N."""

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, size: int, seed: int, step: int) -> tuple[Tensor, Tensor]:
        """Batch number ``step``: every clip once an epoch, in an order that depends on (seed, epoch) alone.

        Args:
            size: clips a batch, B.
            seed: of the order.
            step: number of the batch; a batch may span two epochs.

        Returns:
            As :meth:`take`.
        """
        position = step * size + np.arange(size)
        chosen = np.empty(size, dtype=np.intp)
        for epoch in np.unique(position // len(self)):
            order = np.random.default_rng([seed, int(epoch)]).permutation(len(self))
            in_epoch = position // len(self) == epoch
            chosen[in_epoch] = order[position[in_epoch] % len(self)]
        return self.take(self.rows[chosen])

    def take(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Log-mels ``[B, M, F]`` in dB and labels ``[B, K]`` of the given rows, float32.

        Raises:
            InputError: a log-mel has values that are not finite.
        """
        mel = np.asarray(self.mel[rows], dtype=np.float32)
        require_finite(mel, rows)
        return torch.from_numpy(mel), torch.from_numpy(self.labels[rows].astype(np.float32))

    def sample(self, limit: int = 1 << 24) -> tuple[Tensor, Tensor]:
        """Clips evenly spaced over the rows, about ``limit`` values at most, for fitting statistics.

        Returns:
            dB ``[n, M, F]``, and the labels of all clips ``[len(self), K]``.
        """
        n_clips = max(64, limit // self.mel[0].size)  # 2,048 clips at the preset tiny, 101 at paper
        chosen = self.rows[evenly_spaced(len(self), n_clips)]
        return self.take(chosen)[0], torch.from_numpy(self.labels[self.rows].astype(np.float32))
