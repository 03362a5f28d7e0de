"""The interval of a ratio of two independent estimates, from the interval of each.

MOVER-R (Donner & Zou 2012, Stat. Methods Med. Res. 21; Newcombe 2016, Stat. Methods Med. Res. 25): the distance of an
estimate from its own limit is its error on that side, so that intervals may be skew. For symmetric intervals it is
Fieller's (1954): the ratios θ with (a − θ b)² ≤ h_a² + θ² h_b². Coverage is measured by ``bench/real_shares.py``.

When not to use: for estimates that are not independent, or a denominator whose interval reaches 0, of which no ratio is
known.
"""

from __future__ import annotations

import math

from scipy.stats import norm, t

Interval = tuple[float, float]


def widen_percentiles(value: float, ci: Interval, songs: int) -> Interval:
    """A 95 % percentile interval over n songs, as wide as Student's.

    Percentiles of draws of n songs use the normal quantile and a variance over n, not n - 1: of few songs they miss the
    truth too often. Each half is widened by t_{n-1} / z · √(n / (n - 1)).

    Example:
        >>> low, high = widen_percentiles(0.0, (-1.0, 1.0), 10)
        >>> round(high, 2)
        1.22
    """
    factor = float(t.isf(0.025, songs - 1) / norm.isf(0.025)) * math.sqrt(songs / (songs - 1))
    return value - factor * (value - ci[0]), value + factor * (ci[1] - value)


def ratio_interval(above: float, of_above: Interval, below: float, of_below: Interval) -> Interval | None:
    """The interval of ``above / below``.

    Args:
        above: the numerator.
        of_above: its interval.
        below: the denominator, > 0.
        of_below: its interval, at the same level.

    Returns:
        Its ends, or None where the interval of the denominator reaches 0.

    Example:
        >>> low, high = ratio_interval(1.0, (0.8, 1.2), 2.0, (1.6, 2.4))
        >>> round(low, 3), round(high, 3)
        (0.375, 0.667)
    """
    if not (of_below[0] > 0 and below > 0):
        return None
    return _lower_end(above, of_above[0], below, of_below), -_lower_end(-above, -of_above[1], below, of_below)


def _lower_end(above: float, limit: float, below: float, of_below: Interval) -> float:
    """The lower root θ of (above − θ below)² = (above − limit)² + θ² h², h the error of the denominator.

    A ratio above 0 falls where the denominator grows, one below 0 where it shrinks.
    """
    error = of_below[1] - below if limit > 0 else below - of_below[0]
    a, b, c = below**2 - error**2, above * below, limit * (2 * above - limit)
    root = math.sqrt(max(b**2 - a * c, 0.0))
    return c / (b + root) if limit > 0 else (b - root) / a
