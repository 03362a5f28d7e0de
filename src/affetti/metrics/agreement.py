"""How well a prediction of emotion agrees with the target.

Concordance (Lin 1989) is the field's measure: correlation, scale and mean level at once,

    CCC = 2 s_xy / (s_x² + s_y² + (x̄ − ȳ)²) ,

with variances over N. It is 1 for identity alone, 0 for a constant guess, and −1 at worst. Pearson's r ignores scale
and level, R² = 1 − Σ(y − x)²/Σ(y − ȳ)² is unbounded below, and the slope of the prediction on the target is the
share of a requested change that is realised.

Predictions and targets are ``[N]``, or ``[N, 2]`` with valence and arousal in columns; of two columns every measure is
taken by column and averaged. Intervals resample whole songs with replacement (percentile bootstrap): clips of a song
share its label and its sound, and counting them singly would make intervals too narrow. A resample in which the
measure is undefined (all targets equal) is drawn again.

When not to use: below some ten songs no interval here can be trusted, whatever its width.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetti.errors import InputError
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, Floats, as_pair, song_codes

Statistic = Callable[..., float]


def concordance(prediction: ArrayLike, target: ArrayLike) -> float:
    """Lin's concordance correlation coefficient, in [−1, 1].

    Raises:
        InputError: shapes that differ, a value that is not finite, fewer than 2 rows, or both sides the same constant.
    """
    p, t = _columns(prediction, target)
    below = p.var(axis=0) + t.var(axis=0) + (p.mean(axis=0) - t.mean(axis=0)) ** 2
    if (below == 0).any():
        raise InputError("prediction and target are one and the same constant", hint="give targets that vary")
    return float((2 * _covariance(p, t) / below).mean())


def pearson(prediction: ArrayLike, target: ArrayLike) -> float:
    """Pearson's correlation, in [−1, 1].

    Raises:
        InputError: as :func:`concordance`, or a side that does not vary.
    """
    p, t = _columns(prediction, target)
    _must_vary(p, "prediction")
    _must_vary(t, "target")
    return float((_covariance(p, t) / np.sqrt(p.var(axis=0) * t.var(axis=0))).mean())


def r2(prediction: ArrayLike, target: ArrayLike) -> float:
    """Coefficient of determination 1 − SS_res/SS_tot, at most 1; 0 for a guess of the mean target.

    Raises:
        InputError: as :func:`concordance`, or a target that does not vary.
    """
    p, t = _columns(prediction, target)
    _must_vary(t, "target")
    return float((1 - ((p - t) ** 2).mean(axis=0) / t.var(axis=0)).mean())


def rmse(prediction: ArrayLike, target: ArrayLike) -> float:
    """Root mean squared error, in the unit of the target.

    Raises:
        InputError: as :func:`concordance`, constants allowed.
    """
    p, t = _columns(prediction, target)
    return float(np.sqrt(((p - t) ** 2).mean(axis=0)).mean())


def mae(prediction: ArrayLike, target: ArrayLike) -> float:
    """Mean absolute error, in the unit of the target.

    Raises:
        InputError: as :func:`concordance`, constants allowed.
    """
    p, t = _columns(prediction, target)
    return float(np.abs(p - t).mean())


def slope(prediction: ArrayLike, target: ArrayLike) -> float:
    """Least-squares slope of prediction on target, s_pt / s_t²: the share of a requested change that is realised.

    Raises:
        InputError: as :func:`concordance`, or a target that does not vary.
    """
    p, t = _columns(prediction, target)
    _must_vary(t, "target")
    return float((_covariance(p, t) / t.var(axis=0)).mean())


def bootstrap_ci(
    statistic: Statistic, *arrays: ArrayLike, groups: ArrayLike | None = None, seed: int = 0, resamples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of ``statistic(*arrays)`` when songs are drawn again with replacement.

    Args:
        statistic: a function of arrays with as many rows as ``arrays``; it may raise InputError where undefined.
        arrays: ``[N, ...]`` each, resampled together.
        groups: song id of each row; without it every row is a song.
        seed: of the draws.
        resamples: number of draws.

    Raises:
        InputError: fewer than 2 songs, arrays of different length, or a statistic undefined on half the draws.
    """
    drawn = bootstrap_values(statistic, *arrays, groups=groups, seed=seed, resamples=resamples)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def bootstrap_values(
    statistic: Statistic, *arrays: ArrayLike, groups: ArrayLike | None = None, seed: int = 0, resamples: int = 1000
) -> Floats:
    """``statistic(*arrays)`` on each of ``resamples`` draws of songs, as :func:`bootstrap_ci` takes them."""
    values = [np.asarray(array) for array in arrays]
    lengths = {len(array) for array in values}
    if len(lengths) != 1:
        raise InputError(f"arrays of {sorted(lengths)} rows", hint="give one row a clip in each")
    song = song_codes(groups, lengths.pop(), "groups")
    # Songs are drawn in the order of what they hold, so that the order of rows does not matter.
    order = np.lexsort(np.column_stack([array.reshape(len(array), -1) for array in values]).T)
    values = [array[order] for array in values]
    resample = _Songs(song_codes(song[order], len(order), "groups"))
    rng = np.random.default_rng(seed)
    drawn: list[float] = []
    refused = 0
    while len(drawn) < resamples:
        rows = resample.draw(rng)
        try:
            drawn.append(statistic(*(array[rows] for array in values)))
        except InputError:
            refused += 1
            if refused > resamples:
                raise
    return np.array(drawn)


def paired_difference(
    prediction_a: ArrayLike,
    prediction_b: ArrayLike,
    target: ArrayLike,
    groups: ArrayLike | None = None,
    seed: int = 0,
    statistic: Callable[[ArrayLike, ArrayLike], float] = concordance,
    resamples: int = 1000,
) -> Result:
    """How much better ``prediction_a`` agrees with ``target`` than ``prediction_b`` does, on the same songs.

    Both are resampled with the same songs, so what makes a song hard for both cancels: the interval is of the
    difference, and can exclude 0 where the intervals of the two overlap.

    Returns:
        value = statistic(a) − statistic(b), its 95 % interval, n = (N,).

    Raises:
        InputError: as ``statistic`` and :func:`bootstrap_ci`.
    """

    def difference(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> float:
        return statistic(a, t) - statistic(b, t)

    value = difference(prediction_a, prediction_b, target)
    ci = bootstrap_ci(difference, prediction_a, prediction_b, target, groups=groups, seed=seed, resamples=resamples)
    return Result(value, ci, None, (len(np.asarray(target)),), seed)


class _Songs:
    """Rows by song, laid end to end, so that a draw of songs is one gather."""

    def __init__(self, song: Codes) -> None:
        self.rows = np.argsort(song, kind="stable")
        self.length = np.bincount(song)
        self.start = np.cumsum(self.length) - self.length
        if len(self.length) < 2:
            raise InputError("one song alone gives no interval", where="groups", hint="give clips of 2 songs or more")

    def draw(self, rng: np.random.Generator) -> NDArray[np.intp]:
        songs = rng.integers(len(self.length), size=len(self.length))
        length = self.length[songs]
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        return self.rows[np.repeat(self.start[songs], length) + within]


def _columns(prediction: ArrayLike, target: ArrayLike) -> tuple[Floats, Floats]:
    p, t = np.asarray(prediction, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if p.shape != t.shape or p.ndim not in (1, 2):
        raise InputError(f"prediction {p.shape} against target {t.shape}", hint="give both as [N] or [N, 2]")
    return as_pair(p.reshape(len(p), -1), t.reshape(len(t), -1), ("prediction", "target"))


def _covariance(p: Floats, t: Floats) -> Floats:
    return ((p - p.mean(axis=0)) * (t - t.mean(axis=0))).mean(axis=0)


def _must_vary(values: Floats, name: str) -> None:
    still = (values == values[0]).all(axis=0)
    if still.any():
        raise InputError(
            f"column {int(np.flatnonzero(still)[0])} is {values[0, still][0]:g} throughout",
            where=name,
            hint="give values that vary",
        )
