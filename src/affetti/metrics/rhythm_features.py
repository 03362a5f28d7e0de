"""Rhythm: how onsets recur, whether all registers keep one tempo, and whether it lasts.

The strength of onsets is the mean rise of levels from one frame to the next, of all bands and of four groups of them.
Measured are the autocorrelation of this curve (its largest value and its spread in octaves of lags up to ¾ of the
clip), how alike the autocorrelations of the clip's two halves are and those of the groups of bands, and how uneven
onsets are: spread, skewness, kurtosis, and the spread of their density over quarters of the clip.

When not to use: to find a tempo in beats per minute; a frame of the preset ``tiny`` is 46 ms.
"""

from __future__ import annotations

import itertools

import numpy as np

from affetti.metrics.mel_features import MIN_SPREAD_DB, Batch, by_group
from affetti.metrics.sample import Floats

BAND_GROUPS = 4
LAG_CELLS = 7
MIN_LAG = 3
"""Frames; shorter lags are the shape of one onset."""


def rhythm_features(x: Batch) -> Floats:
    """Features of log-mels in dB ``[B, M, F]``: ``[B, D]``, D by F alone."""
    rise = np.maximum(np.diff(x, axis=2), 0)
    groups = by_group(rise, BAND_GROUPS)
    onsets = np.concatenate([groups.mean(axis=1, keepdims=True), groups], axis=1)
    onsets -= onsets.mean(axis=2, keepdims=True)
    recurrence = _autocorrelation(onsets)
    whole, half = recurrence[:, 0], onsets.shape[2] // 2
    edges = np.unique(np.geomspace(MIN_LAG, whole.shape[1], LAG_CELLS + 1).round().astype(int))
    columns: list[Floats] = []
    for start, stop in itertools.pairwise(edges):
        cell = whole[:, start:stop]
        columns += [cell.max(axis=1), cell.std(axis=1)]
    columns.append(np.arctanh(np.clip(whole[:, MIN_LAG + 1 :].max(axis=1), -0.999, 0.999)))
    first, second = (_autocorrelation(part)[:, 0, 2:] for part in (onsets[:, :, :half], onsets[:, :, half : 2 * half]))
    columns.append(_correlation(first, second))
    for i in range(1, recurrence.shape[1]):
        columns += [_correlation(recurrence[:, i, 2:half], recurrence[:, j, 2:half]) for j in range(1, i)]
    return np.column_stack([*columns, _unevenness(onsets[:, 0], rise.mean(axis=1))])


def _autocorrelation(curves: Floats) -> Floats:
    """Unbiased autocorrelation of centred curves ``[B, G, T]`` at lags 0 to ¾T."""
    frames = curves.shape[2]
    spectrum = np.fft.rfft(curves, 2 * frames, axis=2)
    product = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, 2 * frames, axis=2)[:, :, : 3 * frames // 4]
    overlap = 1 - np.arange(product.shape[2]) / frames
    return np.asarray(product / (product[:, :, :1] + MIN_SPREAD_DB) / overlap)


def _unevenness(onsets: Floats, rise: Batch) -> Floats:
    """Spread, skewness and kurtosis of the strength of onsets, and how its mean varies over quarters of the clip."""
    spread = onsets.std(axis=1) + MIN_SPREAD_DB
    standard = onsets / spread[:, None]
    quarters = np.stack([part.mean(axis=1) for part in np.array_split(rise, 4, axis=1)], axis=1)
    return np.stack(
        [
            np.log(spread),
            (standard**3).mean(axis=1),
            np.log((standard**4).mean(axis=1) + 0.5),
            quarters.std(axis=1) / (quarters.mean(axis=1) + MIN_SPREAD_DB),
        ],
        axis=1,
    )


def _correlation(a: Floats, b: Floats) -> Floats:
    """Of each row of ``a`` with that of ``b``."""
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return np.asarray((a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1) + 1e-6))
