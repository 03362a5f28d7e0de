"""The log-mel front-end of multiplications alone, so that a graph holds it and any runtime is quick at it.

The Fourier transform of a frame of N = P·Q samples in two steps (Cooley & Tukey 1965): with n = Q·i + j and
k = r + P·s,

    X[r + P s] = Σ_j e^(-2πi j (r + P s) / N) · Σ_i w[Q i + j] x[Q i + j] e^(-2πi i r / P) .

The inner sum, window w included, is a convolution along time: the samples lie in blocks of a hop, a channel for each
place in it, and j is a group of channels. The outer sum is one matrix for each r. Samples are real, so r ≤ P/2 is
enough: what is missing is the mirror image of what is there, of equal power. An s is left out where all filters are
zero at each of its k. The order in which the frequencies come out is that of the mel filters' columns, which costs
nothing. Two products with matrices of some √N rows take the place of one of N, and of ONNX's own STFT, which its
runtimes do by naive loops. Constants that are products or rearrangements of smaller ones are kept as these, so that the
file is small: a runtime folds them when it loads the graph.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti.presets import MelFrontEnd
from affetti.signal.mel import mel_filters, power_to_db


class GraphMel(nn.Module):
    """Windows of one length to dB, as :class:`affetti.signal.mel.MelSpectrogram` gives them.

    Shape: ``[B, T]``, T the samples of the front-end's clip → ``[B, M, F]``.
    """

    window: Tensor
    waves: Tensor
    real: Tensor
    filters: Tensor

    def __init__(self, front: MelFrontEnd) -> None:
        super().__init__()
        self.front = front
        size = front.n_fft
        self.columns = q = _columns(size, front.hop_length)
        self.rows = p = size // q
        self.kept = kept = p // 2 + 1
        filters, passed = self._ordered(mel_filters(front))
        # Of e^(-2πi j k / N), for k = r + P s: [R, S, Q].
        turn = 2 * np.pi * (np.arange(kept)[:, None] + p * passed)[:, :, None] * np.arange(q) / size
        cos, sin = np.cos(turn), np.sin(turn)
        arrays = {
            **self._inner(),
            "real": np.stack([cos, sin], axis=3).reshape(kept, len(passed), 2 * q),
            "filters": filters,
        }
        for name, value in arrays.items():
            self.register_buffer(name, torch.from_numpy(value).float())

    def _inner(self) -> dict[str, NDArray[np.float64]]:
        """The factors of the inner sum's weights: the window for each j, a cosine and a sine for each r."""
        front, p, q = self.front, self.rows, self.columns
        blocks = -(-front.n_fft // front.hop_length)
        window = torch.hann_window(front.n_fft, dtype=torch.float64).numpy().reshape(p, q).T
        angle = 2 * np.pi * np.outer(np.arange(self.kept), np.arange(p)) / p
        waves = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
        length = blocks * (front.hop_length // q)
        factors = {"window": np.zeros((q, 1, 1, length)), "waves": np.zeros((self.kept, 2, length))}
        factors["window"][..., :p], factors["waves"][..., :p] = window[:, None, None], waves
        return factors

    @property
    def first(self) -> Tensor:
        """The inner sum's weights: for each (j, r) a cosine and a sine, over the places of j in each block."""
        places = self.front.hop_length // self.columns
        return (self.window * self.waves).flatten(0, 2).unflatten(1, (-1, places)).transpose(1, 2)

    @property
    def imaginary(self) -> Tensor:
        """Of :attr:`real`, ``[R, S, 2 Q]`` of pairs of cosine and sine, a quarter turn on: of -sine and cosine."""
        cos, sin = self.real.unflatten(2, (self.columns, 2)).unbind(3)
        return torch.stack([-sin, cos], dim=3).flatten(2)

    def _ordered(self, filters: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """The filters ``[M, N/2 + 1]`` with a column for each (r, s), ``[M, R · S]``, and the s that are passed."""
        size, p, q = self.front.n_fft, self.rows, self.columns
        ordered = np.zeros((len(filters), self.kept, q))
        for k in range(size // 2 + 1):
            here = k if k % p < self.kept else size - k
            ordered[:, here % p, here // p] = filters[:, k]
        passed = np.flatnonzero(ordered.any(axis=(0, 1)))
        return ordered[:, :, passed].reshape(len(filters), -1), passed

    def forward(self, windows: Tensor) -> Tensor:
        """Compute the log-mel."""
        hop, q = self.front.hop_length, self.columns
        first = self.first
        before, count = self.front.n_fft // 2, self.front.frames + first.shape[2] - 1
        after = max(0, count * hop - before - self.front.samples)
        blocks = nn.functional.pad(windows, (before, after))[:, : count * hop].unflatten(1, (count, hop // q, q))
        # Two turns of two axes each, which runtimes do five times as fast as one of three.
        channels = blocks.transpose(2, 3).flatten(2, 3).transpose(1, 2)
        inner = nn.functional.conv1d(channels, first, groups=q)
        inner = inner.unflatten(1, (q, self.kept, 2)).transpose(1, 2).flatten(2, 3)
        real, imaginary = self.real @ inner, self.imaginary @ inner
        power = (real * real + imaginary * imaginary).flatten(1, 2)
        return power_to_db(self.filters @ power, self.front.top_db)


def _columns(size: int, hop: int) -> int:
    """The divisor of both ``size`` and ``hop`` nearest below the root of ``size``."""
    common = math.gcd(size, hop)
    return next(q for q in range(math.isqrt(size), 0, -1) if common % q == 0)
