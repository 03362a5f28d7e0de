"""``affetti generate``: a synthetic corpus for given emotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from affetti.api.plan import Plan, describe_cost
from affetti.config import structure
from affetti.execution import Engine
from affetti.inference.filtering import FilterSummary
from affetti.inference.generation import GenerationSettings, generate_corpus, resolve_request
from affetti.inference.song_request import SongSettings
from affetti.inference.songs import SongsRequest, generate_songs, resolve_songs
from affetti.models.sampling import Sampler
from affetti.progress import Progress, silent
from affetti.report.wording import plural
from affetti.results import CorpusResult
from affetti.training.cost import seconds_of
from affetti.training.device import executor_on
from affetti.training.run import TrainedModel

PROBE_CLIPS = 2
"""Clips that a plan generates."""


@dataclass(frozen=True)
class GenerateResult(CorpusResult):
    """A synthetic corpus that was generated."""

    verb: ClassVar[str | None] = "generate"

    clips: int
    emotions: str
    """How the emotions were chosen."""
    seed: int
    generator: str
    """Family of the model."""
    fold: int
    """Fold that the model was trained on."""
    filter: FilterSummary | None
    """What the filter kept; None where nothing was filtered."""
    content_hash: str
    songs: int | None = None
    """Whole songs that the clips belong to; None where clips were requested."""
    method: str | None = None
    """How songs are made of windows: ``joint denoising`` or ``cross-fades``; None of clips."""


@dataclass(frozen=True, kw_only=True)
class GeneratePlan(Plan):
    """A synthetic corpus that would be generated."""

    verb: ClassVar[str | None] = "generate"

    clips: int
    songs: int | None = None
    """Whole songs that they belong to; None where clips were requested."""


def run(
    model: str | Path,
    n: int,
    out: str | Path,
    *,
    emotions: str = "uniform",
    genre: str | None = None,
    mode: str | None = None,
    section: str | None = None,
    position: float | None = None,
    instruments: Sequence[str] = (),
    lyrics: str | None = None,
    curve: str | Path | None = None,
    curve_from: tuple[str, str] | None = None,
    form: str | None = None,
    seconds: float | None = None,
    sampling: Mapping[str, float] | None = None,
    filter_by: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    audio: bool = False,
    vocoder: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
) -> GenerateResult:
    """Generate a synthetic corpus; see :func:`affetti.inference.generation.generate_corpus`.

    ``genre`` to ``lyrics`` are conditions of every clip besides its emotion, of those that the model was trained on.
    Any of ``curve`` to ``seconds`` requests ``n`` whole songs: they follow a curve, given as a CSV file or as words
    with their seconds (``sad@0 calm@60``), or that of a song of a corpus (``(corpus, song_id)``), or else keep one
    emotion, and have the sections of ``form``; see :func:`affetti.inference.songs.generate_songs`.

    ``sampling`` are sampling parameters such as ``{"guidance": 2}``. On the CPU ``workers`` defaults to one per core;
    on another device, to one; ``engine`` is where they run.
    """
    conditions = {"genre": genre, "mode": mode, "section": section, "position": position, "lyrics": lyrics}
    conditions |= {"instruments": tuple(instruments)}
    settings = _settings(emotions, conditions, sampling, filter_by, seed, batch_size, audio, vocoder, device)
    songs = SongSettings(None if curve is None else str(curve), curve_from, form, seconds)
    executor = executor_on(device, engine, workers)
    if songs.requested:
        corpus = generate_songs(Path(model), n, Path(out), settings, songs, executor=executor, progress=progress)
    else:
        corpus = generate_corpus(Path(model), n, Path(out), settings, executor=executor, progress=progress)
    provenance = corpus.meta["provenance"]
    summary, made = provenance["filter"], provenance.get("songs")
    return GenerateResult(
        corpus=str(corpus.path),
        clips=len(corpus),
        emotions=provenance["emotions"],
        seed=seed,
        generator=provenance["generator"],
        fold=provenance["fold"],
        filter=None if summary is None else structure(summary, FilterSummary, corpus.path / "corpus.json"),
        content_hash=corpus.hash,
        songs=None if made is None else made["n"],
        method=None if made is None else made["method"],
    )


def plan(
    model: str | Path,
    n: int,
    out: str | Path,
    *,
    emotions: str = "uniform",
    genre: str | None = None,
    mode: str | None = None,
    section: str | None = None,
    position: float | None = None,
    instruments: Sequence[str] = (),
    lyrics: str | None = None,
    curve: str | Path | None = None,
    curve_from: tuple[str, str] | None = None,
    form: str | None = None,
    seconds: float | None = None,
    sampling: Mapping[str, float] | None = None,
    filter_by: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    audio: bool = False,
    vocoder: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
) -> GeneratePlan:
    """Plan a synthetic corpus, with the arguments of :func:`run`: a few clips are generated in memory.

    Emotions, conditions, sampling parameters and all else that :func:`run` would refuse are refused here.
    """
    conditions = {"genre": genre, "mode": mode, "section": section, "position": position, "lyrics": lyrics}
    conditions |= {"instruments": tuple(instruments)}
    settings = _settings(emotions, conditions, sampling, filter_by, seed, batch_size, audio, vocoder, device)
    processes = executor_on(device, engine, workers).workers
    songs = SongSettings(None if curve is None else str(curve), curve_from, form, seconds)
    if songs.requested:
        return _plan_songs(resolve_songs(Path(model), n, settings, songs), Path(out), processes)
    request = resolve_request(Path(model), n, settings)
    front = request.trained.front_end
    each = _seconds_a_clip(request.trained, request.conditions, settings)
    time = each * n / processes
    size = 2 * n * front.n_bands * front.frames
    return GeneratePlan(
        clips=n,
        bytes=size,
        seconds=round(time, 1),
        plan=f"would generate {plural(n, 'clip')} with {model} and write {describe_cost(size, time, Path(out))}",
    )


def _plan_songs(request: SongsRequest, out: Path, processes: int) -> GeneratePlan:
    front = request.layout.front
    each = _seconds_a_clip(request.trained, request.conditions, request.settings)
    time = each * len(request.conditions) * request.n / min(processes, request.n)
    size = 2 * request.clips * front.n_bands * front.frames
    length = f"{request.layout.duration:.0f} s ({plural(request.clips, 'clip')})"
    what = f"{plural(request.n, 'song')} of {length} by {request.method}"
    return GeneratePlan(
        clips=request.clips,
        songs=request.n,
        bytes=size,
        seconds=round(time, 1),
        plan=f"would generate {what} with {request.trained.path} and write {describe_cost(size, time, out)}",
    )


def _seconds_a_clip(trained: TrainedModel, conditions: Tensor, settings: GenerationSettings) -> float:
    sampler = Sampler(trained.generator, trained.front_end, settings.seed, settings.sampling, PROBE_CLIPS)
    probe = conditions[:PROBE_CLIPS]
    return seconds_of(lambda: sampler(probe)) / len(probe)


def _settings(
    emotions: str,
    conditions: dict[str, Any],
    sampling: Mapping[str, float] | None,
    filter_by: str | Path | None,
    seed: int,
    batch_size: int,
    audio: bool,
    vocoder: str | None,
    device: str,
) -> GenerationSettings:
    return GenerationSettings(
        emotions=emotions,
        conditions=conditions,
        sampling=sampling or {},
        filter_by=None if filter_by is None else Path(filter_by),
        seed=seed,
        batch_size=batch_size,
        with_audio=audio,
        vocoder=vocoder,
        device=device,
    )
