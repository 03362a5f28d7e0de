"""Constant-Q transform: magnitudes at frequencies a semitone apart, as notes are.

Brown (1991), "Calculation of a constant Q spectral transform", JASA 89:425. Bin k lies at ``f_k = C1 · 2^(k / 12)`` and
sees Q = 1 / (2^(1/12) - 1) ≈ 16.8 periods of it through a Hann window w of ``N_k = Q · sample_rate / f_k`` samples:

    C[k, t] = √N_k · |Σ_n x[t · hop + n] · w[n] · exp(-2πi · f_k · n / sample_rate)| / Σ_n w[n]

with n centred on the frame; the scale is that of ``librosa.cqt``. Each octave is computed on the waveform decimated to
about its own band (Schörkhuber & Klapuri 2010), so that all have kernels of some hundred samples. Decimation truncates
the spectrum of the whole waveform, which errs only where the waveform starts or stops abruptly.

When not to use: to follow a bass line in time, since the lowest kernel lasts half a second.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from affetti.errors import InputError, UsageError

C1 = 440.0 * 2.0 ** (-45 / 12)
"""Frequency of the note C1, Hz."""
BINS = 12
"""Bins an octave."""
Q = 1.0 / (2.0 ** (1 / BINS) - 1.0)
"""Frequency over bandwidth, and periods in a kernel."""
GUARD = 1.15
"""Nyquist frequency over that of an octave's highest bin, at least: the main lobe of its kernel ends at 1 + 2 / Q."""
PADDING_SECONDS = 0.6
"""Zeros after the waveform, longer than any kernel, so that decimation does not wrap its start to its end."""


def constant_q(
    waveform: Tensor,
    sample_rate: int,
    *,
    octaves: int = 7,
    hop_length: int = 1024,
    tuning: float = 0.0,
    filter_scale: float = 1.0,
) -> Tensor:
    """Magnitudes of the constant-Q transform from C1 upward.

    Args:
        waveform: ``[T]`` or ``[B, T]``, T ≥ 1; it is padded with zeros at both ends.
        sample_rate: its samples a second.
        octaves: octaves from C1, of 12 bins each; 7 reach B7, 3,951 Hz.
        hop_length: step between frames, samples.
        tuning: of A4 against 440 Hz, semitones in [-0.5, 0.5].
        filter_scale: factor on Q. At 1 a note is seen 6 dB lower in the bins beside its own; at 2 not at all, and
            kernels last twice as long.

    Returns:
        ``[12 · octaves, F]`` or ``[B, 12 · octaves, F]``, F = 1 + floor(T / hop_length); float32, ≥ 0.

    Raises:
        InputError: there are no samples, or the sample rate is too low for the highest bin.
        UsageError: fewer than one octave or sample of a hop.

    Example:
        >>> a4 = torch.sin(2 * torch.pi * 440 * torch.arange(22_050) / 22_050)
        >>> int(constant_q(a4, 22_050).mean(dim=1).argmax()) - 3 * 12  # semitones above C4
        9
    """
    if waveform.ndim not in (1, 2) or waveform.shape[-1] < 1:
        raise InputError(f"a waveform of shape {tuple(waveform.shape)}", hint="give at least one sample, [T] or [B, T]")
    if octaves < 1 or hop_length < 1:
        raise UsageError(f"{octaves} octaves, a hop of {hop_length} samples", hint="give 1 or more of both")
    needed = math.ceil(2 * GUARD * _highest(octaves - 1, tuning))
    if sample_rate < needed:
        raise InputError(
            f"{sample_rate} samples a second are too few for {octaves} octaves from C1",
            hint=f"resample to {needed} or more, or take fewer octaves",
        )
    samples = waveform.reshape(-1, waveform.shape[-1]).float()
    n_frames = 1 + samples.shape[1] // hop_length
    padded = samples.shape[1] + filter_scale * PADDING_SECONDS * sample_rate
    n_hops = int(next_fast_len(math.ceil(padded / hop_length)) or 1)
    spectrum = torch.fft.rfft(samples, n=n_hops * hop_length)
    parts: list[Tensor] = []
    for octave in range(octaves):
        factor = _decimation(sample_rate / (2 * GUARD * _highest(octave, tuning)), hop_length)
        length, hop = n_hops * hop_length // factor, hop_length // factor
        slow = torch.fft.irfft(spectrum[:, : length // 2 + 1], n=length) / factor
        kernels = _kernels(sample_rate / factor, octave, round(tuning, 6), filter_scale).to(slow.device)
        size = kernels.shape[1]
        frames = torch.nn.functional.pad(slow, (size // 2, size // 2)).unfold(1, size, hop)[:, :n_frames]
        real, imaginary = (frames @ kernels.T).split(BINS, dim=2)
        parts.append((real.square() + imaginary.square()).sqrt() * math.sqrt(factor))
    magnitude = torch.cat(parts, dim=2).transpose(1, 2)
    return magnitude.reshape(*waveform.shape[:-1], *magnitude.shape[1:])


def _highest(octave: int, tuning: float) -> float:
    """Frequency of the highest bin of an octave."""
    return C1 * 2.0 ** (octave + (BINS - 1 + tuning) / BINS)


def _decimation(most: float, hop_length: int) -> int:
    """The largest power of 2 that is at most ``most`` and divides the hop."""
    factor = 1
    while 2 * factor <= most and hop_length % (2 * factor) == 0:
        factor *= 2
    return factor


@lru_cache(maxsize=256)
def _kernels(sample_rate: float, octave: int, tuning: float, filter_scale: float) -> Tensor:
    """Real, then imaginary parts of an octave's kernels ``[24, N]``, N odd, centred; each row over √N_k / Σ w."""
    frequencies = C1 * 2.0 ** (octave + (np.arange(BINS) + tuning) / BINS)
    lengths = filter_scale * Q * sample_rate / frequencies
    reach = int(lengths[0] / 2) + 1
    n = np.arange(-reach, reach + 1)
    inside = np.abs(n) < lengths[:, None] / 2
    windows = np.where(inside, 0.5 + 0.5 * np.cos(2 * np.pi * n / lengths[:, None]), 0.0)
    windows *= np.sqrt(lengths / windows.sum(axis=1) ** 2)[:, None]
    phases = 2 * np.pi * n * frequencies[:, None] / sample_rate
    return torch.from_numpy(np.concatenate([windows * np.cos(phases), -windows * np.sin(phases)])).float()
