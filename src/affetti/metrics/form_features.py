"""Form: how a clip's picture develops over its length, and whether it returns.

The levels of sixteen groups of bands about their mean over time make a path. Measured are

- the mean square distance of two moments by the lag between them, from a sixteenth to three quarters of the clip, over
  the clip's variance: real music drifts, so that the distance grows with the lag; a clip cut into blocks and dealt anew
  does not;
- in each octave of lags, how far the smallest distance lies below the mean: a loop comes back to exactly where it was,
  music that repeats does so with differences;
- how the novelty of the clip, the distance of two windows that touch, grows with their length from a thirty-second of
  the clip to its half, and how far its maximum stands above its median (the kernel of Foote 2000 without its
  off-diagonal);
- how alike the mean spectra of the clip's quarters are, and how far their levels lie apart: halves of two songs differ
  more than halves of one.

Scales follow the clip's length: of six seconds form is phrases, of thirty it is sections. When not to use: on clips
under some three seconds, which have none.
"""

from __future__ import annotations

import itertools

import numpy as np

from affetti.metrics.mel_features import MIN_SPREAD_DB, Batch, by_group
from affetti.metrics.sample import Floats

BAND_GROUPS = 16
LAG_CELLS = 6
QUARTERS = 4
WINDOWS = (32, 16, 8, 4, 2)
"""Of the clip's length, the share that each window of the novelty has."""
MIN_RATIO = 0.01
"""Distances below this share of those between independent moments count as none."""


def form_features(x: Batch) -> Floats:
    """Features of log-mels in dB ``[B, M, F]``: ``[B, D]``, D by F alone."""
    level = by_group(x, BAND_GROUPS)
    level -= level.mean(axis=2, keepdims=True)
    return np.concatenate([_returns(level), _novelty(level), _quarters(x)], axis=1)


def _returns(level: Floats) -> Floats:
    """Mean distance by octave of lag, and the smallest one beside it."""
    frames = level.shape[2]
    distance = _distance_by_lag(level)
    edges = np.unique(np.geomspace(max(1, frames // 16), distance.shape[1], LAG_CELLS + 1).round().astype(int))
    columns: list[Floats] = []
    for start, stop in itertools.pairwise(edges):
        cell = distance[:, start - 1 : stop]
        mean = np.log(cell.mean(axis=1) + MIN_RATIO)
        columns += [mean, np.log(cell.min(axis=1) + MIN_RATIO) - mean]
    return np.stack(columns, axis=1)


def _distance_by_lag(level: Floats) -> Floats:
    """Mean square distance of moments 1, 2, ... ¾F frames apart, over that of independent ones: ``[B, lags]``."""
    groups, frames = level.shape[1:]
    spectrum = np.fft.rfft(level, 2 * frames, axis=2)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
    product = np.fft.irfft(power, 2 * frames, axis=1)
    square = (level**2).sum(axis=1)
    before = np.concatenate([np.zeros((len(level), 1)), np.cumsum(square, axis=1)], axis=1)
    lag = np.arange(1, 3 * frames // 4)
    # Σ (y[t + lag] − y[t])² = Σ of squares of the first F − lag frames + of the last − 2 Σ y[t] y[t + lag]
    total = before[:, frames - lag] + before[:, -1:] - before[:, lag] - 2 * product[:, lag]
    variance = square.mean(axis=1, keepdims=True) / groups
    return np.maximum(total, 0.0) / ((frames - lag) * groups) / (2 * variance + MIN_SPREAD_DB)


def _novelty(level: Floats) -> Floats:
    """Growth of novelty with each doubling of its windows, and its maximum over its median."""
    sums = np.concatenate([np.zeros((*level.shape[:2], 1)), np.cumsum(level, axis=2)], axis=2)
    columns: list[Floats] = []
    finer: Floats | float = 0.0
    for share in WINDOWS:
        width = max(1, level.shape[2] // share)
        mean = (sums[:, :, width:] - sums[:, :, :-width]) / width
        novelty = np.sqrt(((mean[:, :, width:] - mean[:, :, :-width]) ** 2).mean(axis=1))
        strength = 0.5 * np.log((novelty**2).mean(axis=1) + MIN_SPREAD_DB**2)
        peak = np.log(novelty.max(axis=1) + MIN_SPREAD_DB) - np.log(np.median(novelty, axis=1) + MIN_SPREAD_DB)
        columns += [strength - finer, peak]
        finer = strength
    return np.stack(columns, axis=1)


def _quarters(x: Batch) -> Floats:
    """How alike the mean spectra of the quarters are, and the largest and mean step from one to the next."""
    spectra = np.stack([part.mean(axis=2, dtype=np.float64) for part in np.array_split(x, QUARTERS, axis=2)], axis=1)
    shape = spectra - spectra.mean(axis=2, keepdims=True)
    later, earlier = np.tril_indices(QUARTERS, -1)
    alike = np.arctanh(np.clip(_correlation(shape[:, later], shape[:, earlier]), -0.999, 0.999))
    halves = _correlation(shape[:, :2].mean(axis=1), shape[:, 2:].mean(axis=1))
    louder = np.abs(np.diff(spectra.mean(axis=2), axis=1)).max(axis=1)
    step = np.sqrt((np.diff(spectra, axis=1) ** 2).mean(axis=2))
    steps = np.log(np.stack([step.max(axis=1), step.mean(axis=1)], axis=1) + MIN_SPREAD_DB)
    return np.column_stack([alike.min(axis=1), alike.mean(axis=1), halves, np.log(louder + 1.0), steps])


def _correlation(a: Floats, b: Floats) -> Floats:
    """Of centred vectors along the last axis."""
    product = (a * b).sum(axis=-1)
    return np.asarray(product / np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1) + MIN_SPREAD_DB))
