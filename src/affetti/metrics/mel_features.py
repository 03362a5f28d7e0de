"""Features of log-mels for the five parts that the study's score names, and how log-mels are read.

Each clip ``[M, F]`` in dB becomes five short vectors. Bands are summed up in groups of neighbours, so that the vectors
are as long for 64 bands as for 128, and spreads are taken in logarithms, so that half and double weigh the same.

- ``frechet``: time and frequency at once. Power of the clip's two-dimensional spectrum (temporal rate by spectral
  scale) in octave-like cells, low and high bands apart, and the mean patch around the strongest onsets.
- ``moments``: mean, spread and skewness of the level in each band group.
- ``smoothness``: how far the level moves within 1, 2, 4, ... 32 frames in each band group, and the skewness of those
  moves at short lags. (Struck and plucked sounds rise fast and fall slowly, so time has a direction.)
- ``frequency``: the mean spectrum's shape and slopes by region, its fine structure frame by frame, and how band groups
  rise and fall together.
- ``range``: quantiles of the clip's levels, and the spread of its loudness over time.

When not to use: alone. They are those of music seen as a picture, half a second at a time; what lies beyond has
features of its own (``quality_features`` lists them).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from affetti.errors import InputError
from affetti.metrics.sample import Floats
from affetti.rows import release_pages, require_finite

PARTS = ("frechet", "moments", "smoothness", "frequency", "range")
"""The study's parts."""
LAGS = (1, 2, 4, 8, 16, 32)
"""Frames over which change is measured; those up to F/2 are used."""
OFFSETS = (-4, -2, -1, 0, 1, 2, 4)
"""Frames around an onset."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MIN_BANDS_FRAMES = (8, 16)
"""Fewest bands and frames that can be measured."""
MIN_SPREAD_DB = 0.1
"""dB below which a spread counts as none: about the step of float16 at 80 dB."""
BATCH_VALUES = 1 << 21

Mels = NDArray[np.float16] | NDArray[np.float32] | NDArray[np.float64]
Batch = NDArray[np.float32]


def require_mels(mels: Mels, name: str) -> None:
    """Whether ``mels`` is ``[N, M, F]`` with enough bands and frames.

    Raises:
        InputError: it is not.
    """
    if mels.ndim != 3:
        raise InputError(f"shape {mels.shape} is not [N, M, F]", where=name, hint="stack log-mels in dB, one a clip")
    if mels.shape[1] < MIN_BANDS_FRAMES[0] or mels.shape[2] < MIN_BANDS_FRAMES[1]:
        raise InputError(
            f"clips of {mels.shape[1]} bands and {mels.shape[2]} frames",
            where=name,
            hint=f"give at least {MIN_BANDS_FRAMES[0]} bands and {MIN_BANDS_FRAMES[1]} frames",
        )


def batches(mels: Mels, name: str) -> Iterator[Batch]:
    """``mels`` a few rows at a time, in float32, so that a memory-mapped set is never loaded whole.

    Raises:
        InputError: a value is not finite; the message names its clip.
    """
    rows = max(1, BATCH_VALUES // (mels.shape[1] * mels.shape[2]))
    for start in range(0, len(mels), rows):
        batch = np.asarray(mels[start : start + rows], dtype=np.float32)
        require_finite(batch, range(start, start + len(batch)), name)
        yield batch
        release_pages(mels)


def study_features(x: Batch) -> dict[str, Floats]:
    """The features of each clip of a batch ``[B, M, F]``, by part: ``[B, D]``, D by M and F alone."""
    mean = x.mean(axis=2, dtype=np.float64)
    centred = x - mean[:, :, None].astype(np.float32)
    return {
        "frechet": np.concatenate([_modulation(x), _onset_patch(x, centred)], axis=1),
        "moments": _moments(mean, centred),
        "smoothness": _smoothness(x),
        "frequency": _frequency(x, mean, centred),
        "range": _range(x),
    }


def by_group(values: Floats | Batch, groups: int) -> Floats:
    """Means over ``groups`` runs of neighbouring bands, or fewer: ``[B, M, ...]`` to ``[B, groups, ...]``."""
    groups = min(groups, values.shape[1])
    edges = np.linspace(0, values.shape[1], groups + 1).round().astype(int)
    widths = np.diff(edges).reshape(1, -1, *([1] * (values.ndim - 2)))
    return np.add.reduceat(values, edges[:-1], axis=1) / widths


def _log_spread(mean_square: Floats) -> Floats:
    return 0.5 * np.log(mean_square + MIN_SPREAD_DB**2)


def _mean_power(x: Batch, power: int) -> Floats:
    """Mean over frames of ``x**power``, ``[B, M]``."""
    terms = "bmf,bmf->bm" if power == 2 else "bmf,bmf,bmf->bm"
    return np.einsum(terms, *[x] * power).astype(np.float64) / x.shape[2]


def _skewness(square: Floats, cube: Floats) -> Floats:
    return cube / (square + MIN_SPREAD_DB**2) ** 1.5


def _modulation(x: Batch) -> Floats:
    """Log power by temporal rate and spectral scale, of the lower and of the upper half of the bands."""
    half = x.shape[1] // 2
    return np.concatenate([_spectrum_cells(x[:, :half]), _spectrum_cells(x[:, half:])], axis=1)


def _spectrum_cells(x: Batch) -> Floats:
    clips, bands, frames = x.shape
    spectrum = np.fft.rfft2(x - x.mean(axis=(1, 2), keepdims=True))
    power = (spectrum.real**2 + spectrum.imag**2) / (bands * frames)
    scale = _cells(np.minimum(np.arange(bands), bands - np.arange(bands)), 3)
    rate = _cells(np.arange(power.shape[2]), 4)
    # A matrix of ones sums each cell; dividing by its size leaves the mean.
    pool_scale, pool_rate = np.eye(4)[scale], np.eye(5)[rate]
    cells = np.einsum("sc,bsr->bcr", pool_scale, power, optimize=True) @ pool_rate
    cells /= np.maximum(1.0, np.outer(pool_scale.sum(axis=0), pool_rate.sum(axis=0)))
    return np.log(cells.astype(np.float64) + MIN_SPREAD_DB**2).reshape(clips, -1)[
        :, 1:
    ]  # the first cell is the mean, which was removed


def _cells(index: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """0 for index 0, and 1 to ``count`` for geometric steps up to the largest."""
    edges = np.geomspace(1, index.max() + 1, count + 1)
    return np.clip(np.searchsorted(edges, index, side="right"), 0, count)


def _onset_patch(x: Batch, centred: Batch) -> Floats:
    clips, _, frames = x.shape
    reach = max(OFFSETS)
    rise = np.maximum(np.diff(x, axis=2), 0).mean(axis=1)[:, reach - 1 : frames - 1 - reach]
    count = max(1, frames // 16)
    onset = np.argpartition(-rise, count - 1, axis=1)[:, :count] + reach
    level = by_group(centred, 4)
    clip, band = np.arange(clips)[:, None, None], np.arange(4)[None, :, None]
    patch = [level[clip, band, onset[:, None, :] + offset].mean(axis=2) for offset in OFFSETS]
    return np.concatenate(patch, axis=1)


def _moments(mean: Floats, centred: Batch) -> Floats:
    square, cube = _mean_power(centred, 2), _mean_power(centred, 3)
    parts = (mean, _log_spread(square), _skewness(square, cube))
    return np.concatenate([by_group(part, 8) for part in parts], axis=1)


def _smoothness(x: Batch) -> Floats:
    parts = []
    for lag in LAGS:
        if lag > x.shape[2] // 2:
            break
        move = x[:, :, lag:] - x[:, :, :-lag]
        square = _mean_power(move, 2)
        parts.append(by_group(_log_spread(square), 4))
        if lag <= 4:
            parts.append(by_group(_skewness(square, _mean_power(move, 3)), 4))
    return np.concatenate(parts, axis=1)


def _frequency(x: Batch, mean: Floats, centred: Batch) -> Floats:
    parts = [by_group(mean - mean.mean(axis=1, keepdims=True), 8)]
    for step in (1, 2, 4):
        parts.append(by_group(mean[:, step:] - mean[:, :-step], 8))
        parts.append(by_group(_log_spread(_mean_power(x[:, step:] - x[:, :-step], 2)), 4))
    level = by_group(centred, 8)
    together = level @ level.transpose(0, 2, 1) / x.shape[2]
    spread = np.sqrt(np.diagonal(together, axis1=1, axis2=2) + MIN_SPREAD_DB**2)
    together = together / (spread[:, :, None] * spread[:, None, :])
    apart = [np.diagonal(together, distance, axis1=1, axis2=2).mean(axis=1) for distance in range(1, 8)]
    return np.concatenate([*parts, np.stack(apart, axis=1)], axis=1)


def _range(x: Batch) -> Floats:
    levels = np.quantile(x.reshape(len(x), -1), QUANTILES, axis=1).T.astype(np.float64)
    loudness = x.mean(axis=1, dtype=np.float64)
    spread = np.diff(np.quantile(loudness, (0.05, 0.5, 0.95), axis=1).T, axis=1).astype(np.float64)
    return np.concatenate([levels, np.log(spread + MIN_SPREAD_DB)], axis=1)
