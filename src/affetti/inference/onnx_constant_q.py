"""The constant-Q front-end of convolutions alone, so that a graph holds it.

:mod:`affetti.signal.constant_q` halves the sample rate octave by octave with soxr, which no graph knows. That filter is
linear and the same everywhere, so its impulse response says all of it: here it is measured once and becomes the weights
of a convolution that takes every other sample. The kernels of an octave are a convolution that steps by the hop.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti.presets import ConstantQFrontEnd
from affetti.signal.constant_q import halved, octave_kernels
from affetti.signal.mel import power_to_db

REACH = 1_024
"""Samples to either side that the impulse response of the halving may have."""
NEGLIGIBLE = 1e-7
"""Share of the largest value under which it has ended."""


class GraphConstantQ(nn.Module):
    """Windows of one length to dB, as :class:`affetti.signal.constant_q.ConstantQSpectrogram` gives them.

    Shape: ``[B, T]``, T the samples of the front-end's clip → ``[B, M, F]``.
    """

    halving: Tensor

    def __init__(self, front: ConstantQFrontEnd) -> None:
        super().__init__()
        self.front = front
        self.register_buffer("halving", torch.from_numpy(halving_response())[None, None])
        self.octaves = octave_kernels(front)
        for number, (_, kernels) in enumerate(self.octaves):
            self.register_buffer(f"kernels_{number}", kernels[:, None])

    def forward(self, windows: Tensor) -> Tensor:
        """Compute the spectrogram."""
        slow, reached = windows[:, None], 1
        parts: list[Tensor] = []
        for number, (factor, _) in enumerate(self.octaves):
            while reached < factor:
                slow, reached = self._halved(slow), 2 * reached
            kernels: Tensor = self.get_buffer(f"kernels_{number}")
            half, hop = kernels.shape[2] // 2, self.front.hop_length // factor
            after = max(0, (self.front.frames - 1) * hop + half + 1 - slow.shape[2])
            response = nn.functional.conv1d(nn.functional.pad(slow, (half, after)), kernels, stride=hop)
            real, imaginary = response[:, :, : self.front.frames].chunk(2, dim=1)
            parts.append((real * real + imaginary * imaginary) * factor)
        return power_to_db(torch.cat(parts[::-1], dim=1), self.front.top_db)

    def _halved(self, samples: Tensor) -> Tensor:
        """Every other sample ``[B, 1, ⌈T / 2⌉]`` of ``[B, 1, T]``."""
        reach, length = self.halving.shape[2] // 2, math.ceil(samples.shape[2] / 2)
        return nn.functional.conv1d(nn.functional.pad(samples, (reach, reach)), self.halving, stride=2)[:, :, :length]


def halving_response() -> NDArray[np.float32]:
    """Weights ``[2 R + 1]`` by which a sample at half the rate depends on those around it."""
    size = 4 * REACH
    impulses = np.zeros((2, size), np.float32)
    impulses[0, size // 2] = impulses[1, size // 2 + 1] = 1.0
    # y[m] = Σ_j weights[j] x[2 m + j]: an impulse at an even place shows the even weights, one at an odd place the
    # others.
    even, odd = (halved(impulse) for impulse in impulses)
    weights = np.zeros(2 * REACH + 1, np.float32)
    centre = size // 4
    steps = np.arange(-REACH // 2, REACH // 2)
    weights[REACH + 2 * steps] = even[centre - steps]
    weights[REACH + 2 * steps + 1] = odd[centre - steps]
    reach = int(np.abs(np.flatnonzero(np.abs(weights) > NEGLIGIBLE * np.abs(weights).max()) - REACH).max())
    return weights[REACH - reach : REACH + reach + 1]
