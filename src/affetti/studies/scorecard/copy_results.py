"""What the search for copies of training clips finds, as typed values of the scorecard."""

from __future__ import annotations

from dataclasses import dataclass

from affetti.studies.scorecard.measurement import Interval


@dataclass(frozen=True)
class DataCopyingTest:
    """The test C_T; see :class:`affetti.metrics.DataCopying`."""

    c_t: float | None = None
    """About 0 for fresh draws, far below 0 for copies."""
    p: float | None = None
    cells: int | None = None
    left_out: int | None = None
    n: tuple[int, int] | None = None
    seed: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class NearestPair:
    """A synthetic clip and the training clip nearest to it."""

    fake: str
    train: str
    fake_file: str | None
    train_file: str | None
    fake_row: int
    train_row: int
    train_song: str
    distance: float
    quantile: float | None
    """Share of held-out clips that lie at most as far from the training set."""


@dataclass(frozen=True)
class PassageTest:
    """Whether clips share passages with training clips; see :mod:`affetti.metrics.passages`."""

    share: float | None = None
    """Estimated share of synthetic songs that hold a copied passage, 0 to 1."""
    ci: Interval | None = None
    """95 % interval of ``share``."""
    p: float | None = None
    """Probability of as many small distances from a generator that does not copy."""
    beneath: int | None = None
    """Synthetic songs that are nearer to a training song than the threshold."""
    expected: float | None = None
    """How many of as many real songs would be, on average."""
    detectable: float | None = None
    """Share of copies from which on they are reported for certain."""
    n: tuple[int, int] | None = None
    """Synthetic and held-out songs."""
    pairs: tuple[NearestPair, ...] = ()
    """Clips with the nearest passages, from the nearest on; ``distance`` is 0 where a passage is the same, about 1
    where nothing is; ``quantile`` is of that distance over the fifth nearest song's."""
    reason: str | None = None
    """Why there is no test."""


def pairs_to_hear(
    nearest: tuple[NearestPair, ...] | None, p: float | None, passages: PassageTest | None
) -> tuple[NearestPair, ...]:
    """The pairs of the search that is the more certain: ``nearest`` by features, of ``p``, or those by passages."""
    if passages is None or passages.p is None or not passages.pairs:
        return nearest or ()
    return nearest or () if p is not None and p < passages.p else passages.pairs
