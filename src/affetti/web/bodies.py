"""What requests of the page hold, as typed dataclasses."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from affetti.compose.curve import CurveSettings
from affetti.emotion import EmotionCurve
from affetti.errors import InputError
from affetti.inference.generation import GenerationSettings
from affetti.web.limits import MAX_SEED

MAX_PIECE_SECONDS = 180.0
"""Of a composed piece, and of a song of a generator."""


@dataclass(frozen=True)
class CurvePointBody:
    """A point of an emotion curve."""

    time: float
    """Seconds, ≥ 0."""
    valence: float
    """In [-1, 1]."""
    arousal: float


@dataclass(frozen=True)
class ComposeBody:
    """A piece for the composer: of one emotion, or along a curve."""

    curve: list[CurvePointBody]
    """One point: one emotion throughout; several: joined by straight lines, sorted by time."""
    seconds: float = 14.0
    """4 to 180."""
    genre: str = "pop"
    key: int = 0
    """Pitch class of the tonic, 0 (C) to 11."""
    seed: int = 0
    held: dict[str, float | str] = field(default_factory=dict[str, "float | str"])
    """Cues that keep a value; the others make up for them."""

    def emotion_curve(self) -> EmotionCurve:
        """The curve; raises InputError where it makes no sense."""
        return _curve(self.curve)

    def settings(self) -> CurveSettings:
        """What the piece has besides; raises UsageError where it makes no sense."""
        require_seed(self.seed)
        _require_seconds(self.seconds)
        return CurveSettings(self.genre, self.key, self.seed, dict(self.held))


@dataclass(frozen=True)
class ConditionsBody:
    """What is requested of a generator besides the emotion, where it was trained on it; null requests nothing."""

    genre: str | None = None
    mode: str | None = None
    section: str | None = None
    instruments: list[str] = field(default_factory=list[str])
    lyrics: str | None = None

    def requested(self) -> dict[str, Any]:
        """Those that are requested, as of :func:`affetti.generate`."""
        values = asdict(self) | {"instruments": tuple(self.instruments)}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, kw_only=True)
class GeneratorBody:
    """What is requested of a generator besides the emotion."""

    model: str
    """Id of a model, see ``/plane``."""
    seed: int = 0
    sampling: dict[str, float] = field(default_factory=dict[str, float])
    """Values of the model's sampling parameters."""
    conditions: ConditionsBody = ConditionsBody()

    def settings(self) -> GenerationSettings:
        """The same as settings of ``affetti generate``; raises InputError where the seed is out of range."""
        require_seed(self.seed)
        conditions = self.conditions.requested()
        return GenerationSettings(conditions=conditions, sampling=dict(self.sampling), seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class SampleBody(GeneratorBody):
    """A clip of a generator: clip 0 of ``affetti generate`` with these settings."""

    valence: float
    """In [-1, 1]."""
    arousal: float


@dataclass(frozen=True, kw_only=True)
class SongBody(GeneratorBody):
    """A song of a generator along a curve: song 0 of ``affetti generate --curve`` with these settings."""

    curve: list[CurvePointBody]
    """One point: one emotion throughout; several: joined by straight lines, sorted by time."""
    seconds: float
    """From the length of the generator's clips to 180."""

    def emotion_curve(self) -> EmotionCurve:
        """The curve; raises InputError where it makes no sense."""
        _require_seconds(self.seconds)
        return _curve(self.curve)


@dataclass(frozen=True)
class RoundBody:
    """A round of the page Listen."""

    corpus: str
    """Id of a corpus, see ``/plane``."""
    seed: int = 0
    """Of the draw and of the samples, ≥ 0."""


def _curve(points: list[CurvePointBody]) -> EmotionCurve:
    return EmotionCurve(
        tuple(point.time for point in points), tuple((point.valence, point.arousal) for point in points)
    )


def _require_seconds(seconds: float) -> None:
    if not seconds <= MAX_PIECE_SECONDS:
        raise InputError(f"a piece of {seconds:g} s", hint=f"give at most {MAX_PIECE_SECONDS:g} s")


def require_seed(seed: int) -> None:
    """Raise InputError unless ``seed`` lies from 0 to :data:`~affetti.web.limits.MAX_SEED`."""
    if not 0 <= seed <= MAX_SEED:
        wrong = f"seed {seed} is negative" if seed < 0 else "the seed is too large"
        raise InputError(wrong, hint=f"give 0 to {MAX_SEED}")
