"""What phase says of a clip and a log-mel does not: a few dozen numbers from the complex spectrum and the waveform.

By band, mean and deviation over time of three measures of an STFT of magnitude A and phase φ, over bins weighted by A:

- phase deviation δ = |φₜ − 2 φₜ₋₁ + φₜ₋₂|, wrapped to [0, π] (Bello et al. 2004): 0 for a steady tone, about 1 for
  noise;
- group delay |∂φ/∂ω| from the middle of the frame, in windows: an onset's distance from there, the same in all bands
  where these sound together;
- complex deviation |A e^{iδ} − Aₜ₋₁| over A + Aₜ₋₁ (Duxbury et al. 2003): 0 for a steady tone, 1 for an onset.

And of the waveform in short frames crest factor in dB, skewness and excess kurtosis, which random phases take to those
of noise. Bins 80 dB below the clip's loudest are left out, as in a log-mel.

When not to use: as phase and nothing else. These frames are shorter than the log-mel's, and the third measure sees
magnitude too, so what they explain is of phase and of fine time together.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

N_FFT, HOP = 1_024, 256
N_BANDS = 6
MIN_HZ = 60.0
"""Hz, lower edge of the first band; all are of one ratio, up to half the sample rate."""
FLOOR = 1e-4
"""Of the largest magnitude: -80 dB."""
FRAME_SAMPLES = 512
"""Samples of a frame of the waveform."""
EPSILON = 1e-12


def phase_features(waveform: Tensor, sample_rate: int) -> NDArray[np.float64]:
    """The numbers of a waveform ``[T]``, T ≥ 4 · :data:`N_FFT`: ``[6 · BANDS + 6]``; of silence all are 0."""
    frames = waveform.unfold(0, FRAME_SAMPLES, FRAME_SAMPLES)
    frames = frames - frames.mean(dim=1, keepdim=True)
    power = frames.square().mean(dim=1)
    scaled = torch.where(
        (power > FLOOR**2 * power.max())[:, None], frames / power.clamp_min(EPSILON).sqrt()[:, None], 0.0
    )
    audible = (scaled != 0).any(dim=1)
    of_wave = torch.stack([
        20 * torch.log10(scaled.abs().amax(dim=1).clamp_min(1.0)),
        scaled.pow(3).mean(dim=1),
        torch.where(audible, scaled.pow(4).mean(dim=1) - 3.0, 0.0),
    ])  # fmt: skip
    rows = torch.cat(phase_measures(waveform, sample_rate))
    return torch.cat([_over_time(rows), _over_time(of_wave)]).double().numpy()


def phase_measures(waveform: Tensor, sample_rate: int) -> tuple[Tensor, Tensor, Tensor]:
    """Phase deviation, group delay and complex deviation by band and frame, ``[BANDS, F]`` each."""
    window = torch.hann_window(N_FFT)
    x = torch.stft(waveform, N_FFT, HOP, window=window, center=False, return_complex=True)
    magnitude = x.abs()
    magnitude = torch.where(magnitude > FLOOR * magnitude.max(), magnitude, 0.0)
    unit = x / x.abs().clamp_min(EPSILON)
    turn = unit[:, 2:] * unit[:, :-2] * unit[:, 1:-1].conj() ** 2
    now, last = magnitude[:, 2:], magnitude[:, 1:-1]
    # |A e^{iδ} − B|² = A² + B² − 2 A B cos δ
    missed = (now**2 + last**2 - 2 * now * last * turn.real).clamp_min(0.0).sqrt()
    # From the beginning of a frame, where an FFT's phase counts, its middle is π a bin away.
    delay = torch.angle(-unit[1:, 2:] * unit[:-1, 2:].conj()).abs() / (2 * math.pi)
    sums = _bands(sample_rate)
    weights = (sums @ now).clamp_min(EPSILON)
    return (
        sums @ (turn.angle().abs() * now) / weights,
        sums[:, 1:] @ (delay * now[1:]) / weights,
        sums @ missed / (sums @ (now + last)).clamp_min(EPSILON),
    )


def _bands(sample_rate: int) -> Tensor:
    """Which bins are in which band ``[BANDS, N_FFT / 2 + 1]``."""
    hertz = np.arange(N_FFT // 2 + 1) * sample_rate / N_FFT
    edges = np.geomspace(MIN_HZ, sample_rate / 2 + 1, N_BANDS + 1)
    return torch.from_numpy((hertz >= edges[:-1, None]) & (hertz < edges[1:, None])).float()


def _over_time(values: Tensor) -> Tensor:
    """Means, then deviations of rows ``[K, F]``: ``[2 K]``."""
    return torch.cat([values.mean(dim=1), values.std(dim=1, unbiased=False)])
