"""Typed values of a comparison: a synthetic set beside that of another generator, on the same real songs."""

from __future__ import annotations

from dataclasses import dataclass

from affetti.studies.scorecard.measurement import Interval, Measure


@dataclass(frozen=True)
class DistanceDifference:
    """Difference of the distances of two generators from the same real songs; below 0 the first is nearer."""

    difference: Measure | None = None
    first: Measure | None = None
    second: Measure | None = None
    p: float | None = None
    """Of this comparison alone, whatever the number of comparisons."""
    seed: int | None = None
    reason: str | None = None
    simultaneous: Interval | None = None
    """95 % interval that holds for this measure in all comparisons at once; ``None`` where there is one comparison."""

    @property
    def deciding(self) -> Interval | None:
        """The interval that a verdict goes by: the simultaneous one where there are several comparisons."""
        return self.simultaneous or (None if self.difference is None else self.difference.ci)


@dataclass(frozen=True)
class QualityDifference:
    """Difference of the Quality Scores of two generators on the same real songs; above 0 the first is better."""

    difference: Measure | None = None
    first: float | None = None
    second: float | None = None
    n: int | None = None
    reason: str | None = None
    simultaneous: Interval | None = None
    """As of a distance."""

    @property
    def deciding(self) -> Interval | None:
        """The interval that a verdict goes by: the simultaneous one where there are several comparisons."""
        return self.simultaneous or (None if self.difference is None else self.difference.ci)


@dataclass(frozen=True)
class DifferenceEstimate:
    """First less second, with its interval over songs."""

    value: float
    ci: Interval
    simultaneous: Interval | None = None
    """95 % interval that holds in all comparisons at once; ``None`` where there is one comparison."""


@dataclass(frozen=True)
class AxisControlDifference:
    """How much more the clips of the first follow their conditions on one axis, by one and the same regressor."""

    correlation: DifferenceEstimate
    slope: DifferenceEstimate
    bias: DifferenceEstimate
    """Of the bias towards neutral: below 0 where the first falls less short."""


@dataclass(frozen=True)
class ControlDifference:
    """Difference of control; an axis is ``None`` where the conditions of one of the sets never vary."""

    valence: AxisControlDifference | None = None
    arousal: AxisControlDifference | None = None
    reason: str | None = None

    def axes(self) -> dict[str, AxisControlDifference | None]:
        """By the name of the axis."""
        return {"valence": self.valence, "arousal": self.arousal}


@dataclass(frozen=True)
class Comparison:
    """The synthetic set compared with that of another generator."""

    fake: str
    """Name of the other generator's set."""
    n_fake: int
    frechet: DistanceDifference
    kernel: DistanceDifference
    quality: QualityDifference
    contains_real: int
    """Clips of the other set that are real clips."""
    control: ControlDifference | None = None
    """``None`` in scorecards of affetti 0.1."""
