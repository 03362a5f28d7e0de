"""How whole songs compare with real ones, as typed values of the scorecard."""

from __future__ import annotations

from dataclasses import dataclass, field

from affetti.results import Estimate
from affetti.studies.scorecard.measurement import Interval, Measure


@dataclass(frozen=True)
class FormMeasure(Measure):
    """A measure of songs. Of a mean over songs, ``floor`` is the mean over real songs."""

    floor_ci: Interval | None = None
    """95 % interval of the mean over real songs."""
    difference: Estimate | None = None
    """Mean of synthetic less that of real songs; None for distances between curves."""


@dataclass(frozen=True)
class FormCurve:
    """The mean over songs of a curve, with 95 % intervals."""

    at: tuple[float, ...]
    real: tuple[float, ...]
    real_ci: tuple[Interval, ...]
    fake: tuple[float, ...]
    fake_ci: tuple[Interval, ...]


@dataclass(frozen=True)
class Loop:
    """A synthetic song with a period that is stronger than those of real songs."""

    song: str
    seconds: float
    """Its period."""
    depth: float
    """How far the structure curve falls there, of about 1 for an exact loop."""
    p: float
    """Share of real songs, and itself, of which the strongest period is as strong."""


@dataclass(frozen=True)
class FormSongs:
    """Songs that were compared."""

    real: int
    fake: int
    too_short: int = 0
    """Songs of both sets that are left out because they are shorter than half of :attr:`Form.seconds`."""


@dataclass(frozen=True)
class Form:
    """Whole songs beside real ones."""

    seconds: float
    """What of each song is compared, from its start: the median length of the set whose songs are shorter."""
    songs: FormSongs
    measures: dict[str, FormMeasure] = field(default_factory=dict[str, FormMeasure])
    """By key of the registry."""
    structure_curve: FormCurve | None = None
    """Distance of moments, relative to chance, by the seconds between them."""
    level_course: FormCurve | None = None
    """Level in dB, less the song's mean, by position in the song, 0 to 1."""
    loops: tuple[Loop, ...] = ()
    """Songs that loop, the strongest first."""
