"""A head that predicts an STFT from a log-mel, whole clips in one pass: the vocoder of :mod:`.vocoded`.

ConvNeXt blocks at frame rate, without upsampling, as in Vocos (Siuzdak 2024; Liu et al. 2022); iSTFTNet (Kaneko et al.
2022) is the same idea. They predict the log-magnitude of every bin, as a difference from the level of the bands around
it. Richardson-Lucy updates then make the mel bands of the result agree with those given.

Vocos predicts the phase too. Where frames overlap by half, as at ``tiny``, the phase of a steady partial must advance
by any angle from one frame to the next, and a network that sees the same log-mel in both predicts the same phase in
both. Therefore phases are integrated from the slopes of the predicted magnitude, and a few iterations of Griffin-Lim
make them consistent (:mod:`affetti.signal.phase`). What limits the sound is the magnitude: from true ones, the same
phases are close (``bench/phase.py``).

When not to use: for sounds unlike those it was trained on; the mel inverse of :mod:`affetti.signal.inversion` fits all.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.layers import BandNorm
from affetti.presets import FrontEnd
from affetti.signal.front_ends import band_filters, band_frequencies
from affetti.signal.inversion import fit_to_bands
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim

KERNEL = 7
"""Frames that a block's convolution spans."""
EXPANSION = 3
"""Features inside a block over its width."""
RANGE = 1e-4
"""Smallest magnitude that the loss distinguishes, as a share of the clip's largest: 80 dB under it."""
DB = 20 / math.log(10)
"""dB in a unit of the natural logarithm of an amplitude."""


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then two layers over channels: ``[B, C, F] → [B, C, F]`` (Liu et al. 2022)."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, EXPANSION * width)
        self.contract = nn.Linear(EXPANSION * width, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        features = self.norm(self.over_time(x).transpose(1, 2))
        return x + (self.scale * self.contract(F.gelu(self.expand(features)))).transpose(1, 2)


class StftHead(nn.Module):
    """Log-mel ``[B, M, F]`` in dB → natural logarithm of the magnitudes of its STFT ``[B, n_fft/2 + 1, F]``.

    It begins as interpolation between the bands.

    Args:
        front: the front-end of the log-mels.
        width: channels.
        blocks: number of :class:`ConvNeXtBlock`.
        iterations: of Griffin-Lim in :meth:`synthesise`.
    """

    between: Tensor
    offset: Tensor

    def __init__(self, front: FrontEnd, width: int, blocks: int, iterations: int) -> None:
        super().__init__()
        self.front, self.iterations = front, iterations
        bins = 1 + front.linear_n_fft // 2
        self.normalise = BandNorm(front.n_bands)
        self.enter = nn.Conv1d(front.n_bands, width, KERNEL, padding=KERNEL // 2)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([ConvNeXtBlock(width, 1 / blocks) for _ in range(blocks)])
        self.norm_out = nn.LayerNorm(width)
        self.out = nn.Linear(width, bins)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        area = band_filters(front).sum(axis=1).clip(1e-10)
        frequencies, centres = np.linspace(0, front.sample_rate / 2, bins), band_frequencies(front)
        between = np.stack([np.interp(frequencies, centres, row) for row in np.eye(front.n_bands)], axis=1)
        self.register_buffer("between", torch.from_numpy(between / DB).float(), persistent=False)
        self.register_buffer("offset", torch.from_numpy(-0.5 * between @ np.log(area)).float(), persistent=False)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Log-magnitudes; those of no sound are above n_fft."""
        x = self.norm(self.enter(self.normalise(log_mel)).transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        difference = self.out(self.norm_out(x.transpose(1, 2))).transpose(1, 2)
        level = self.between @ log_mel + self.offset[:, None]
        return (level + difference).clamp_max(math.log(self.front.linear_n_fft))

    @torch.no_grad()
    def fit_statistics(self, waveforms: Tensor, log_mel: Tensor) -> None:
        """Fit the normaliser and the mean of each bin to waveforms ``[N, T]`` and their log-mels ``[N, M, F]``."""
        self.normalise.fit(log_mel)
        total = torch.zeros_like(self.out.bias)
        for wave, mel in zip(waveforms, log_mel, strict=True):
            target = self._targets(wave[None])[0]
            total += (target.log() - (self.between @ mel + self.offset[:, None])).mean(dim=1)
        self.out.bias.copy_(total / len(waveforms))

    def loss(self, log_mel: Tensor, waveforms: Tensor) -> Tensor:
        """Spectral convergence, plus the mean absolute difference of log-magnitudes (Arik et al. 2019).

        Args:
            log_mel: of the waveforms, dB ``[B, M, F]``.
            waveforms: ``[B, T]``.
        """
        with torch.no_grad():
            true = self._targets(waveforms)
        predicted = torch.maximum(self(log_mel).exp(), _floor(true))
        error = torch.linalg.vector_norm(true - predicted, dim=(1, 2)) / torch.linalg.vector_norm(true, dim=(1, 2))
        return error.mean() + (true.log() - predicted.log()).abs().mean()

    def _targets(self, waveforms: Tensor) -> Tensor:
        """Magnitudes ``[B, n_fft/2 + 1, F]``, above the range of the loss."""
        magnitude = stft(waveforms, self.front).abs()
        return torch.maximum(magnitude, _floor(magnitude))

    @torch.no_grad()
    def synthesise(self, log_mel: Tensor) -> Tensor:
        """Waveform ``[T]`` of one log-mel ``[M, F]`` in dB, F ≥ 2; T = hop_length · (F - 1).

        Clip by clip, so that a sound does not depend on the batch.
        """
        magnitude = fit_to_bands(self(log_mel[None])[0].exp(), log_mel, self.front)
        return griffin_lim(magnitude, self.iterations, self.front.hop_length)


def _floor(magnitude: Tensor) -> Tensor:
    return (RANGE * magnitude.amax(dim=(1, 2), keepdim=True)).clamp_min(1e-5)
