"""One measure of the scorecard: a value with its interval and its floor, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from affetti import metrics

Interval = tuple[float, float]


@dataclass(frozen=True)
class Measure:
    """A measured value with what is needed to interpret it, or the reason why there is none."""

    value: float | None
    ci: Interval | None = None
    """95 % interval, resampled by song."""
    floor: float | None = None
    """The same estimate with held-out real songs in the place of the synthetic ones."""
    n: tuple[int, ...] | None = None
    """Rows of each set."""
    seed: int | None = None
    reason: str | None = None
    """Why ``value`` is ``None``."""

    @classmethod
    def of(cls, result: metrics.Result) -> Measure:
        """From the result of a metric."""
        return cls(result.value, result.ci, result.floor, result.n, result.seed)

    @classmethod
    def unavailable(cls, reason: str) -> Measure:
        """The placeholder of a measure that could not be computed."""
        return cls(None, reason=reason)


@dataclass(frozen=True)
class ExtrapolatedMeasure(Measure):
    """A distance extrapolated to infinitely many songs, and the line it rests on."""

    slope: float = 0.0
    """Bias of the plain distance of the whole sets."""
    r2: float = 0.0
    """Share of the variance of the mean distances that the line explains."""
    shares: tuple[float, ...] = ()
    """Share of the songs in each subset."""
    distances: tuple[float, ...] = ()
    """Mean plain distance at each share."""
