"""The result of a listening study, as ``result.json`` and ``--json`` hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from affetti.corpus.ceiling import LabelCeiling
from affetti.results import BaseResult, PointEstimate
from affetti.studies.listening.reliability import IccPair, WithinListener
from affetti.studies.listening.screening import ExcludedListener
from affetti.studies.listening.sequential import Analysis


@dataclass(frozen=True)
class SystemMean:
    """The mean rating of a system on a scale; of pairs, its Bradley-Terry strength in log odds."""

    name: str
    scale: str
    mean: float
    ci: tuple[float, float] | None
    """None: too few listeners or clips, see the notes."""
    clips: int
    listeners: int
    ratings: int
    median: PointEstimate | None = None
    """Of ``mushra``, which reports medians."""


@dataclass(frozen=True)
class PairDifference:
    """The difference of two systems on a scale; of pairs, that of their Bradley-Terry strengths in log odds."""

    a: str
    b: str
    scale: str
    difference: float
    """Of a minus b."""
    ci: tuple[float, float] | None
    ci_simultaneous: tuple[float, float] | None
    """Holds for all pairs of systems on this scale at once."""
    p: float | None
    p_adjusted: float | None
    """Adjusted for all pairs of systems on this scale, and for interim analyses."""
    preferred: float | None = None
    """Of pairs compared: how often a was preferred to b, 'no difference' as half; None where they were not compared."""


@dataclass(frozen=True)
class TriangleTest:
    """Whether listeners distinguish two systems (triangle test)."""

    a: str
    b: str
    correct: float
    """Proportion of correct answers, in [0, 1]; a third by guessing."""
    ci: tuple[float, float] | None
    p: float | None
    """One-sided, of guessing."""
    answers: int
    listeners: int
    clips: int
    """Requests whose clips were compared."""


@dataclass(frozen=True)
class ControlRow:
    """Perceived against requested emotion of one system on one axis."""

    system: str
    axis: str
    slope: PointEstimate
    """Part of a requested change that is perceived."""
    bias: PointEstimate
    """Perceived minus requested, on average, in [-1, 1] units."""
    correlation: PointEstimate | None
    clips: int
    listeners: int


@dataclass(frozen=True)
class RegressorAgreement:
    """How far a regressor's predictions agree with the listeners' means, over clips."""

    axis: str
    system: str
    """``all``: over the clips of all systems."""
    correlation: PointEstimate
    concordance: PointEstimate
    bias: PointEstimate
    """Prediction minus mean rating."""
    clips: int


@dataclass(frozen=True)
class RankAgreement:
    """Whether Quality Scores put systems in the order in which listeners do."""

    scale: str
    tau: PointEstimate
    """Kendall's τ, with the interval of a sample of systems."""
    p: float
    """Exact, two-sided, of unrelated orders."""
    systems: tuple[str, ...]
    scores: tuple[float, ...]
    """Quality Scores of these."""


@dataclass(frozen=True)
class Reliability:
    """How reliable ratings on a scale are."""

    scale: str
    icc1: IccPair | None
    """One-way: any listeners a clip. None: not defined, see the notes."""
    icc2: IccPair | None
    """Two-way; None where no three clips were rated by all listeners."""
    alpha: PointEstimate | None
    """Krippendorff's α, interval metric."""
    within: WithinListener | None
    """None: no repeated trials."""
    clips: int
    listeners: int
    ratings: int


@dataclass(frozen=True)
class VarianceComponent:
    """A variance, in squared units of the scale."""

    value: float
    ci: tuple[float, float] | None


@dataclass(frozen=True)
class VarianceOfScale:
    """Where the variance of ratings on a scale lies, and what limits the precision of a difference."""

    scale: str
    listener: VarianceComponent
    listener_by_system: VarianceComponent
    clip: VarianceComponent
    error: VarianceComponent
    half_width: float
    """Half the expected width of the 95 % interval of a difference between two systems."""
    shares: dict[str, float]
    """Part of its squared error due to ``clips``, ``listeners`` and ``error``."""
    limit: str
    """The largest of them."""
    target: float
    """A half-width to be reached."""
    listeners_needed: int | None
    """With as many clips; None: no number reaches the target."""
    clips_needed: int | None
    """Clips a system, with as many listeners."""
    both_needed: tuple[int, int] | None
    """Listeners and clips a system, where both grow alike; None: no number reaches the target."""


@dataclass(frozen=True)
class UnscreenedMean:
    """The mean of a system with and without the listeners that were left out."""

    name: str
    scale: str
    mean: float
    without_screening: float


@dataclass(frozen=True)
class Screening:
    """Who was left out, by which rules, and what that changed."""

    rules: tuple[str, ...]
    excluded: tuple[ExcludedListener, ...]
    effect: tuple[UnscreenedMean, ...]
    """Empty where nobody was left out."""


@dataclass(frozen=True)
class ListeningResult(BaseResult):
    """What a listening study shows."""

    verb: ClassVar[str | None] = "listen"

    study: str
    """Its folder, or the table of ratings."""
    task: str
    listeners: int
    """Who count, after screening."""
    ratings: int
    analysis: Analysis
    """Which of several interim analyses this is."""
    seed: int
    systems: tuple[SystemMean, ...]
    pairs: tuple[PairDifference, ...]
    triangles: tuple[TriangleTest, ...]
    """Of ``spot``."""
    control: tuple[ControlRow, ...]
    regressor: tuple[RegressorAgreement, ...]
    """Empty where no regressor predicted the clips."""
    quality_score: tuple[RankAgreement, ...]
    """Empty without scorecards of three systems or more."""
    reliability: tuple[Reliability, ...]
    ceiling: LabelCeiling
    """Of the ratings as labels, in the same form as that of any corpus."""
    variance: tuple[VarianceOfScale, ...]
    screening: Screening
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of affetti, torch, numpy and Python, that it was computed with."""
