"""What the page offers: emotions with their words, cues, generators, the regressor; described once, at the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from affetti.compose.cues import MELODIES, MODES, RANGES, TIMBRES
from affetti.compose.styles import GENRES
from affetti.corpus import Corpus
from affetti.embedders.registry import make_embedder
from affetti.emotion import WORDS
from affetti.errors import MismatchError
from affetti.inference.songs import song_method
from affetti.inference.window_regressors import open_regressor
from affetti.training import run as runs
from affetti.web.bodies import MAX_PIECE_SECONDS
from affetti.web.limits import MAX_UPLOAD_BYTES
from affetti.web.reports import ReportChoice
from affetti.web.settings import ServeSettings


@dataclass(frozen=True)
class SamplingChoice:
    """A sampling parameter of a generator."""

    name: str
    default: float
    minimum: float
    maximum: float | None
    """None: no upper limit."""
    meaning: str


@dataclass(frozen=True)
class ModelChoice:
    """A generator, and what can be requested of it."""

    id: str
    name: str
    kind: str
    seconds: float
    """Length of its clips."""
    song_method: str
    """How it makes songs that follow a curve: ``joint denoising`` or ``cross-fades``."""
    preset: str
    sampling: list[SamplingChoice]
    genres: list[str]
    sections: list[str]
    instruments: list[str]
    modes: list[str]
    lyrics: bool


@dataclass(frozen=True)
class RegressorChoice:
    """The regressor that predicts."""

    name: str
    interval_level: float | None
    seconds: float
    """Length of its windows."""
    description: str | None
    """What it is and how well it agrees with listeners, where that is known."""


@dataclass(frozen=True)
class NamedChoice:
    """A corpus, or a report."""

    id: str
    name: str


@dataclass(frozen=True)
class Catalogue:
    """All that the page needs to draw itself."""

    words: dict[str, tuple[float, float]]
    """Valence and arousal of each word."""
    genres: list[str]
    cues: dict[str, tuple[float, float]]
    """Range of each graded cue."""
    choices: dict[str, list[str]]
    """Choices of the other cues."""
    max_seconds: float
    """Of a composed piece."""
    max_upload_bytes: int
    models: list[ModelChoice]
    regressor: RegressorChoice | None
    corpora: list[NamedChoice]
    reports: list[NamedChoice]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def describe(settings: ServeSettings, reports: Sequence[ReportChoice] = ()) -> Catalogue:
    """Open every model and corpus once, so that what cannot be used is refused before the page is served.

    Raises:
        AffettiError: a folder is missing, damaged or not of its kind.
    """
    names = _distinct_names(settings.models)
    for path in settings.corpora:
        if Corpus.open(path).synthetic:
            raise MismatchError("holds synthetic clips", where=path, hint="give a real corpus; --model gives the rest")
    return Catalogue(
        words=dict(WORDS),
        genres=list(GENRES),
        cues={name: RANGES[name] for name in RANGES},
        choices={"mode": list(MODES), "timbre": list(TIMBRES), "melody": list(MELODIES)},
        max_seconds=MAX_PIECE_SECONDS,
        max_upload_bytes=MAX_UPLOAD_BYTES,
        models=[_model(path, name, f"m{i}") for i, (path, name) in enumerate(zip(settings.models, names, strict=True))],
        regressor=None if settings.regressor is None else _regressor(settings.regressor),
        corpora=[NamedChoice(f"c{i}", name) for i, name in enumerate(_distinct_names(settings.corpora))],
        reports=[NamedChoice(choice.id, choice.name) for choice in reports],
    )


def _distinct_names(paths: tuple[Path, ...]) -> list[str]:
    """The last part of each path, and a number where several are alike."""
    names = [path.resolve().name for path in paths]
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def _model(path: Path, name: str, model_id: str) -> ModelChoice:
    trained = runs.load(path)
    generator = trained.generator
    parameters = [
        SamplingChoice(p.name, p.default, p.minimum, p.maximum if p.maximum < float("inf") else None, p.meaning)
        for p in generator.sampling_parameters
    ]
    fields = trained.fields
    return ModelChoice(
        model_id,
        name,
        trained.kind,
        trained.front_end.seconds,
        song_method(trained),
        trained.meta.preset,
        parameters,
        list(fields.genres),
        list(fields.sections),
        list(fields.instruments),
        list(MODES) if fields.mode else [],
        bool(fields.lines),
    )


def _regressor(path: Path) -> RegressorChoice:
    regressor = open_regressor(path, "onnx" if path.suffix == ".onnx" else "torch", "cpu", make_embedder)
    return RegressorChoice(
        path.resolve().name, regressor.interval_level, regressor.front_end.seconds, regressor.description
    )
