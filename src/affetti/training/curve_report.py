"""Predictions over time scored as curves, song by song, beside what flat curves reach.

A measure is taken of the windows of each song by itself, and averaged over songs; intervals resample songs. CCC within
a song demands that its curve be met in shape, scale and level; that of a flat curve is 0. The root mean square error
stands beside two flat curves: at the mean of the song's ratings, the best that there is, which no model knows; and at
the mean of the song's own predictions, so that the difference is what the movement of the predictions gains.

When not to use: for songs of a few windows. Songs with fewer than :data:`MIN_WINDOWS` are left out, and of those whose
ratings do not move there is no CCC.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.emotion import AXES
from affetti.training.result import CurveAgreement, Estimate

MIN_WINDOWS = 3
"""Windows of a song."""
MIN_RANGE = 1e-9
"""Range of ratings below which they do not move."""

Floats = NDArray[np.float64]


def curve_agreement(
    prediction: Floats, target: Floats, songs: NDArray[np.str_], seed: int
) -> dict[str, CurveAgreement | None]:
    """How well the curves of songs are predicted, by axis; None where fewer than two songs have windows enough.

    Args:
        prediction: of windows ``[N, 2]``.
        target: their ratings ``[N, 2]``.
        songs: song of each window.
        seed: of the resampling.

    Example:
        >>> moved = np.tile([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]], (2, 1))
        >>> valence = curve_agreement(moved, moved, np.repeat(["a", "b"], 3), 0)["valence"]
        >>> valence.ccc.value, valence.rmse.value, round(valence.gain.value, 2)
        (1.0, 0.0, 0.41)
    """
    names, counts = np.unique(songs, return_counts=True)
    rows = [np.flatnonzero(songs == name) for name in names[counts >= MIN_WINDOWS]]
    return {
        name: _of_axis([(prediction[its, axis], target[its, axis]) for its in rows], seed)
        for axis, name in enumerate(AXES)
    }


def _of_axis(curves: list[tuple[Floats, Floats]], seed: int) -> CurveAgreement | None:
    """The measures over curves of songs, predicted and rated."""
    if len(curves) < 2:
        return None
    errors = np.array(
        [
            [
                metrics.rmse(predicted, rated),
                float(rated.std()),
                metrics.rmse(np.full_like(rated, predicted.mean()), rated),
            ]
            for predicted, rated in curves
        ]
    )
    ccc = np.array([metrics.concordance(predicted, rated) for predicted, rated in curves if np.ptp(rated) > MIN_RANGE])
    return CurveAgreement(
        songs=len(curves),
        ccc=_mean(ccc, seed) if len(ccc) > 1 else None,
        rmse=_mean(errors[:, 0], seed),
        rmse_song_mean=_mean(errors[:, 1], seed),
        rmse_flat=_mean(errors[:, 2], seed),
        gain=_mean(errors[:, 2] - errors[:, 0], seed),
    )


def _mean(values: Floats, seed: int) -> Estimate:
    """Mean over songs with its interval."""
    return Estimate(float(values.mean()), metrics.bootstrap_ci(_average, values, seed=seed))


def _average(values: Floats) -> float:
    return float(values.mean())
