"""The log-mel front-end of multiplications alone, so that a graph holds it and any runtime is quick at it.

The Fourier transform of a frame of N = P·Q samples in two steps (Cooley & Tukey 1965): with n = Q·i + j and
k = r + P·s,

    X[r + P s] = Σ_j e^(-2πi j s / Q) · e^(-2πi j r / N) · Σ_i x[Q i + j] e^(-2πi i r / P) .

Samples are real, so r ≤ P/2 is enough: what is missing is the mirror image of what is there, of equal power. The order
in which the frequencies come out is that of the mel filters' rows, which costs nothing. Two matrix products of some
√N columns take the place of one of N, and of ONNX's own STFT, which its runtimes do by naive loops.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from affetti.presets import FrontEnd
from affetti.signal.mel import mel_filters, power_to_db


class GraphMel(nn.Module):
    """Windows of one length to dB, as :class:`affetti.signal.mel.MelSpectrogram` gives them.

    Shape: ``[B, T]``, T the samples of the front-end's clip → ``[B, M, F]``.
    """

    window: Tensor
    first: Tensor
    turn: Tensor
    second: Tensor
    filters: Tensor

    def __init__(self, front: FrontEnd) -> None:
        super().__init__()
        self.front = front
        size = front.n_fft
        self.rows = p = _factor(size)
        self.columns = q = size // p
        self.kept = kept = p // 2 + 1
        angle = 2 * np.pi * np.outer(np.arange(kept), np.arange(p)) / p
        turn = 2 * np.pi * np.outer(np.arange(kept), np.arange(q)) / size
        inner = 2 * np.pi * np.outer(np.arange(q), np.arange(q)) / q
        cos, sin = np.cos(inner), np.sin(inner)
        arrays = {
            "window": torch.hann_window(size, dtype=torch.float64).numpy(),
            "first": np.concatenate([np.cos(angle), -np.sin(angle)]),
            "turn": np.stack([np.cos(turn), np.sin(turn)]),
            "second": np.block([[cos, -sin], [sin, cos]]),
            "filters": self._ordered(mel_filters(front)),
        }
        for name, value in arrays.items():
            self.register_buffer(name, torch.from_numpy(value).float())

    def _ordered(self, filters: np.ndarray) -> np.ndarray:
        """The filters ``[M, N/2 + 1]`` with a row for each (r, s): ``[kept · Q, M]``."""
        size, p, q = self.front.n_fft, self.rows, self.columns
        ordered = np.zeros((self.kept * q, len(filters)))
        for k in range(size // 2 + 1):
            here = k if k % p < self.kept else size - k
            ordered[(here % p) * q + here // p] = filters[:, k]
        return ordered

    def forward(self, windows: Tensor) -> Tensor:
        """Compute the log-mel."""
        frames = (self._frames(windows) * self.window).unflatten(2, (self.rows, self.columns))
        real, imaginary = (self.first @ frames).chunk(2, dim=2)
        cos, sin = self.turn[0], self.turn[1]
        turned = torch.cat([real * cos + imaginary * sin, imaginary * cos - real * sin], dim=3)
        spectrum = (turned @ self.second).square()
        power = (spectrum[..., : self.columns] + spectrum[..., self.columns :]).flatten(2)
        return power_to_db((power @ self.filters).transpose(1, 2), self.front.top_db)

    def _frames(self, windows: Tensor) -> Tensor:
        """Centred, zero-padded frames ``[B, F, N]``."""
        size, hop, count = self.front.n_fft, self.front.hop_length, self.front.frames
        if size % hop:
            return nn.functional.pad(windows, (size // 2, size // 2)).unfold(1, size, hop)
        # A frame is size / hop blocks of hop samples: shifted copies of the blocks, side by side.
        parts = size // hop
        length = (count + parts - 1) * hop
        padded = nn.functional.pad(windows, (size // 2, max(0, length - size // 2 - self.front.samples)))[:, :length]
        blocks = padded.unflatten(1, (count + parts - 1, hop))
        return torch.cat([blocks[:, part : part + count] for part in range(parts)], dim=2)


def _factor(size: int) -> int:
    """The divisor of ``size`` nearest above its root; ``size`` itself if it is prime."""
    return next(p for p in range(math.isqrt(size - 1) + 1, size + 1) if size % p == 0)
