"""Interim analyses: how much of the 5 % each may spend.

Whoever analyses a study again and again while answers come, and stops when p < 0.05, raises a false alarm far more
often than in 5 % of studies. With a planned number of listeners, an analysis at the part t of it may have spent

    α(t) = 2 (1 − Φ(z / √t)) ,   z = Φ⁻¹(1 − 0.05 / 2)

of the 5 % (Lan & DeMets 1983, after O'Brien & Fleming), and the k-th analysis is made at the level α(t_k) − α(t_{k−1}).
All together then raise a false alarm in at most 5 % of studies. Without a plan, a second analysis with more listeners
is refused.

When not to use: to analyse once, at the planned number. Nothing is corrected then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from affetti.errors import UsageError

ALPHA = 0.05


@dataclass(frozen=True)
class Analysis:
    """One analysis of a study in progress."""

    number: int
    """From 1."""
    listeners: int
    planned: int
    """0: no plan."""
    alpha: float
    """The level of this analysis; 0.05 where it is the only one."""

    @property
    def interim(self) -> bool:
        """Whether more listeners are to come."""
        return self.listeners < self.planned


def spent(share: float, alpha: float = ALPHA) -> float:
    """Part of ``alpha`` that may be spent when ``share`` of the listeners, in (0, 1], have answered.

    Example:
        >>> [round(spent(share), 4) for share in (0.25, 0.5, 1.0)]
        [0.0001, 0.0056, 0.05]
    """
    return 2.0 * float(stats.norm.sf(stats.norm.isf(alpha / 2) / math.sqrt(min(share, 1.0))))


def next_analysis(previous: Sequence[int], listeners: int, planned: int) -> Analysis:
    """The analysis that may be made now.

    Args:
        previous: listeners at each earlier analysis, in order; one at as many listeners as now is made again.
        listeners: who have answered now.
        planned: how many the study is planned for; 0: no plan.

    Raises:
        UsageError: there was an analysis with fewer listeners and there is no plan, or 5 % are spent.
    """
    earlier = [count for count in previous if count < listeners]
    if not earlier and listeners >= planned:
        return Analysis(1, listeners, planned, ALPHA)
    if not planned:
        raise UsageError(
            f"was analysed before with {earlier[-1]} listeners, now has {listeners}, and no number was planned",
            where="study",
            hint=f"report that analysis (results --first {earlier[-1]}), or set planned_listeners in the next study",
        )
    before = spent(earlier[-1] / planned) if earlier else 0.0
    alpha = spent(listeners / planned) - before
    if alpha <= 0.0:
        raise UsageError(
            f"was analysed with all {planned} planned listeners before", where="study", hint="report that analysis"
        )
    return Analysis(len(earlier) + 1, listeners, planned, alpha)
