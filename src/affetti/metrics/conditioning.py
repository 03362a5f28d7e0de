"""Does a generator follow its condition?

A condition is not a label: a clip conditioned on sadness need not be sad. A regressor trained on real music predicts
valence and arousal of each synthetic clip, and the prediction is compared with the condition: correlation, slope of
prediction on condition (the share of a requested change that is realised), concordance and mean absolute error.

Regressors are imperfect: they shrink towards the mean, so even real clips show a slope below 1 and a modest
correlation with their own labels. :func:`relative_to_real` puts the response over what the *same* regressor shows on
held-out real clips: 1 means that the generator follows its condition as well as real music follows its label.

When not to use: with a regressor trained on clips of the generator, or on the clips that the generator was trained on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.metrics.agreement import bootstrap_ci, concordance, mae, pearson, slope
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, as_pair

MEASURES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "correlation": pearson,
    "slope": slope,
    "ccc": concordance,
    "mae": mae,
}
RATIO_MEASURES = ("correlation", "slope", "ccc")
"""Measures for which more is better and whose ratio to real music's value is meaningful."""
Response = dict[str, dict[str, Result] | None]
"""For each axis ``correlation``, ``slope``, ``ccc`` and ``mae``; ``None`` for an axis whose condition never varies."""


def label_response(
    requested: ArrayLike, prediction: ArrayLike, groups: ArrayLike | None = None, seed: int = 0, resamples: int = 1000
) -> Response:
    """How predictions of clips follow the emotion that the clips were conditioned on.

    Args:
        requested: valence and arousal of the condition (for real clips: their labels), ``[N, 2]`` in [−1, 1].
        prediction: valence and arousal that a regressor predicts of the clips, ``[N, 2]``.
        groups: song id of each clip; without it every clip is a song.
        seed: of the resampling.
        resamples: draws of songs for each interval.

    Raises:
        InputError: not ``[N, 2]``, a value that is not finite, fewer than 2 songs, no condition that varies, or a
            prediction that never varies.
    """
    condition, predicted = _pair(requested, prediction)
    varies = np.ptp(condition, axis=0) > 0
    if not varies.any():
        raise InputError(
            f"every clip has the condition {condition[0].tolist()}", where="requested", hint="give several emotions"
        )
    response: Response = {}
    for axis, name in enumerate(AXES):
        x, y = predicted[:, axis], condition[:, axis]
        response[name] = (
            {key: _measured(measure, x, y, groups, seed, resamples) for key, measure in MEASURES.items()}
            if varies[axis]
            else None
        )
    return response


def label_error(
    requested: ArrayLike, prediction: ArrayLike, groups: ArrayLike | None = None, seed: int = 0, resamples: int = 1000
) -> dict[str, Result]:
    """How far predictions of clips lie from their condition: mean |prediction − condition|.

    The label score of continuous conditional generators (Ding et al. 2021). Unlike the measures of
    :func:`label_response` it is defined, and fair, where the condition hardly varies: within a quadrant, say. A
    regressor errs on real clips too; put the same measure of real clips beside it.

    Args:
        requested: valence and arousal of the condition (for real clips: their labels), ``[N, 2]`` in [−1, 1].
        prediction: valence and arousal that a regressor predicts of the clips, ``[N, 2]``.
        groups: song id of each clip; without it every clip is a song.
        seed: of the resampling.
        resamples: draws of songs for each interval.

    Returns:
        For each axis the error, 0 at best, in the unit of the labels, with its 95 % interval over songs.

    Raises:
        InputError: not ``[N, 2]``, a value that is not finite, or fewer than 2 songs.
    """
    condition, predicted = _pair(requested, prediction)
    return {
        name: _measured(mae, x, y, groups, seed, resamples)
        for name, x, y in zip(AXES, predicted.T, condition.T, strict=True)
    }


def relative_to_real(response: Response, real: Response) -> dict[str, dict[str, float] | None]:
    """Correlation, slope and concordance over what the same regressor shows on held-out real clips.

    Returns:
        For each axis the ratios ``correlation``, ``slope`` and ``ccc``: 1 is as good as real music, 0 no response.
        ``None`` where the condition does not vary, or where on real clips too the regressor's interval includes 0
        or less, so that it cannot decide.
    """
    relative: dict[str, dict[str, float] | None] = {}
    for name in AXES:
        ours, theirs = response.get(name), real.get(name)
        able = (
            ours and theirs and all(r.ci is not None and r.ci[0] > 0 for r in (theirs[key] for key in RATIO_MEASURES))
        )
        relative[name] = (
            {key: ours[key].value / theirs[key].value for key in RATIO_MEASURES} if able and ours and theirs else None
        )
    return relative


def _measured(
    measure: Callable[[Floats, Floats], float],
    x: Floats,
    y: Floats,
    groups: ArrayLike | None,
    seed: int,
    resamples: int,
) -> Result:
    """A measure of predictions ``x`` against conditions ``y`` ``[N]``, with its interval over songs."""
    ci = bootstrap_ci(measure, x, y, groups=groups, seed=seed, resamples=resamples)
    return Result(measure(x, y), ci, None, (len(x),), seed)


def _pair(requested: ArrayLike, prediction: ArrayLike) -> tuple[Floats, Floats]:
    condition, predicted = as_pair(requested, prediction, ("requested", "prediction"))
    if condition.shape != predicted.shape or condition.shape[1] != len(AXES):
        raise InputError(
            f"{condition.shape} conditions against {predicted.shape} predictions", hint="give both as [N, 2]"
        )
    return condition, predicted
