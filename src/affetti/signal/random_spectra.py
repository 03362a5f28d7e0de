"""Spectra to learn mel inversion from when there is no corpus at hand: frames of random notes in noise.

A frame holds a few notes; a note is a stack of harmonics, or a lone partial, whose pitch is uniform in octaves, because
where a partial lies between two mel bands is what the inverse has to learn. A partial is the main lobe of the window
(Hann's transform in closed form: sin(πx) / (πx (1 - x²)) at x bins from its frequency); noise is steady or a fading
burst, of random slope and level. Neighbouring frames have nothing to do with each other: this is no sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import ConstantQFrontEnd, FrontEnd
from affetti.signal.constant_q import hann_lobe
from affetti.signal.front_ends import band_at, band_filters, frequency_at

MIN_PITCH_HZ = 25.0
"""Lowest pitch, Hz."""
MAX_HARMONICS = 24
"""Harmonics of a note, at most."""
MAX_NOTES = 10
"""Notes in a frame, at most."""
LOBE_BINS = 3
"""Bins of a partial to either side."""


def random_spectra(front: FrontEnd, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Frames that have nothing to do with each other.

    Returns:
        Their magnitudes ``[n_fft/2 + 1, count]`` and their power in the bands ``[M, count]``, float32.
    """
    rng = np.random.default_rng(seed)
    partials = _partials(front, count, rng)
    tones = _tones(front, count, partials)
    noise = _noise(front, count, rng)
    noise *= 10.0 ** (rng.uniform(-70.0, -10.0, (count, 1)) / 20.0) * _rms(tones) / np.maximum(_rms(noise), 1e-9)
    filters = band_filters(front)
    if isinstance(front, ConstantQFrontEnd):
        # Kernels are longer or shorter than the window: of noise they see other samples of equal power.
        of_noise = np.sqrt(np.abs(noise) ** 2 @ filters.T) * (rng.normal(size=(2, count, len(filters))).T @ [1, 1j]).T
        bands = np.abs(_constant_q_tones(front, count, partials) + of_noise / np.sqrt(2)) ** 2
    else:
        bands = np.abs(tones + noise) ** 2 @ filters.T
    magnitude = torch.from_numpy(np.abs(tones + noise).T.astype(np.float32))
    return magnitude, torch.from_numpy(bands.T.astype(np.float32))


def _rms(spectra: NDArray[np.complex64]) -> NDArray[np.float64]:
    return np.sqrt(np.mean(np.abs(spectra) ** 2, axis=1, keepdims=True))


@dataclass(frozen=True)
class _Partials:
    """The partials of all frames."""

    frame: NDArray[np.intp]
    """The frame of each."""
    hertz: NDArray[np.float64]
    amplitude: NDArray[np.complex128]


def _partials(front: FrontEnd, count: int, rng: np.random.Generator) -> _Partials:
    highest = 0.4 * front.sample_rate
    frame = np.repeat(np.arange(count), rng.integers(1, MAX_NOTES + 1, count))
    lone = rng.random(len(frame)) < 0.3
    pitch = MIN_PITCH_HZ * (highest / MIN_PITCH_HZ / np.where(lone, 1.0, 8.0)) ** rng.random(len(frame))
    loudness, decay = rng.uniform(0.05, 1.0, len(frame)) ** 2, rng.uniform(0.5, 2.5, len(frame))
    harmonics = np.where(lone, 1, np.clip(highest // pitch, 1, MAX_HARMONICS)).astype(int)
    note = np.repeat(np.arange(len(frame)), harmonics)
    harmonic = 1 + np.arange(len(note)) - np.repeat(np.cumsum(harmonics) - harmonics, harmonics)
    size = loudness[note] * harmonic ** -decay[note] * np.exp(0.5 * rng.normal(size=len(note)))
    phases = np.exp(2j * np.pi * rng.random(len(note))).astype(np.complex128)
    return _Partials(frame[note], pitch[note] * harmonic, size * phases)


def _tones(front: FrontEnd, count: int, partials: _Partials) -> NDArray[np.complex64]:
    """Spectra ``[count, n_fft/2 + 1]``; a partial of amplitude 1 has a modulus of 1 at its frequency."""
    bins = 1 + front.linear_n_fft // 2
    place = partials.hertz * front.linear_n_fft / front.sample_rate
    nearest = np.rint(place).astype(int)
    beside = place - nearest
    beside = np.where(np.abs(beside) < 1e-6, 1e-6, beside)
    partial = partials.amplitude * np.sin(np.pi * beside) / np.pi
    spectra = np.zeros((count, bins + 2 * LOBE_BINS), np.complex64)
    flat = spectra.reshape(-1)
    start = partials.frame * spectra.shape[1] + nearest + LOBE_BINS
    for offset in range(-LOBE_BINS, LOBE_BINS + 1):
        # x = offset - beside; sin(πx) is ±sin(π beside), and the window, centred in its frame, takes the sign back.
        x = offset - beside
        np.add.at(flat, start + offset, (-partial / (x * (1.0 - x * x))).astype(np.complex64))
    return spectra[:, LOBE_BINS:-LOBE_BINS]


def _constant_q_tones(front: ConstantQFrontEnd, count: int, partials: _Partials) -> NDArray[np.complex128]:
    """The same partials in a constant-Q transform ``[count, M]``, on the scale that their spectra have."""
    nearest = np.rint(band_at(partials.hertz, front)).astype(int)
    bins = np.zeros((count, front.n_bins), np.complex128)
    for offset in range(-LOBE_BINS, LOBE_BINS + 1):
        k = nearest + offset
        inside = (k >= 0) & (k < front.n_bins)
        centre = frequency_at(k[inside], front)
        scale = np.sqrt(front.q * front.sample_rate / centre) / (front.linear_n_fft / 2)
        lobe = hann_lobe(front.q * (partials.hertz[inside] / centre - 1.0))
        np.add.at(bins, (partials.frame[inside], k[inside]), partials.amplitude[inside] * scale * lobe)
    return bins


def _noise(front: FrontEnd, count: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    time = np.arange(front.linear_n_fft, dtype=np.float32) / front.linear_n_fft
    start = rng.uniform(0.0, 1.0, (count, 1)).astype(np.float32)
    length = rng.uniform(0.02, 1.0, (count, 1)).astype(np.float32)
    steady = rng.random((count, 1)) < 0.7
    burst = np.where(time >= start, np.exp(-3.0 * np.maximum(time - start, 0.0) / length), 0.0)
    fading = np.where(steady, 1.0, burst).astype(np.float32)
    window = np.sin(np.pi * time) ** 2
    white = np.fft.rfft(rng.standard_normal((count, front.linear_n_fft), dtype=np.float32) * (fading * window), axis=1)
    slope = rng.uniform(-1.0, 0.3, (count, 1))
    return (white * np.arange(1, white.shape[1] + 1) ** slope).astype(np.complex64)
