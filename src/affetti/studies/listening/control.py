"""Whether listeners perceive the emotion that was requested, and who else agrees with them.

Of each system, the mean rating of each clip is compared with its requested value: the least-squares slope (1: all of a
requested change is perceived; 0: none), the bias (mean perceived minus mean requested) and Pearson's correlation. The
same of real clips, whose "request" is their label, is what listeners can agree with at all. Listeners and conditions
are left out in turn (a two-way jackknife, see :mod:`affetti.studies.listening.crossed`) for the intervals.

The order in which listeners put systems is compared with that of their Quality Scores by Kendall's τ. Its interval is
that of a sample of systems (Fieller, Hartley & Pearson 1957: the variance of atanh τ is 0.437 / (S − 4)): with four
systems or fewer it is all of [−1, 1], whatever τ is.

When not to use: for clips without a requested emotion, or where all requests are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from affetti.results import PointEstimate
from affetti.studies.listening.crossed import MIN_UNITS
from affetti.studies.listening.rating_table import Codes, Floats, ScaleRatings
from affetti.studies.listening.variance import BLOCKS

STATISTICS = ("slope", "bias", "correlation")


@dataclass(frozen=True)
class ControlOfSystem:
    """Perceived against requested emotion of one system on one axis."""

    slope: PointEstimate
    bias: PointEstimate
    correlation: PointEstimate | None
    """None where the perceived emotion does not vary."""
    clips: int
    listeners: int


def control(ratings: ScaleRatings, requested: Floats, seed: int = 0, level: float = 0.95) -> ControlOfSystem | None:
    """Slope, bias and correlation of perceived against requested emotion.

    Args:
        ratings: of one system on one axis, in [-1, 1].
        requested: of each clip of ``ratings.clips``, in [-1, 1], NaN where nothing was.
        seed: decides how listeners and conditions are dealt into blocks.
        level: of the intervals.

    Returns:
        None where fewer than three clips have a request, or all have the same.
    """
    kept = np.isfinite(requested[ratings.clip])
    part = ratings.rows(kept)
    clips = np.unique(part.clip)
    if len(clips) < MIN_UNITS or np.ptp(requested[clips]) == 0.0:
        return None
    value = _statistics(part, requested)
    variance, below = np.zeros(3), np.zeros(3)
    enough, freedoms = True, []
    for codes in (part.listener, part.condition):
        left = _left_out(part, requested, codes, seed)
        enough = enough and len(left) >= MIN_UNITS
        each = (len(left) - 1) * left.var(axis=0)
        freedoms.append(len(left) - 1)
        variance, below = variance + each, below + each**2 / max(len(left) - 1, 1)
    estimates: list[PointEstimate | None] = []
    for index, estimate in enumerate(value.tolist()):
        if not np.isfinite(estimate):
            estimates.append(None)
            continue
        freedom = variance[index] ** 2 / below[index] if below[index] > 0 else float(min(freedoms))
        half = float(stats.t.ppf(0.5 + level / 2, freedom)) * float(np.sqrt(variance[index])) if enough else np.nan
        known = enough and np.isfinite(half)
        estimates.append(PointEstimate(estimate, (estimate - half, estimate + half) if known else None))
    slope, bias, correlation = estimates
    if slope is None or bias is None:
        return None
    if correlation is not None and correlation.ci is not None:
        correlation = PointEstimate(correlation.value, (max(correlation.ci[0], -1.0), min(correlation.ci[1], 1.0)))
    return ControlOfSystem(slope, bias, correlation, len(clips), len(np.unique(part.listener)))


def rank_agreement(listeners: Floats, scores: Floats, level: float = 0.95) -> tuple[PointEstimate, float] | None:
    """Kendall's τ of two orders of the same systems, with the interval of a sample of systems, and its exact p-value.

    Args:
        listeners: mean rating of each system.
        scores: another score of each.
        level: of the interval.

    Returns:
        None with fewer than three systems, or where one side puts all at one rank.

    Example:
        >>> rank_agreement(np.array([3.0, 2.0, 1.0]), np.array([60.0, 50.0, 40.0]))
        (PointEstimate(value=1.0, ci=(-1.0, 1.0)), 0.3333333333333333)
    """
    n = len(listeners)
    if n < MIN_UNITS or np.ptp(listeners) == 0 or np.ptp(scores) == 0:
        return None
    test: Any = stats.kendalltau(listeners, scores)
    tau, p = float(test.statistic), float(test.pvalue)
    if n <= 4:
        return PointEstimate(tau, (-1.0, 1.0)), p
    half = float(stats.norm.ppf(0.5 + level / 2)) * np.sqrt(0.437 / (n - 4))
    centre = np.arctanh(np.clip(tau, -0.999, 0.999))
    low, high = float(np.tanh(centre - half)), float(np.tanh(centre + half))
    return PointEstimate(tau, (min(low, tau), max(high, tau))), p


def _statistics(ratings: ScaleRatings, requested: Floats) -> Floats:
    """Slope, bias and correlation over the clips that occur; NaN where one is not defined."""
    count = np.bincount(ratings.clip, minlength=len(requested))
    clips = np.flatnonzero(count)
    perceived = np.bincount(ratings.clip, ratings.rating, minlength=len(requested))[clips] / count[clips]
    target = requested[clips]
    x, y = target - target.mean(), perceived - perceived.mean()
    spread = float(x @ x)
    if spread == 0.0:
        return np.full(3, np.nan)
    correlation = float(x @ y) / np.sqrt(spread * float(y @ y)) if float(y @ y) > 0 else np.nan
    return np.array([float(x @ y) / spread, float(perceived.mean() - target.mean()), correlation])


def _left_out(ratings: ScaleRatings, requested: Floats, codes: Codes, seed: int) -> Floats:
    """The statistics without each block of units ``[blocks, 3]``; blocks without which one is undefined are passed."""
    units, member = np.unique(codes, return_inverse=True)
    blocks = min(BLOCKS, len(units))
    block = np.random.default_rng(seed).permutation(len(units)) % blocks
    rows = [_statistics(ratings.rows(block[member] != number), requested) for number in range(blocks) if blocks > 1]
    table = np.array(rows).reshape(-1, 3)
    return table[np.isfinite(table[:, :2]).all(axis=1)]
