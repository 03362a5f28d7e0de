"""What the augmentation study returns of each arm and of each contrast of two arms.

CCC is the mean of valence's and arousal's concordance correlation coefficients, in [-1, 1]. Every interval is a 95 %
interval over songs and training runs, see :mod:`affetti.studies.augmentation.comparison`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Measure = Literal["ccc", "accuracy"]
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class GenreResult:
    """One arm on the test clips of one genre."""

    genre: str
    n: int
    """Test clips."""
    songs: int
    ccc: float
    ci: Interval
    accuracy: float | None = None
    """Share of clips predicted in the right quadrant; where labels are quadrants."""
    accuracy_ci: Interval | None = None
    delta: float | None = None
    """Difference from the reference arm on the same clips."""
    delta_ci: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of an arm from another: of CCC, or of accuracy where the study's ``measure`` is."""

    delta: float
    delta_ci: Interval
    """Interval of this difference alone."""
    p_alone: float | None = None
    """p-value of no difference, two-sided, of this difference alone."""
    delta_ci_simultaneous: Interval | None = None
    """Interval that holds for all arms and contrasts at once; None for the reference."""
    p: float | None = None
    """p-value of no difference, two-sided, adjusted for all arms and contrasts."""
    detectable: float | None = None
    """The difference that such a study finds four times of five."""
    songs_needed: int | None = None
    """Test songs at which a difference as estimated would be found four times of five; None: no number of songs would
    do, with as few seeds and runs."""
    songs_needed_alone: int | None = None
    """The same without the adjustment for all arms and contrasts."""
    share_below_zero: float | None = None
    """Share of resamples in which the difference is below zero; no probability of harm."""
    generator_runs: int | None = None
    """Runs of the generator, in each fold; None where there is no generator."""
    verdict: str | None = None


@dataclass(frozen=True, kw_only=True)
class ArmResult(Difference):
    """One arm of the study on all test clips; its difference is from the reference arm."""

    name: str
    ccc_valence: float
    ccc_arousal: float
    ccc: float
    ci: Interval
    accuracy: float | None = None
    """Share of clips predicted in the right quadrant; where labels are quadrants."""
    accuracy_ci: Interval | None = None
    delta_real: float | None = None
    """In studies of 0.1: difference from ``real``, which had half the updates there."""
    delta_real_ci: Interval | None = None
    by_genre: tuple[GenreResult, ...] = ()
    n_train: int | None = None
    """Clips trained on; None for ridge regression."""
    steps: int | None = None
    """Updates that it might take; None for ridge regression."""


@dataclass(frozen=True, kw_only=True)
class ContrastResult(Difference):
    """The difference of two arms of the study: ``arm`` less ``reference``."""

    arm: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class PrimaryContrast:
    """The study's primary contrast: one difference, chosen before anything was measured."""

    arm: str
    reference: str
    sentence: str
    """The result in one sentence."""
    delta: float
    ci: Interval
    """95 % interval of this contrast alone."""
    p: float
    """Two-sided, of no difference, of this contrast alone."""
    n_songs: int
    """Real test songs."""
    generator_runs: int | None
    """In each fold; None where neither arm has a generator."""
    seeds: int
