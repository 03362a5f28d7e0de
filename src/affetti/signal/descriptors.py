"""Handcrafted descriptors of a clip: 42 numbers of harmony, and 14 of loudness, onsets, register and articulation.

Harmony is described relative to the tonic (:mod:`affetti.signal.harmony`), so that a song and its transposition have
the same numbers. The others are cues of emotion in the literature (Gabrielsson & Lindström 2010, "The role of structure
in the musical expression of emotions"; Eerola, Friberg & Bresin 2013, "Emotional expression in music").

When not to use: to compare timbre, which they hardly describe; clips under a second.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import InputError
from affetti.signal.harmony import Harmony, describe_harmony

Floats = NDArray[np.float64]

DEGREES = ("1", "b2", "2", "b3", "3", "4", "#4", "5", "b6", "6", "b7", "7")
HARMONY_NAMES: tuple[str, ...] = (
    *(f"degree {degree}" for degree in DEGREES),
    *(f"bass {degree}" for degree in DEGREES),
    *(f"interval class {interval}" for interval in range(1, 7)),
    *(f"{profile} {mode}" for profile in ("krumhansl-kessler", "albrecht-shanahan") for mode in ("major", "minor")),
    "major over minor",
    "key strength",
    "has key",
    "continuity",
    "share of minor windows",
    "contrast",
    "change of chroma",
    "in tune",
)
"""What each number of :func:`harmony_descriptors` is."""
EXPRESSION_NAMES: tuple[str, ...] = (
    "loudness",
    "loudness, deviation",
    "loudness, 95th over 5th percentile",
    "crest factor",
    "onsets a second",
    "onset strength",
    "onset strength, deviation",
    "pulse clarity",
    "spectral centroid",
    "spectral centroid, deviation",
    "spectral spread",
    "level under 250 Hz",
    "share of silence",
    "decay after onsets",
)
"""What each number of :func:`expression_descriptors` is."""
N_FFT, HOP_LENGTH = 1_024, 512
FLOOR_DB = 60.0
"""Depth of levels under the loudest frame, dB."""


def harmony_descriptors(waveform: Tensor, sample_rate: int) -> Floats:
    """The harmony of a clip as numbers ``[42]``, see :data:`HARMONY_NAMES`; raises as :func:`describe_harmony`.

    Args:
        waveform: ``[T]``.
        sample_rate: of it.
    """
    return harmony_numbers(describe_harmony(waveform, sample_rate))


def harmony_numbers(harmony: Harmony) -> Floats:
    """A described harmony as numbers ``[42]``, see :data:`HARMONY_NAMES`."""
    minor = [key.mode == "minor" for key in harmony.windows if key.mode is not None]
    by_mode = harmony.correlations.mean(axis=0)
    return np.concatenate(
        [
            harmony.profile,
            harmony.bass_profile,
            harmony.interval_classes,
            harmony.correlations.ravel(),
            [
                by_mode[0] - by_mode[1],
                harmony.key.strength,
                float(harmony.key.tonic is not None),
                harmony.continuity,
                float(np.mean(minor)) if minor else 0.5,
                harmony.contrast,
                harmony.change,
                harmony.tuning.concentration,
            ],
        ]
    )


def expression_descriptors(waveform: Tensor, sample_rate: int) -> Floats:
    """Loudness, onsets, register and articulation of a clip as numbers ``[14]``, see :data:`EXPRESSION_NAMES`.

    Levels are in dB, frequencies in octaves above C1 weighted by magnitude. Onsets are maxima of the spectral flux of
    log magnitudes (Böck & Widmer 2013) that rise over its mean by its deviation. *Pulse clarity* is the highest
    autocorrelation of the flux at lags of 0.25 to 1.5 s (Lartillot et al. 2008). *Decay* is the fall, dB, from the
    highest level in the 100 ms after an onset to the lowest in 250 ms: it is small where notes are held (legato).

    Raises:
        InputError: there are no samples.
    """
    if waveform.ndim != 1 or len(waveform) < 1:
        raise InputError(f"a waveform of shape {tuple(waveform.shape)}", hint="give at least one sample, [T]")
    frames = torch.nn.functional.pad(waveform.float(), (N_FFT // 2, N_FFT // 2)).unfold(0, N_FFT, HOP_LENGTH)
    magnitude = torch.fft.rfft(frames * torch.hann_window(N_FFT)).abs().double().cpu().numpy()
    power = frames.double().square().mean(dim=1).cpu().numpy()
    level = 10 * np.log10(np.maximum(power, 1e-10))
    level = np.maximum(level, level.max() - FLOOR_DB)
    sounding = level > level.max() - FLOOR_DB / 1.5
    flux = np.maximum(np.diff(np.log1p(100 * magnitude), axis=0), 0).mean(axis=1)
    seconds = len(waveform) / sample_rate
    onsets = _onsets(flux)
    octaves = np.log2(np.maximum(np.arange(1, magnitude.shape[1]) * sample_rate / N_FFT, 1.0) / 32.7)
    weight = magnitude[:, 1:] / np.maximum(magnitude[:, 1:].sum(axis=1, keepdims=True), 1e-12)
    centroid = weight @ octaves
    spread = np.sqrt(np.maximum(weight @ octaves**2 - centroid**2, 0))
    total, low = (magnitude[:, 1:] ** 2).sum(), (magnitude[:, 1 : 1 + round(250 * N_FFT / sample_rate)] ** 2).sum()
    return np.array(
        [
            10 * np.log10(max(power.mean(), 1e-10)),
            level.std(),
            np.ptp(np.percentile(level, (5, 95))),
            10 * np.log10(max(power.max(), 1e-10) / max(power.mean(), 1e-10)),
            len(onsets) / seconds,
            flux.mean() if len(flux) else 0.0,
            flux.std() if len(flux) else 0.0,
            _pulse_clarity(flux, sample_rate / HOP_LENGTH),
            centroid[sounding].mean(),
            centroid[sounding].std(),
            spread[sounding].mean(),
            10 * np.log10(max(low, 1e-10) / max(total, 1e-10)),
            1.0 - sounding.mean(),
            _decay(level, onsets, sample_rate / HOP_LENGTH),
        ]
    )


def _onsets(flux: Floats) -> NDArray[np.intp]:
    """Frames of local maxima that rise over the mean by the deviation."""
    if len(flux) < 3:
        return np.zeros(0, dtype=np.intp)
    inner = flux[1:-1]
    return 1 + np.flatnonzero((inner > flux[:-2]) & (inner >= flux[2:]) & (inner > flux.mean() + flux.std()))


def _pulse_clarity(flux: Floats, frame_rate: float) -> float:
    """The highest autocorrelation of the flux at lags of 0.25 to 1.5 s; 0 where it is too short or constant."""
    first, last = round(0.25 * frame_rate), min(round(1.5 * frame_rate), len(flux) - 2)
    if last < first or flux.std() < 1e-9:
        return 0.0
    centred = flux - flux.mean()
    spectrum = np.abs(np.fft.rfft(centred, 2 * len(flux))) ** 2
    correlation = np.fft.irfft(spectrum)[: len(flux)]
    return float(correlation[first : last + 1].max() / correlation[0])


def _decay(level: Floats, onsets: NDArray[np.intp], frame_rate: float) -> float:
    """Mean fall of the level after onsets, dB; 0 without onsets."""
    if not len(onsets):
        return 0.0
    after = level[np.minimum(onsets[:, None] + np.arange(1, 1 + round(0.25 * frame_rate)), len(level) - 1)]
    return float(np.mean(after[:, : max(1, round(0.1 * frame_rate))].max(axis=1) - after.min(axis=1)))
