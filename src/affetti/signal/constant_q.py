"""Constant-Q transform: magnitudes at frequencies that rise by equal ratios, as notes do.

Brown (1991), "Calculation of a constant Q spectral transform", JASA 89:425. Bin k lies at ``f_k = f_min · 2^(k / b)``
for b bins an octave and sees Q = (r² + 1) / (r² - 1) periods of it, r = 2^(1/b), through a Hann window w of about
``N_k = Q · sample_rate / f_k`` samples:

    C[k, t] = √N_k · |Σ_n x[t · hop + n] · w[n] · exp(-2πi · f_k · n / sample_rate)| / Σ_n w[n]

with n about the centre of the frame. Each octave is computed on the waveform decimated to about its own band
(Schörkhuber & Klapuri 2010), so that all have kernels of some hundred samples. Scale, windows (of whole samples) and
decimation (soxr's HQ) are those of ``librosa.cqt`` without its sparse approximation (``sparsity=0``).

When not to use: to follow a bass line in time, since the lowest kernel lasts half a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti.errors import InputError, UsageError
from affetti.presets import C1, HALF_BANDWIDTH, ConstantQFrontEnd, quality_factor
from affetti.signal.mel import power_to_db

BINS = 12
"""Bins an octave where nothing else is said."""


class ConstantQSpectrogram(nn.Module):
    """Waveform to constant-Q spectrogram in dB.

    Shape:
        - input ``[*, T]``, a waveform of any length ≥ 1
        - output ``[*, M, F]``, F = 1 + floor(T / hop_length), dB; float32
    """

    def __init__(self, front: ConstantQFrontEnd) -> None:
        super().__init__()
        self.front = front

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the spectrogram; see the class for shapes."""
        front = self.front
        flat = waveform if waveform.ndim in (1, 2) else waveform.flatten(0, -2)
        magnitude = constant_q(
            flat,
            front.sample_rate,
            f_min=front.f_min,
            n_bins=front.n_bins,
            bins_per_octave=front.bins_per_octave,
            hop_length=front.hop_length,
        )
        levels = power_to_db(magnitude.square(), front.top_db)
        return levels.reshape(*waveform.shape[:-1], *levels.shape[-2:])


def constant_q(
    waveform: Tensor,
    sample_rate: int,
    *,
    f_min: float = C1,
    n_bins: int = 84,
    bins_per_octave: int = BINS,
    hop_length: int = 1024,
    tuning: float = 0.0,
    filter_scale: float = 1.0,
) -> Tensor:
    """Magnitudes of the constant-Q transform.

    Args:
        waveform: ``[T]`` or ``[B, T]``, T ≥ 1; it is padded with zeros at both ends.
        sample_rate: its samples a second.
        f_min: frequency of the lowest bin, Hz, > 0; C1 by default.
        n_bins: number of bins, ≥ 1; 84 of 12 an octave reach from C1 to B7, 3,951 Hz.
        bins_per_octave: bins an octave, ≥ 1.
        hop_length: step between frames, samples.
        tuning: of A4 against 440 Hz, bins, in [-0.5, 0.5].
        filter_scale: factor on Q. At 1 a note is seen 6 dB lower in the bins beside its own; at 2 not at all, and
            kernels last twice as long.

    Returns:
        ``[n_bins, F]`` or ``[B, n_bins, F]``, F = 1 + floor(T / hop_length); float32, ≥ 0.

    Raises:
        InputError: there are no samples, or the sample rate is too low for the highest bin.
        UsageError: fewer than one bin or sample of a hop, or a frequency that is not positive.

    Example:
        >>> a4 = torch.sin(2 * torch.pi * 440 * torch.arange(22_050) / 22_050)
        >>> int(constant_q(a4, 22_050).mean(dim=1).argmax()) - 3 * 12  # semitones above C4
        9
    """
    if waveform.ndim not in (1, 2) or waveform.shape[-1] < 1:
        raise InputError(f"a waveform of shape {tuple(waveform.shape)}", hint="give at least one sample, [T] or [B, T]")
    if min(n_bins, bins_per_octave, hop_length) < 1:
        settings = f"{n_bins} bins, {bins_per_octave} an octave, a hop of {hop_length} samples"
        raise UsageError(settings, hint="give 1 or more of each")
    if not f_min > 0:
        raise UsageError(f"a lowest bin at {f_min:g} Hz", hint="give more than 0 Hz")
    f_min *= 2.0 ** (tuning / bins_per_octave)
    q = filter_scale * quality_factor(bins_per_octave)
    cutoff = f_min * 2.0 ** ((n_bins - 1) / bins_per_octave) * (1.0 + HALF_BANDWIDTH / q)
    if sample_rate < 2 * cutoff:
        highest = f"{n_bins} bins from {f_min:.4g} Hz, {bins_per_octave} an octave"
        raise InputError(
            f"{sample_rate} samples a second are too few for {highest}",
            hint=f"resample to {math.ceil(2 * cutoff)} or more, or take fewer bins",
        )
    samples = waveform.reshape(-1, waveform.shape[-1]).float().cpu().numpy()
    n_frames = 1 + samples.shape[1] // hop_length
    parts: list[Tensor] = []
    slow, factor = list(samples), 1
    for octave in _octaves(f_min, n_bins, bins_per_octave, sample_rate / cutoff, hop_length):
        while factor < octave.factor:
            slow, factor = [halved(each) for each in slow], 2 * factor
        kernels = _kernels(octave, q, sample_rate)
        parts.append(_responses(np.stack(slow), kernels, hop_length // factor, n_frames) * math.sqrt(factor))
    magnitude = torch.cat(parts[::-1], dim=2).transpose(1, 2).to(waveform.device)
    return magnitude.reshape(*waveform.shape[:-1], *magnitude.shape[1:])


def constant_q_filters(front: ConstantQFrontEnd) -> NDArray[np.float64]:
    """Mean power in each bin for a unit of power in each bin of a linear spectrum ``[M, n_fft/2 + 1]``.

    The linear spectrum is that of a Hann window of :attr:`~affetti.presets.FrontEnd.linear_n_fft` samples. A sound
    whose partials are steady and apart, or noise, has in bin k on average the power

        Σ_f N_k |W_k(f - f_k)|² P(f) / (n_fft · Σ_n v[n]²) · 2

    with W_k the transform of its window over its sum, v the Hann window, and P the power spectrum.
    """
    n_fft, rate = front.linear_n_fft, front.sample_rate
    hertz = np.arange(1 + n_fft // 2) * rate / n_fft
    centres = front.f_min * 2.0 ** (np.arange(front.n_bins) / front.bins_per_octave)
    lengths = front.q * rate / centres
    x = (hertz - centres[:, None]) * lengths[:, None] / rate
    inside = np.abs(x) <= 2.0  # the main lobe; where it is narrower than a bin of the linear spectrum, the nearest
    nearest = np.abs(x) <= np.abs(x).min(axis=1, keepdims=True)
    power = np.where(inside | nearest, hann_lobe(x) ** 2, 0.0)
    # Parseval: over all bins of the linear spectrum the squared response sums to 1.5 n_fft / N_k.
    power *= 1.5 * n_fft / lengths[:, None] / np.maximum(power.sum(axis=1, keepdims=True), 1e-12)
    return power * lengths[:, None] / (0.375 * n_fft**2)


def hann_lobe(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transform of a Hann window over its sum, x frequencies in units of 1 over its length: sin(πx) / (πx (1 - x²))."""
    x = np.where(np.abs(np.abs(x) - 1.0) < 1e-6, 1.0 + 1e-6, x)
    return np.sinc(x) / (1.0 - x**2)


def octave_kernels(front: ConstantQFrontEnd) -> list[tuple[int, Tensor]]:
    """Decimation and kernels ``[2 K, N]`` (real, then imaginary parts; N odd, centred) of each octave, highest first.

    The modulus of their products with the decimated waveform is the transform over the root of the decimation.
    """
    octaves = _octaves(
        front.f_min, front.n_bins, front.bins_per_octave, front.sample_rate / front.cutoff, front.hop_length
    )
    return [(octave.factor, _kernels(octave, front.q, front.sample_rate)) for octave in octaves]


@dataclass(frozen=True)
class _Octave:
    """Bins that are computed at one sample rate."""

    frequencies: tuple[float, ...]
    factor: int
    """By which the waveform is decimated, a power of 2 that divides the hop."""


@lru_cache(maxsize=64)
def _octaves(
    f_min: float, n_bins: int, bins_per_octave: int, oversampling: float, hop_length: int
) -> tuple[_Octave, ...]:
    """The octaves from the highest down; the lowest may be a part of one.

    ``oversampling`` is the sample rate over the frequency at which the response of the highest bin has ended, ≥ 2. As
    librosa's, the highest octave is decimated as far as keeps this above 4, if the hop allows it for all octaves; each
    octave after it by 2 more.
    """
    tops = range(n_bins, 0, -bins_per_octave)
    halvings = (hop_length & -hop_length).bit_length() - 1  # how often the hop can be halved
    first = max(0, min(math.ceil(math.log2(oversampling / 2)) - 2, halvings - len(tops) + 1))
    octaves: list[_Octave] = []
    for number, top in enumerate(tops):
        bins = range(max(0, top - bins_per_octave), top)
        frequencies = tuple(f_min * 2.0 ** (k / bins_per_octave) for k in bins)
        octaves.append(_Octave(frequencies, 2 ** min(first + number, halvings)))
    return tuple(octaves)


def halved(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every other sample ``[⌈T / 2⌉]`` of what lies below half the Nyquist frequency."""
    length = -(-len(samples) // 2)
    half = soxr.resample(samples, 2, 1, quality="HQ")[:length]
    return np.pad(half, (0, length - len(half)))


def _responses(samples: NDArray[np.float32], kernels: Tensor, hop: int, n_frames: int) -> Tensor:
    """Moduli ``[B, F, K]`` of the products of frames of ``[B, T]`` with kernels ``[2 K, N]``, N odd."""
    size = kernels.shape[1]
    after = max(0, (n_frames - 1) * hop + size // 2 + 1 - samples.shape[1])
    padded = nn.functional.pad(torch.from_numpy(samples), (size // 2, after))
    frames = padded.unfold(1, size, hop)[:, :n_frames]
    real, imaginary = (frames @ kernels.T).chunk(2, dim=2)
    return (real.square() + imaginary.square()).sqrt()


@lru_cache(maxsize=256)
def _kernels(octave: _Octave, q: float, sample_rate: int) -> Tensor:
    """Real, then imaginary parts of an octave's kernels ``[2 K, N]``, N odd, centred; each row over √N_k / Σ w.

    A window has a whole number of samples, and lies as librosa's does, which may be half a sample off the centre.
    """
    rate = sample_rate / octave.factor
    frequencies = np.array(octave.frequencies)
    lengths = q * rate / frequencies
    reach = int(lengths.max() / 2) + 2
    n = np.arange(-reach, reach + 1)
    padded = 2 ** math.ceil(math.log2(lengths.max()))
    windows = np.zeros((len(frequencies), len(n)))
    for row, length in zip(windows, lengths, strict=True):
        whole = math.ceil(length // 2 - -length // 2)
        # librosa convolves: its kernel, centred among a power of 2 of samples, is turned round.
        last = padded // 2 - (padded - whole) // 2 + reach
        row[last - whole + 1 : last + 1] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(whole - 1, -1, -1) / whole)
    windows *= np.sqrt(lengths)[:, None] / windows.sum(axis=1, keepdims=True)
    phases = 2 * np.pi * n * frequencies[:, None] / rate
    return torch.from_numpy(np.concatenate([windows * np.cos(phases), -windows * np.sin(phases)])).float()
