"""Means of systems and their differences when listeners and clips are both samples.

A rating is y = μ_system + (listener) + (listener × system) + (clip) + error, with listeners and clips drawn at random
(Clark 1973; Baayen, Davidson & Bates 2008). The variance of a difference of means is the sum of what clips, listeners
and the error contribute. It is estimated by leaving out one listener, and one clip, at a time (a two-way jackknife):

    V = V_listeners + V_clips − V_error ,   not less than either,

where the error, which both contain, counts once. Of systems that answered the same requests, a request is left out with
all its versions: what makes it easy or hard for all cancels. The effect of clips is removed (least squares, listener ×
system + clip) before listeners are left out, and that of listeners before clips are, so that it does not matter that
listeners rate different clips. Student's t has degrees of freedom by Satterthwaite (1946); simultaneous intervals of
all pairs use the studentised range with those of each pair (Games & Howell 1976).

Pooling ratings, as if each were independent, gives false alarms far above 5 %: see ``bench/listening.py``.

When not to use: with fewer than 3 listeners or 3 clips a system no interval is given; below some ten of either it leans
on ratings that are roughly normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from affetti.studies.listening.rating_table import Floats, ScaleRatings

MIN_UNITS = 3
"""Listeners, and clips a system, below which no interval is given."""
LEVEL = 0.95


@dataclass(frozen=True)
class Contrast:
    """A mean or a difference of means."""

    value: float
    error: float | None
    """Standard error; None: too few listeners or clips."""
    freedom: float
    """Degrees of freedom."""
    listener_variance: float = 0.0
    """What listeners contribute to the squared error, the rating error included."""
    clip_variance: float = 0.0
    """What clips contribute, the rating error included."""
    rating_variance: float = 0.0
    """What the rating error alone contributes."""

    def interval(self, level: float = LEVEL) -> tuple[float, float] | None:
        """Interval by Student's t; None where there is no standard error."""
        if self.error is None:
            return None
        half = float(stats.t.ppf(0.5 + level / 2, self.freedom)) * self.error
        return self.value - half, self.value + half

    def simultaneous_interval(self, systems: int, level: float = LEVEL) -> tuple[float, float] | None:
        """Interval that holds for all pairs of ``systems`` at once."""
        if self.error is None:
            return None
        if systems == 2:
            return self.interval(level)
        half = float(stats.studentized_range.ppf(level, systems, self.freedom)) / math.sqrt(2) * self.error
        return self.value - half, self.value + half

    @property
    def p(self) -> float | None:
        """Two-sided p-value of no difference; None where there is no standard error."""
        if self.error is None:
            return None
        return 2.0 * float(stats.t.sf(self._t, self.freedom))

    def adjusted_p(self, systems: int) -> float | None:
        """p-value, adjusted for all pairs of ``systems``."""
        if self.error is None or systems == 2:
            return self.p
        return min(1.0, float(stats.studentized_range.sf(self._t * math.sqrt(2), systems, self.freedom)))

    @property
    def _t(self) -> float:
        if not self.error:
            return 0.0 if self.value == 0.0 else np.inf
        return abs(self.value) / self.error


class Crossed:
    """The estimates for ratings on one scale."""

    def __init__(self, ratings: ScaleRatings) -> None:
        self.ratings = ratings
        systems = range(len(ratings.systems))
        self.count = np.bincount(ratings.system, minlength=len(systems))
        self.mean = np.bincount(ratings.system, ratings.rating) / self.count
        fits = [_fit(ratings.rows(ratings.system == system)) for system in systems]
        freedom = sum(fit.freedom for fit in fits)
        self.residual_variance = sum(fit.squares for fit in fits) / freedom if freedom > 0 else None
        # [units, systems]: what each unit contributes to the mean of each system, the other factor's effect removed.
        self._by_listener = np.zeros((len(ratings.listeners), len(systems)))
        self._by_condition = np.zeros((len(ratings.conditions), len(systems)))
        self._rated_by = np.zeros_like(self._by_listener, dtype=bool)
        self._answered_by = np.zeros_like(self._by_condition, dtype=bool)
        for system, fit in enumerate(fits):
            rows = ratings.system == system
            for units, codes, residual, member in (
                (self._by_listener, ratings.listener[rows], fit.without_clips, self._rated_by),
                (self._by_condition, ratings.condition[rows], fit.without_listeners, self._answered_by),
            ):
                units[:, system] = np.bincount(codes, residual, minlength=len(units)) / self.count[system]
                member[codes, system] = True

    def clips(self, system: int) -> int:
        """Number of clips of a system."""
        return len(np.unique(self.ratings.clip[self.ratings.system == system]))

    def listeners(self, system: int) -> int:
        """Number of listeners that rated a system."""
        return int(self._rated_by[:, system].sum())

    def system_mean(self, system: int) -> Contrast:
        """The mean of a system's ratings."""
        return self._contrast({system: 1.0})

    def difference(self, a: int, b: int) -> Contrast:
        """The mean of system ``a`` minus that of ``b``."""
        return self._contrast({a: 1.0, b: -1.0})

    def differences(self) -> dict[tuple[int, int], Contrast]:
        """All pairs of systems."""
        return {(a, b): self.difference(a, b) for a, b in combinations(range(len(self.mean)), 2)}

    def _contrast(self, signs: dict[int, float]) -> Contrast:
        systems = list(signs)
        sign = np.array(list(signs.values()))
        value = float((self.mean[systems] * sign).sum())
        listeners, listener_freedom = _left_out(self._by_listener[:, systems] @ sign, self._rated_by[:, systems])
        clips, clip_freedom = _left_out(self._by_condition[:, systems] @ sign, self._answered_by[:, systems])
        error = (self.residual_variance or 0.0) * float((1.0 / self.count[systems]).sum())
        few = min(min(self.listeners(system), self.clips(system)) for system in systems)
        total = max(listeners + clips - error, listeners, clips)
        if few < MIN_UNITS or min(listener_freedom, clip_freedom) < 1:
            return Contrast(value, None, 0.0, listeners, clips, error)
        below = listeners**2 / listener_freedom + clips**2 / clip_freedom
        freedom = max(total**2 / below, min(listener_freedom, clip_freedom)) if below else float(listener_freedom)
        return Contrast(value, float(np.sqrt(total)), freedom, listeners, clips, error)


@dataclass(frozen=True)
class _Fit:
    """Least squares of one system's ratings: listener + clip."""

    without_clips: Floats
    """Ratings ``[N]`` minus the effects of clips, about their mean."""
    without_listeners: Floats
    squares: float
    """Sum of squares of the residual."""
    freedom: int


def _fit(ratings: ScaleRatings) -> _Fit:
    _, listener = np.unique(ratings.listener, return_inverse=True)
    _, clip = np.unique(ratings.clip, return_inverse=True)
    n_listeners, n_clips = int(listener.max()) + 1, int(clip.max()) + 1
    centred = ratings.rating - ratings.rating.mean()
    counts = np.zeros((n_listeners, n_clips))
    np.add.at(counts, (listener, clip), 1.0)
    gram = np.block([[np.diag(counts.sum(axis=1)), counts], [counts.T, np.diag(counts.sum(axis=0))]])
    right = np.concatenate([np.bincount(listener, centred), np.bincount(clip, centred)])
    effects, _, rank, _ = np.linalg.lstsq(gram, right, rcond=1e-10)
    by_listener, by_clip = effects[:n_listeners][listener], effects[n_listeners:][clip]
    residual = centred - by_listener - by_clip
    freedom = len(centred) - int(rank)
    if freedom <= 0:  # every listener rated one clip: nothing distinguishes the two
        return _Fit(centred, centred, 0.0, 0)
    by_listener, by_clip = by_listener - by_listener.mean(), by_clip - by_clip.mean()
    return _Fit(by_listener + residual, by_clip + residual, float(residual @ residual), freedom)


def _left_out(contribution: Floats, member: NDArray[np.bool_]) -> tuple[float, float]:
    """Variance of a sum over units when each is left out in turn, and its degrees of freedom.

    Units that belong to different systems ``member`` ``[units, systems]`` are strata.

    Returns:
        Σ over strata of h/(h−1) Σ(contribution − mean)², and Satterthwaite's degrees of freedom.
    """
    kinds = member @ (1 << np.arange(member.shape[1]))
    variance, below = 0.0, 0.0
    for kind in np.unique(kinds[kinds > 0]):
        part = contribution[kinds == kind]
        h = len(part)
        if h < 2:
            continue
        squares = h / (h - 1) * float(((part - part.mean()) ** 2).sum())
        variance += squares
        below += squares**2 / (h - 1)
    units = int((kinds > 0).sum())
    return variance, variance**2 / below if below > 0 else float(units - 1)
