"""Does a generator follow its condition?

A condition is not a label: a clip conditioned on sadness need not be sad. A regressor trained on real music predicts
valence and arousal of each synthetic clip, and the prediction is compared with the condition: correlation, slope of
prediction on condition (the share of a requested change that is realised), concordance, mean absolute error, and the
bias towards neutral, mean sign(c) (c − p): by how much predictions p fall short of what was requested, c, on the side
of the plane where it lies. :func:`permuted_response` is the control: the same correlation and slope where the clips
trade their conditions, so that every direction is random.

Regressors are imperfect: they shrink towards the mean, so even real clips show a slope below 1 and a modest
correlation with their own labels. :func:`relative_to_real` puts the response over what the *same* regressor shows on
held-out real clips: 1 means that the generator follows its condition as well as real music follows its label.

When not to use: with a regressor trained on clips of the generator, or on the clips that the generator was trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.metrics.agreement import bootstrap_ci, bootstrap_values, concordance, mae, pearson, slope
from affetti.metrics.joint import condition_permutation
from affetti.metrics.ratio import ratio_interval, widen_percentiles
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, as_pair, song_codes


def neutral_bias(prediction: ArrayLike, requested: ArrayLike) -> float:
    """How far predictions of one axis fall short of the condition, towards neutral: mean sign(c) (c − p) over c ≠ 0.

    0 for predictions that are right or err on both sides alike, above 0 where they lie nearer to neutral or beyond it,
    below 0 where they exaggerate. In the unit of the labels; ``(1 − s) mean |c|`` for p = s c.

    Raises:
        InputError: shapes that differ, or no condition but 0.
    """
    p, c = np.asarray(prediction, dtype=np.float64), np.asarray(requested, dtype=np.float64)
    if p.shape != c.shape:
        raise InputError(f"prediction {p.shape} against condition {c.shape}", hint="give one a clip")
    if not c.any():
        raise InputError("every condition is neutral", where="requested", hint="give other emotions")
    return float((np.sign(c) * (c - p))[c != 0].mean())


MEASURES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "correlation": pearson,
    "slope": slope,
    "ccc": concordance,
    "mae": mae,
    "bias": neutral_bias,
}
RATIO_MEASURES = ("correlation", "slope", "ccc")
"""Measures for which more is better and whose ratio to real music's value is meaningful."""
Response = dict[str, dict[str, Result] | None]
"""For each axis ``correlation``, ``slope``, ``ccc``, ``mae``, ``bias``; ``None`` where its condition never varies."""


@dataclass(frozen=True)
class PermutedResponse:
    """Correlation and slope where clips trade their conditions: 2.5 %, mean and 97.5 % of the permutations."""

    correlation: tuple[float, float, float]
    slope: tuple[float, float, float]
    p: float
    """Probability of as high a correlation as the clips' own, if their conditions did not matter."""
    permutations: int


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
    """How far predictions of clips lie from their condition: mean ``|prediction − condition|``.

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


def permuted_response(
    requested: ArrayLike,
    prediction: ArrayLike,
    groups: ArrayLike | None = None,
    seed: int = 0,
    permutations: int = 999,
) -> dict[str, PermutedResponse | None]:
    """The random-direction control: correlation and slope with the conditions of the clips permuted.

    Songs of one condition trade it with each other; songs whose clips differ trade with songs of as many clips.

    Args:
        requested: valence and arousal of the condition, ``[N, 2]`` in [−1, 1].
        prediction: valence and arousal that a regressor predicts of the clips, ``[N, 2]``.
        groups: song id of each clip; without it every clip is a song.
        seed: of the permutations.
        permutations: how many.

    Returns:
        For each axis the control; ``None`` where condition or prediction never vary.

    Raises:
        InputError: not ``[N, 2]``, a value that is not finite, or songs that cannot trade conditions.
    """
    condition, predicted = _pair(requested, prediction)
    trade = condition_permutation(song_codes(groups, len(condition), "groups"), condition)
    rng = np.random.default_rng(seed)
    draws = [_moments(condition[trade(rng)], predicted) for _ in range(permutations)]
    covariance, requested_variance = (np.stack(parts) for parts in zip(*draws, strict=True))
    own_covariance, own_variance = _moments(condition, predicted)
    deviation = predicted.std(axis=0)
    control: dict[str, PermutedResponse | None] = {}
    for axis, name in enumerate(AXES):
        if own_variance[axis] == 0 or deviation[axis] == 0:
            control[name] = None
            continue
        slopes = covariance[:, axis] / np.where(requested_variance[:, axis] > 0, requested_variance[:, axis], np.inf)
        correlations = slopes * np.sqrt(requested_variance[:, axis]) / deviation[axis]
        own = float(own_covariance[axis] / np.sqrt(own_variance[axis]) / deviation[axis])
        # What differs from the clips' own correlation by rounding alone is a tie, and counts.
        as_high = int((correlations >= own - 1e-12).sum())
        control[name] = PermutedResponse(
            _spread(correlations), _spread(slopes), (1 + as_high) / (1 + permutations), permutations
        )
    return control


def _moments(condition: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Covariance with the prediction and variance of the condition, by axis."""
    centred = condition - condition.mean(axis=0)
    return (centred * predicted).mean(axis=0), (centred**2).mean(axis=0)


def _spread(values: Floats) -> tuple[float, float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(values.mean()), float(high)


@dataclass(frozen=True)
class ResponseDifference:
    """First less second."""

    value: float
    ci: tuple[float, float]
    """95 % interval over songs."""
    simultaneous: tuple[float, float]
    """The same if it is to hold in all comparisons at once."""


DIFFERENCE_MEASURES = ("correlation", "slope", "bias")
Requests = tuple[ArrayLike, ArrayLike, ArrayLike | None]
"""Conditions ``[N, 2]``, predictions ``[N, 2]`` and song ids ``[N]`` of a generator's clips."""


def response_difference(
    first: Requests, second: Requests, seed: int = 0, comparisons: int = 1, resamples: int = 2000
) -> dict[str, dict[str, ResponseDifference] | None]:
    """How much more one generator follows its conditions than another, by the predictions of one regressor.

    Songs of either are resampled by themselves: clips of two generators are independent, also where they were generated
    for the same emotions.

    Args:
        first: of one generator.
        second: of the other.
        seed: of the resampling.
        comparisons: in how many comparisons at once the simultaneous interval is to hold (Bonferroni).
        resamples: draws of songs.

    Returns:
        For each axis the differences of correlation, slope and bias towards neutral; ``None`` for an axis whose
        condition never varies on one side.

    Raises:
        InputError: as :func:`label_response`.
    """
    sides = [(*_pair(requested, prediction), groups) for requested, prediction, groups in (first, second)]
    seeds = np.random.default_rng(seed).integers(1 << 31, size=2)
    differences: dict[str, dict[str, ResponseDifference] | None] = {}
    for axis, name in enumerate(AXES):
        if any(np.ptp(condition[:, axis]) == 0 for condition, _, _ in sides):
            differences[name] = None
            continue
        by_measure: dict[str, ResponseDifference] = {}
        for key in DIFFERENCE_MEASURES:
            values, drawn = [], []
            for (condition, predicted, groups), own in zip(sides, seeds, strict=True):
                columns = predicted[:, axis], condition[:, axis]
                values.append(MEASURES[key](*columns))
                drawn.append(
                    bootstrap_values(MEASURES[key], *columns, groups=groups, seed=int(own), resamples=resamples)
                )
            tail = 0.025 / comparisons
            low, lowest, highest, high = np.quantile(drawn[0] - drawn[1], [0.025, tail, 1 - tail, 0.975])
            by_measure[key] = ResponseDifference(
                values[0] - values[1], (float(low), float(high)), (float(lowest), float(highest))
            )
        differences[name] = by_measure
    return differences


def relative_to_real(response: Response, real: Response, songs: tuple[int, int]) -> dict[str, dict[str, Result] | None]:
    """Correlation, slope and concordance over what the same regressor shows on held-out real clips.

    The interval holds the error of both sides, each widened to Student's for its number of songs
    (:mod:`affetti.metrics.ratio`).

    Args:
        response: of the synthetic clips.
        real: of the real clips.
        songs: how many songs the synthetic and the real clips are of, at least 2.

    Returns:
        For each axis the ratios ``correlation``, ``slope`` and ``ccc``: 1 is as good as real music, 0 no response.
        ``None`` where the condition does not vary, or where on real clips too the regressor's interval includes 0
        or less, so that it cannot decide.
    """
    relative: dict[str, dict[str, Result] | None] = {}
    for name in AXES:
        ours, theirs = response.get(name), real.get(name)
        ratios = {key: _ratio(ours[key], theirs[key], songs) for key in RATIO_MEASURES} if ours and theirs else {}
        known = {key: ratio for key, ratio in ratios.items() if ratio is not None}
        relative[name] = known if len(known) == len(RATIO_MEASURES) else None
    return relative


def _ratio(ours: Result, theirs: Result, songs: tuple[int, int]) -> Result | None:
    """A share of real music's, with its interval; ``None`` where real music's own may be 0."""
    if ours.ci is None or theirs.ci is None:
        return None
    above, below = (widen_percentiles(it.value, it.ci, n) for it, n in zip((ours, theirs), songs, strict=True) if it.ci)
    ci = ratio_interval(ours.value, above, theirs.value, below)
    return None if ci is None else Result(ours.value / theirs.value, ci, None, (*ours.n, *theirs.n), ours.seed)


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
