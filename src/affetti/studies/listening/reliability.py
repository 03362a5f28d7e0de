"""Reliability of ratings: how far listeners agree, and how far each agrees with themself.

- ICC(1,1) and ICC(1,k), one-way random: for clips rated by different listeners, any number of them (Shrout & Fleiss
  1979; k is then the mean number of ratings by :func:`icc_one_way`).
- ICC(2,1) and ICC(2,k), two-way random, absolute agreement: for clips that were all rated by the same listeners, with
  the intervals of McGraw & Wong (1996).
- Krippendorff's α with the interval metric (2011), for any pattern of ratings.
- Within listeners: the correlation of first and repeated ratings, and the standard error of one rating, the standard
  deviation of their difference over √2.

Intervals of the ICCs are exact for normal ratings; that of α resamples clips, that of repeats listeners.

When not to use: agreement is of these clips. Clips that differ little lower it, however reliable the listeners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from affetti.errors import InputError
from affetti.results import PointEstimate
from affetti.studies.listening.rating_table import Floats

RESAMPLES = 1_000
MIN_CLIPS = 3
"""Clips below which nothing is computed."""


@dataclass(frozen=True)
class IccPair:
    """The reliability of one rating, and of the mean of k."""

    single: PointEstimate
    mean: PointEstimate
    k: float
    """Ratings a clip."""


@dataclass(frozen=True)
class WithinListener:
    """How far listeners agree with themselves."""

    correlation: PointEstimate | None
    """Of first and repeated ratings; None where one of them does not vary."""
    standard_error: PointEstimate
    """Of one rating, in the unit of the scale."""
    repeats: int
    listeners: int


def icc_one_way(ratings: Floats, level: float = 0.95) -> IccPair:
    """ICC(1,1) and ICC(1,k).

    Args:
        ratings: ``[clips, listeners]``, NaN where there is none; columns need not be the same people from row to row.
        level: of the intervals.

    Raises:
        InputError: fewer than 3 clips, no clip with two ratings, or ratings that do not vary.
    """
    kept = ratings[np.isfinite(ratings).sum(axis=1) > 0]
    counts = np.isfinite(kept).sum(axis=1)
    n, total = len(kept), int(counts.sum())
    if n < MIN_CLIPS or total <= n:
        raise InputError(f"{n} clips with {total} ratings", hint="give 3 clips or more, rated twice or more")
    means = np.nanmean(kept, axis=1)
    grand = float(np.nansum(kept)) / total
    between = float((counts * (means - grand) ** 2).sum()) / (n - 1)
    within = float(np.nansum((kept - means[:, None]) ** 2)) / (total - n)
    k = (total - float((counts**2).sum()) / total) / (n - 1)
    _must_vary(between, within)
    ratio = between / within if within else np.inf
    low = ratio / float(stats.f.ppf(0.5 + level / 2, n - 1, total - n))
    high = ratio * float(stats.f.ppf(0.5 + level / 2, total - n, n - 1))

    def single(f: float) -> float:
        return float((f - 1) / (f + k - 1)) if np.isfinite(f) else 1.0

    def mean(f: float) -> float:
        return float(1 - 1 / f)

    return IccPair(
        PointEstimate(single(ratio), (single(low), single(high))),
        PointEstimate(mean(ratio), (mean(low), mean(high))),
        k,
    )


def icc_two_way(ratings: Floats, level: float = 0.95) -> IccPair:
    """ICC(2,1) and ICC(2,k) of a complete table.

    Args:
        ratings: ``[clips, listeners]``, finite.
        level: of the intervals.

    Raises:
        InputError: fewer than 3 clips or 2 listeners, a rating that is missing, or ratings that do not vary.
    """
    n, k = ratings.shape
    if n < MIN_CLIPS or k < 2 or not np.isfinite(ratings).all():
        raise InputError(f"{n} clips by {k} listeners", hint="give 3 clips or more that 2 listeners or more all rated")
    grand = ratings.mean()
    by_clip, by_listener = ratings.mean(axis=1), ratings.mean(axis=0)
    rows = k * float(((by_clip - grand) ** 2).sum()) / (n - 1)
    columns = n * float(((by_listener - grand) ** 2).sum()) / (k - 1)
    residual = ratings - by_clip[:, None] - by_listener + grand
    error = float((residual**2).sum()) / ((n - 1) * (k - 1))
    _must_vary(rows, error + columns)
    single = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    mean = (rows - error) / (rows + (columns - error) / n)
    ratio = columns / error if error else np.inf
    top = k * single * ratio + n * (1 + (k - 1) * single) - k * single
    bottom = (n - 1) * k**2 * single**2 * ratio**2 + (n * (1 + (k - 1) * single) - k * single) ** 2
    freedom = (k - 1) * (n - 1) * top**2 / bottom if error and bottom else float((k - 1) * (n - 1))
    upper_f = float(stats.f.ppf(0.5 + level / 2, n - 1, freedom))
    lower_f = float(stats.f.ppf(0.5 + level / 2, freedom, n - 1))
    spread = k * columns + (k * n - k - n) * error
    low = n * (rows - upper_f * error) / (upper_f * spread + n * rows)
    high = n * (lower_f * rows - error) / (spread + n * lower_f * rows)

    def averaged(one: float) -> float:
        return one * k / (1 + one * (k - 1))

    return IccPair(
        PointEstimate(float(single), (low, high)),
        PointEstimate(float(mean), (averaged(low), averaged(high))),
        float(k),
    )


def krippendorff_alpha(ratings: Floats, seed: int = 0, level: float = 0.95) -> PointEstimate:
    """Krippendorff's α of interval data; clips with one rating do not count.

    Args:
        ratings: ``[clips, listeners]``, NaN where there is none.
        seed: of the resampling of clips.
        level: of the interval.

    Raises:
        InputError: fewer than 3 clips with two ratings, or ratings that do not vary.

    Example:
        >>> krippendorff_alpha(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])).value
        1.0
    """
    kept = ratings[np.isfinite(ratings).sum(axis=1) > 1]
    if len(kept) < MIN_CLIPS:
        raise InputError(f"{len(kept)} clips with two ratings", hint="give 3 or more")
    counts = np.isfinite(kept).sum(axis=1).astype(float)
    means = np.nanmean(kept, axis=1)
    squares = np.nansum((kept - means[:, None]) ** 2, axis=1)
    # Per clip: ratings, their sum, their sum of squares, and the disagreement m SS / (m − 1).
    shift = float(np.nanmean(kept))
    sums = np.stack([counts, counts * (means - shift), squares + counts * (means - shift) ** 2], axis=1)
    disagreement = counts * squares / (counts - 1)

    def alpha(weights: Floats) -> Floats:
        n, first, second = (weights @ sums).T
        expected = n * (second - first**2 / n) / (n - 1)
        return 1.0 - weights @ disagreement / np.where(expected > 0, expected, np.nan)

    value = float(alpha(np.ones((1, len(kept))))[0])
    if not np.isfinite(value):
        raise InputError("every rating is the same", hint="agreement is not defined then")
    rng = np.random.default_rng(seed)
    drawn = np.stack(
        [np.bincount(rng.integers(len(kept), size=len(kept)), minlength=len(kept)) for _ in range(RESAMPLES)]
    ).astype(float)
    low, high = np.nanquantile(alpha(drawn), [0.5 - level / 2, 0.5 + level / 2])
    return PointEstimate(value, (float(low), float(high)))


def within_listener(table: pd.DataFrame, scale: str, seed: int = 0, level: float = 0.95) -> WithinListener | None:
    """Agreement of repeated ratings with the first ones; None where nobody rated a clip twice.

    Args:
        table: a tidy table with the column ``purpose``.
        scale: the scale.
        seed: of the resampling of listeners.
        level: of the intervals.
    """
    rows = table[table["scale"] == scale]
    keys = ["listener", "clip"]
    first = rows[rows["purpose"] == "main"].drop_duplicates(keys)
    again = rows[rows["purpose"] == "repeat"].drop_duplicates(keys)
    both = first.merge(again, on=keys, suffixes=("", "_again"))
    if not len(both):
        return None
    x, y = both["rating"].to_numpy(dtype=float), both["rating_again"].to_numpy(dtype=float)
    who, names = pd.factorize(both["listener"])
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(who == number) for number in range(len(names))]

    def estimate(statistic: Callable[[Floats, Floats], float]) -> PointEstimate:
        value = statistic(x, y)
        if len(names) < MIN_CLIPS:
            return PointEstimate(value)
        drawn: list[float] = []
        for _ in range(RESAMPLES):
            chosen = np.concatenate([members[number] for number in rng.integers(len(names), size=len(names))])
            drawn.append(statistic(x[chosen], y[chosen]))
        low, high = np.nanquantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
        return PointEstimate(value, (float(low), float(high)))

    varies = np.ptp(x) > 0 and np.ptp(y) > 0
    correlation = estimate(_correlation) if varies else None
    return WithinListener(correlation, estimate(_standard_error), len(both), len(names))


def _correlation(x: Floats, y: Floats) -> float:
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _standard_error(x: Floats, y: Floats) -> float:
    return float(np.sqrt(((x - y) ** 2).mean() / 2))


def _must_vary(between: float, within: float) -> None:
    if between == 0.0 and within == 0.0:
        raise InputError("every rating is the same", hint="agreement is not defined then")
