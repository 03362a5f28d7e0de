"""Intervals of a difference whose error has levels: test songs, and training runs.

With σ_s² the variance of a difference over the n test songs and σ_u² its variance over U training units (runs of the
generator, or seeds of the regressor where nothing else is left to chance), each an estimate of n - 1 or U - 1 degrees
of freedom. What one unit makes of one song is noise in both estimates; half of its variance is taken from σ_u². Taking
all of it leaves no bias, but three units can then seem not to differ at all, and false alarms rise to .07 for one
difference; taking none lets them fall to .01, and power with them.

- **One difference** (Banerjee 1961, Sankhyā A 23): Δ ± √(t_{n-1}² σ_s² + t_{U-1}² σ_u²), each level with the quantile
  of its own degrees of freedom. It covers with at least its nominal probability, whatever the shares of the levels;
  Satterthwaite's degrees of freedom (1946, Biometrics Bulletin) do not where U is 3 (``bench/power.py``).
- **Many differences at once** (single-step max-t, Westfall & Young 1993): with c the 95 % quantile over resamples of
  the largest of all standardised differences, Δ_a ± k_a σ_a, where k_a is as far out on Student's t as c is on the
  normal. The degrees of freedom ν_a are Satterthwaite's. Three units say little of their variance, and the smallest of
  many estimates would make the alarm: σ_u² of a difference is taken to be no less than the mean over differences. The
  mean of A estimates that share the reference has (U - 1) A / (1 + (A - 1) / 4) degrees of freedom, for their
  correlation is 1/2 and that of their squares 1/4. With fewer than three differences each level keeps its own quantile,
  as above.

``p`` is the level at which the interval reaches zero. ``detectable`` is the half-width plus 0.84 σ: a true difference
of that size is found with a probability (power) of 80 %. When not to use: with one unit, whose variance is not known;
the interval then is of the songs alone, and says nothing of another run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm, t

from affetti.studies.augmentation.arm_results import Interval

Floats = NDArray[np.float64]
LEVEL = 0.95
POWER_QUANTILE = 0.8416
"""Normal quantile of a power of 80 %."""
LEAST_TAIL = 1e-12
"""Smallest tail that a p-value is computed for."""
MIN_DIFFERENCES = 3
"""Differences from which the variance of units is pooled."""


@dataclass(frozen=True)
class Levels:
    """A difference, with the variance that each level gives it."""

    value: float
    songs: int
    of_songs: float
    """Variance over test songs, σ_s²."""
    units: int
    """Training runs, or seeds."""
    of_units: float
    """Variance over them, σ_u²; 0 where there is one."""
    units_freedom: float | None = None
    """Degrees of freedom of ``of_units``; None: units - 1."""

    @classmethod
    def of(cls, drawn: Floats, songs: int, runs: Sequence[int] | None = None) -> Levels:
        """The levels of a difference.

        Args:
            drawn: the difference of each seed, then under each resample of the songs ``[1 + R, S]``.
            songs: how many test songs.
            runs: number of the generator's run that each seed used; None, or all the same: seeds are the units.
        """
        runs = range(drawn.shape[1]) if runs is None or len(set(runs)) < 2 else runs
        total = drawn[1:].mean(axis=1)
        of_units = units_variance(drawn[0], runs) - song_noise(drawn[1:], runs) / 2
        return cls(float(drawn[0].mean()), songs, float(total.var(ddof=1)), len(set(runs)), max(of_units, 0.0))

    @property
    def freedom(self) -> tuple[float, float]:
        """Degrees of freedom of the variance over songs and over units."""
        of_units = self.units - 1 if self.units_freedom is None else self.units_freedom
        return max(self.songs - 1.0, 1.0), max(of_units, 1.0)

    @property
    def deviation(self) -> float:
        """Standard deviation of the difference."""
        return float(np.sqrt(self.of_songs + self.of_units))

    def half_width(self, tail: float) -> float:
        """Half of the interval that leaves out ``tail`` on either side, each level with its own quantile."""
        songs, units = (t.isf(tail, freedom) for freedom in self.freedom)
        return float(np.sqrt(songs**2 * self.of_songs + units**2 * self.of_units))

    def satterthwaite(self) -> float:
        """Degrees of freedom of the sum of both variances: (σ_s² + σ_u²)² / (σ_s⁴ / ν_s + σ_u⁴ / ν_u).

        Example:
            >>> Levels(0.0, 200, 1.0, 3, 0.0).satterthwaite()
            199.0
            >>> round(Levels(0.0, 10**9, 1.0, 3, 1.0).satterthwaite(), 3)  # half of it known, half of 2 degrees
            8.0
        """
        songs, units = self.freedom
        parts = self.of_songs**2 / songs + self.of_units**2 / units
        return songs if parts == 0 else float((self.of_songs + self.of_units) ** 2 / parts)


def units_variance(by_seed: Floats, runs: Sequence[int]) -> float:
    """Variance of a mean over seeds that is left to chance by runs, and by seeds within runs; 0 for one run.

    R / (R - 1) Σ_r (n_r / S)² (mean of run r - mean)², the variance of a mean of clusters; with one seed a run it is
    the sample variance over S.

    Example:
        >>> round(units_variance(np.array([0.0, 0.1, 0.2]), (0, 1, 2)), 6)  # a sample variance of 0.01, over 3
        0.003333
    """
    numbers = np.asarray(runs)
    names = np.unique(numbers)
    if len(names) < 2:
        return 0.0
    middle = by_seed.mean()
    each = [((numbers == run).mean(), by_seed[numbers == run].mean() - middle) for run in names]
    return float(len(names) / (len(names) - 1) * sum(share**2 * apart**2 for share, apart in each))


def song_noise(drawn: Floats, runs: Sequence[int]) -> float:
    """Variance of a mean over units that comes of the songs each unit does well on; 0 for one unit.

    Over resamples of the songs, a unit's distance from the mean of U units varies by σ² (1 - 1/U), and σ²/U is what it
    gives the mean.

    Args:
        drawn: the difference of each seed under each resample of the songs ``[R, S]``.
        runs: the unit of each seed ``[S]``.
    """
    numbers = np.asarray(runs)
    units = [drawn[:, numbers == run].mean(axis=1) for run in np.unique(numbers)]
    if len(units) < 2:
        return 0.0
    apart = np.stack(units) - np.mean(units, axis=0)
    return float(apart.var(axis=1, ddof=1).mean() / (len(units) - 1))


@dataclass(frozen=True)
class DifferenceInterval:
    """An interval, its p-value, and what it could have found."""

    ci: Interval
    p: float
    """Two-sided, of no difference."""
    detectable: float
    """The difference that is found with a probability of 80 %."""
    songs_needed: int | None
    """Test songs at which a difference as estimated would be found with a probability of 80 %, units as they are; None:
    no number of songs would do."""


def one_interval(levels: Levels) -> DifferenceInterval:
    """The interval of one difference, by each level's own quantile."""
    return _interval(levels, levels.half_width((1 - LEVEL) / 2), _p_alone(levels))


def _p_alone(levels: Levels) -> float:
    """The level at which the interval of one difference reaches zero."""
    size = abs(levels.value)
    if levels.deviation == 0 or size == 0:
        return 1.0 if size == 0 else 0.0
    if levels.half_width(LEAST_TAIL) <= size:
        return 2 * LEAST_TAIL
    # The half-width falls with the tail, from there to 0 at one half.

    def beyond(log_tail: float) -> float:
        return levels.half_width(float(np.exp(log_tail))) - size

    # Without ``full_output`` it returns the root alone.
    return float(2 * np.exp(cast(float, brentq(beyond, np.log(LEAST_TAIL), np.log(0.5)))))


def simultaneous_intervals(levels: Mapping[str, Levels], drawn: Mapping[str, Floats]) -> dict[str, DifferenceInterval]:
    """Intervals that hold for all differences at once.

    Args:
        levels: each difference.
        drawn: the estimate, then one of each resample of songs and units ``[1 + R]``, the same resamples for all.
    """
    spread = {name: float(values[1:].std(ddof=1)) for name, values in drawn.items()}
    varying = [name for name in levels if spread[name] > 0 and levels[name].deviation > 0]
    if not varying:
        return {name: one_interval(each) for name, each in levels.items()}
    largest = np.max([np.abs(drawn[name][1:] - drawn[name][0]) / spread[name] for name in varying], axis=0)
    # Resamples of very few songs take few values: their largest difference can lie nearer than one alone does.
    critical = max(float(np.quantile(largest, LEVEL)), float(norm.isf((1 - LEVEL) / 2)))
    intervals: dict[str, DifferenceInterval] = {}
    for name, own in pooled(levels).items():
        if own.deviation == 0:
            intervals[name] = one_interval(own)
            continue
        if len(levels) < MIN_DIFFERENCES:
            half, alone = own.half_width(float(norm.sf(critical))), _p_alone(own)
        else:
            student = t(own.satterthwaite())
            half = float(student.isf(norm.sf(critical))) * own.deviation
            alone = 2 * float(student.sf(abs(own.value) / own.deviation))
        p = float((1 + np.sum(largest >= norm.isf(alone / 2))) / (1 + len(largest)))
        intervals[name] = _interval(own, half, max(p, alone))
    return intervals


def pooled(levels: Mapping[str, Levels]) -> dict[str, Levels]:
    """The levels, with no variance over units below the mean over differences of as many units."""
    raised: dict[str, Levels] = {}
    for name, own in levels.items():
        alike = [other.of_units for other in levels.values() if other.units == own.units]
        mean = float(np.mean(alike))
        if len(levels) < MIN_DIFFERENCES or len(alike) < 2 or own.units < 2 or own.of_units >= mean:
            raised[name] = own
            continue
        freedom = (own.units - 1) * len(alike) / (1 + (len(alike) - 1) / 4)
        raised[name] = replace(own, of_units=mean, units_freedom=freedom)
    return raised


def _interval(levels: Levels, half: float, p: float) -> DifferenceInterval:
    ci = levels.value - half, levels.value + half
    return DifferenceInterval(ci, p, half + POWER_QUANTILE * levels.deviation, songs_needed(levels, half))


def songs_needed(levels: Levels, half: float) -> int | None:
    """Test songs at which a difference as estimated would be found with a probability of 80 %.

    The difference must be k + 0.84 standard deviations, k the half-width of the interval in standard deviations; the
    variance over songs falls with their number, that over units does not.

    Args:
        levels: the difference.
        half: half-width of its interval.

    Returns:
        None where the units alone vary too much, or the difference is 0.

    Example:
        >>> songs_needed(Levels(1.0, 100, 1.0, 1, 0.0), 1.96)  # (1.96 + 0.84)² of a standard deviation
        785
    """
    if levels.deviation == 0 or levels.value == 0:
        return None
    most = (levels.value / (half / levels.deviation + POWER_QUANTILE)) ** 2 - levels.of_units
    return int(np.ceil(levels.songs * levels.of_songs / most)) if most > 0 else None
