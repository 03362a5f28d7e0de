"""The width of a regressor's interval: conformal prediction over songs.

Clips of a song are similar, so held-out clips are no independent sample; songs are. With errors e of the clips of K
held-out songs, the half-width is the least q for which

    1/(K + 1) · Σ over songs of (share of the song's clips with e ≤ q)  ≥  coverage

(hierarchical conformal prediction: Dunn, Wasserman & Ramdas 2022; Lee, Barber & Willett 2023). For a clip of a new
song, drawn like the held-out ones, the interval then covers with at least that probability, whatever the model; with
one clip a song it is split conformal prediction (Vovk et al. 2005). K songs can guarantee at most K / (K + 1).

There is no guarantee for other music, one song or one genre: the coverage holds on average over songs.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from affetti import metrics
from affetti.emotion import AXES
from affetti.models.base import Regressor
from affetti.results import Estimate
from affetti.training.result import Calibration

COVERAGE = 0.9
"""Nominal coverage of a regressor's interval."""


def calibrate(
    model: Regressor, prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_]
) -> Calibration:
    """Set ``model.half_width`` from its predictions for clips of songs that it was not trained on.

    Args:
        model: the regressor.
        prediction: what it predicts, ``[N, 2]``.
        target: the labels ``[N, 2]``.
        songs: song of each clip ``[N]``.

    Returns:
        The half-width of the interval by axis and the coverage that it promises: :data:`COVERAGE`, or less where there
        are too few songs for that.
    """
    errors = np.abs(prediction - target)
    n_songs = np.unique(songs).size
    coverage = min(COVERAGE, n_songs / (n_songs + 1))
    widths = [half_width(errors[:, axis], songs, coverage) for axis in range(2)]
    model.half_width.copy_(torch.tensor(widths))
    return Calibration(coverage, len(errors), n_songs, dict(zip(AXES, widths, strict=True)))


def half_width(errors: NDArray[np.float64], songs: NDArray[np.str_], coverage: float) -> float:
    """The least of ``errors`` that covers a share ``coverage`` of a new song's clips; see the module for the formula.

    Args:
        errors: absolute errors ``[N]``.
        songs: song of each ``[N]``; a song counts once, however many clips it has.
        coverage: 0 to K / (K + 1), K songs.

    Example:
        >>> half_width(np.array([0.1, 0.2, 0.3, 0.4]), np.array(["a", "b", "c", "d"]), 0.6)
        0.3
    """
    _, member, count = np.unique(songs, return_inverse=True, return_counts=True)
    order = np.argsort(errors, kind="stable")
    cumulative = np.cumsum(1.0 / count[member][order]) / (len(count) + 1)
    rank = int(np.searchsorted(cumulative, coverage - 1e-9))
    return float(errors[order][min(rank, len(errors) - 1)])


def interval_coverage(
    model: Regressor, prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> dict[str, Estimate]:
    """Share of test clips whose label lies in the interval, by axis, with a 95 % interval over songs.

    Args:
        model: the calibrated regressor.
        prediction: what it predicts for the test clips ``[N, 2]``.
        target: their labels ``[N, 2]``.
        songs: song of each, at least 2.
        seed: of the resampling.
    """
    half = model.half_width.detach().cpu().double().numpy()
    inside = (np.abs(prediction - target) <= half + 1e-6).astype(np.float64)

    def mean(values: ArrayLike) -> float:
        return float(np.asarray(values, dtype=np.float64).mean())

    return {
        name: Estimate(mean(inside[:, axis]), metrics.bootstrap_ci(mean, inside[:, axis], groups=songs, seed=seed))
        for axis, name in enumerate(AXES)
    }
