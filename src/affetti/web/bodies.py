"""Bodies of requests: JSON as typed dataclasses, uploads as files, both within limits."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request

from affetti import config
from affetti.compose.curve import CurveSettings
from affetti.emotion import EmotionCurve
from affetti.errors import InputError, UsageError
from affetti.web.settings import MAX_BODY_BYTES, MAX_BODY_SECONDS, MAX_SEED, MAX_UPLOAD_BYTES, MAX_UPLOAD_SECONDS

T = TypeVar("T")


class TooLargeError(InputError):
    """A body beyond its limit."""


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
        return EmotionCurve(
            tuple(point.time for point in self.curve), tuple((point.valence, point.arousal) for point in self.curve)
        )

    def settings(self) -> CurveSettings:
        """What the piece has besides; raises UsageError where it makes no sense."""
        require_seed(self.seed)
        if not self.seconds <= MAX_PIECE_SECONDS:
            raise InputError(f"a piece of {self.seconds:g} s", hint=f"give at most {MAX_PIECE_SECONDS:g} s")
        return CurveSettings(self.genre, self.key, self.seed, dict(self.held))


MAX_PIECE_SECONDS = 180.0


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


@dataclass(frozen=True)
class SampleBody:
    """A clip of a generator: clip 0 of ``affetti generate`` with these settings."""

    model: str
    """Id of a model, see ``/plane``."""
    valence: float
    """In [-1, 1]."""
    arousal: float
    seed: int = 0
    sampling: dict[str, float] = field(default_factory=dict[str, float])
    """Values of the model's sampling parameters."""
    conditions: ConditionsBody = ConditionsBody()


@dataclass(frozen=True)
class RoundBody:
    """A round of the page Listen."""

    corpus: str
    """Id of a corpus, see ``/plane``."""
    seed: int = 0
    """Of the draw and of the samples, ≥ 0."""


def require_seed(seed: int) -> None:
    """Raise InputError unless ``seed`` lies from 0 to :data:`~affetti.web.settings.MAX_SEED`."""
    if not 0 <= seed <= MAX_SEED:
        wrong = f"seed {seed} is negative" if seed < 0 else "the seed is too large"
        raise InputError(wrong, hint=f"give 0 to {MAX_SEED}")


async def read_json(request: Request, kind: type[T]) -> T:
    """The body as ``kind``.

    Raises:
        UsageError: it is no JSON object of that form.
        TooLargeError: it is longer than it may be.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise UsageError("the body is not declared as JSON", hint="send content-type: application/json")
    content = bytearray()
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > MAX_BODY_BYTES:
                    raise TooLargeError(f"the body is longer than {MAX_BODY_BYTES} bytes", hint="send less")
    except (TimeoutError, ClientDisconnect):
        raise InputError("the request did not arrive in time", hint="send it again") from None
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageError("the body is no JSON", hint="see /api/v1/openapi.json") from None
    if not isinstance(values, dict):
        raise UsageError("the body is no JSON object", hint="see /api/v1/openapi.json")
    return config.structure(values, kind, "body")


async def save_upload(request: Request, path: Path) -> int:
    """File the body at ``path``; returns its length.

    Raises:
        TooLargeError: it is longer than an upload may be.
        InputError: it is empty, or took too long to arrive.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_UPLOAD_BYTES:
        raise _too_large()
    length = 0
    try:
        async with asyncio.timeout(MAX_UPLOAD_SECONDS), await anyio.open_file(path, "wb") as file:
            async for chunk in request.stream():
                length += len(chunk)
                if length > MAX_UPLOAD_BYTES:
                    raise _too_large()
                await file.write(chunk)
    except (TimeoutError, ClientDisconnect):
        path.unlink(missing_ok=True)
        raise InputError("the upload did not arrive in time", hint="send it again") from None
    except TooLargeError:
        path.unlink(missing_ok=True)
        raise
    if length == 0:
        path.unlink(missing_ok=True)
        raise InputError("the upload is empty", hint="choose a recording")
    return length


def _too_large() -> TooLargeError:
    return TooLargeError(f"the upload is larger than {MAX_UPLOAD_BYTES // 2**20} MB", hint="give a shorter recording")
