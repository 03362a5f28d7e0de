"""Which scale the values of an array of log-mels are on, so that one that is not dB is named before it is scored.

affetti's log-mels are power in dB with reference 1, floored 80 dB under each clip's maximum, as ``[N, M, F]``. Other
tools scale to [-1, 1], take a natural or decimal logarithm, set each clip's maximum to 0 dB, or put frames before
bands. These are rules of thumb on levels, made for music: use them for a caution, never to convert.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.rows import evenly_spaced

CHECKED_CLIPS = 64
"""Clips that are inspected, evenly spaced."""
SKEWED = 0.05
"""Median over maximum of a linear spectrogram: power and magnitude are small nearly everywhere."""
BULK = (1, 99)
"""Percentiles between which values decide on the range that they were scaled to."""
MARGIN = 0.1
"""How far these may lie outside it."""
MIN_DB_RANGE = 30.0
"""Range of a clip of music in dB; a natural logarithm turns 80 dB into 18, a decimal one into 8."""
MAX_DECIMAL_RANGE = 11.0
SWAPPED = 2.0
"""Ratio of spreads from which axes are taken for swapped. All clips share the tilt of the mean spectrum, which spreads
the means of bands; the means of frames over many clips are nearly equal."""


def unlike_decibels(mels: NDArray[Any]) -> str | None:
    """The likely scale of the values of an array ``[N, M, F]`` that are no dB log-mels; None where they may be.

    Example:
        >>> unlike_decibels(np.random.default_rng(0).uniform(-1, 1, (8, 64, 128)))
        'values from -1 to 1: scaled to [-1, 1]?'
    """
    clips = np.asarray(mels[evenly_spaced(len(mels), CHECKED_CLIPS)], dtype=np.float64)
    low, high = float(clips.min()), float(clips.max())
    values = f"values from {low:.4g} to {high:.4g}"
    if not np.isfinite([low, high]).all() or low == high:
        return None
    if low >= 0 and float(np.median(clips)) < SKEWED * high:
        return f"{values}, most near 0: power or magnitude without a logarithm?"
    if (scaled := _unit_scale(clips)) is not None:
        return f"{values}: {scaled}?"
    if low >= 0:
        return f"{values}, none below 0: dB above a floor?"
    widths = np.ptp(clips, axis=(1, 2))
    typical = float(np.median(widths))
    if typical < MIN_DB_RANGE:
        base = "a decimal logarithm" if typical <= MAX_DECIMAL_RANGE else "a natural logarithm"
        return f"clips range over {typical:.3g}, music over 40 to 80 dB: {base}?"
    if _axes_look_swapped(clips):
        return f"shape {mels.shape} varies along its last axis as bands do: frames before bands?"
    if len(clips) > 1 and np.abs(clips.max(axis=(1, 2))).max() < 0.01:
        return "every clip's maximum is 0 dB: levels relative to each clip's own maximum?"
    return None


def _unit_scale(clips: NDArray[np.float64]) -> str | None:
    """Whether nearly all values lie in [0, 1] or [-1, 1] (networks exceed it), or have mean 0 and deviation 1."""
    lowest, highest = np.percentile(clips, BULK)
    if lowest >= -MARGIN and highest <= 1 + MARGIN:
        return "scaled to [0, 1]"
    if lowest >= -1 - MARGIN and highest <= 1 + MARGIN:
        return "scaled to [-1, 1]"
    if abs(clips.mean()) <= MARGIN and abs(clips.std() - 1) <= MARGIN:
        return "standardised to mean 0 and deviation 1"
    return None


def _axes_look_swapped(clips: NDArray[np.float64]) -> bool:
    along_bands, along_frames = clips.mean(axis=(0, 2)).std(), clips.mean(axis=(0, 1)).std()
    return bool(along_frames > SWAPPED * along_bands)
