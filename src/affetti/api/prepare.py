"""``affetti prepare``: a corpus of spectrograms from labelled music."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from affetti import config, presets
from affetti.api.plan import Plan, describe_cost
from affetti.corpus import audit as label_audit
from affetti.corpus.build import BuildResult, PrepareSettings, build, check_settings, refuse, unusable
from affetti.corpus.ceiling import LabelCeiling, ceiling
from affetti.corpus.cutting import Skipped, cut_track
from affetti.corpus.loaders import listening
from affetti.corpus.loaders import load as load_source
from affetti.corpus.loaders.composed import SONGS
from affetti.corpus.track import Check, Options, Source, Track, Windows
from affetti.errors import InputError, UsageError
from affetti.execution import Engine, executor
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.results import CorpusResult
from affetti.signal.front_ends import spectrogram
from affetti.storage import expand_home

CLIPS_A_SONG = 8
"""Clips taken of a composed song of about 60 s, where so many fit."""
PROBE_TRACKS = 5
"""Tracks that a plan decodes."""


@dataclass(frozen=True)
class SkippedTrack:
    """A track that is not in the corpus, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class LabelReport:
    """What the labels are worth."""

    audit: tuple[Check, ...]
    ceiling: LabelCeiling
    """What a perfect predictor would reach on labels this noisy."""


@dataclass(frozen=True)
class PrepareResult(CorpusResult):
    """A corpus that was made."""

    verb: ClassVar[str | None] = "prepare"

    clips: int
    songs: int
    folds: int
    skipped: tuple[SkippedTrack, ...]
    labels: LabelReport
    split: str
    leakage: dict[str, float]
    """Share of the test clips whose song, artist or sound is in training too, 0 to 1."""
    label_scale: str
    """Scale of the labels as published, a key of :data:`affetti.emotion.SCALES`."""
    licence: str
    notes: tuple[str, ...]
    front_end: str
    """Hash of the front-end."""
    content_hash: str


@dataclass(frozen=True, kw_only=True)
class PreparePlan(Plan):
    """A corpus that would be made."""

    verb: ClassVar[str | None] = "prepare"

    clips: int
    songs: int
    """Songs with their sound here."""
    labelled: int
    """Songs with labels, whether or not their sound is here."""
    skipped: tuple[SkippedTrack, ...]
    labels: LabelReport
    notes: tuple[str, ...]


def run(
    source: str | Sequence[str],
    out: str | Path,
    *,
    preset: str = "tiny",
    scale: str | None = None,
    windows: Windows = "centre",
    pad: bool = False,
    strict: bool = False,
    keep_audio: bool = False,
    clips: int | None = None,
    keys: int = 1,
    split: str = "folds",
    folds: int = 5,
    soundfont: str | Path | None = None,
    renderer: str = "affetti",
    voice: str | None = None,
    deam_labels: Literal["corrected", "as-shipped"] = "corrected",
    full_songs: bool = False,
    lexicon: str | Path | None = None,
    metadata: str | Path | None = None,
    seed: int = 0,
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
) -> PrepareResult:
    """Make a corpus of spectrograms from labelled music.

    Args:
        source: ``composed`` or ``NAME:PATH``, NAME one of :data:`affetti.corpus.loaders.LOADERS`; or several of these,
            to be joined.
        out: folder of the corpus.
        preset: front-end, see :data:`affetti.presets.FRONT_ENDS`.
        scale: scale of the labels of ``folder`` and ``midi``, see :data:`affetti.emotion.SCALES`.
        windows: which clips to cut from a track: ``centre``, ``first`` or ``all``.
        pad: fill a shorter track with silence instead of skipping it.
        strict: stop at a track that cannot be used instead of leaving it out.
        keep_audio: keep each clip as FLAC in ``audio/``.
        clips: how many clips to compose (``composed`` only; default 1,920 at ``tiny``).
        keys: how many tonics composed songs may have, 1 to 12; more is harder to learn.
        split: ``folds``, ``train-validation-test``, a published split by name, or a CSV of songs and their part.
        folds: folds of the split, ≥ 2.
        soundfont: an ``.sf2`` or ``.sf3`` file to render MIDI and composed songs with.
        renderer: what renders MIDI: ``affetti`` or ``fluidsynth``.
        voice: what sings (``formant``) or says (``espeak``) the words of composed songs; none by default.
        deam_labels: whether DEAM's swapped axes are corrected.
        full_songs: read DEAM's 58 full songs too.
        lexicon: a CSV of words with valence and arousal that places Jamendo's mood tags.
        metadata: a CSV of words, sections, instruments and so on by song, see :func:`affetti.corpus.metadata.join`.
        seed: of composer and split.
        workers: processes; default one per core.
        engine: where they run, a name of :data:`affetti.execution.ENGINES` or one with options, such as
            ``RayEngine(address="auto")``.
        progress: receives the number of tracks done.

    Raises:
        UsageError, InputError, StorageError: see :func:`affetti.corpus.build.build`.
        MissingDependencyError: espeak-ng, or the soundfont, is not installed.
    """
    front = presets.front_end(preset)
    options = _options(scale, soundfont, renderer, voice, deam_labels, full_songs, lexicon, metadata)
    loaded = _load(source, front, clips, keys, seed, options)
    settings = PrepareSettings(preset, windows, pad, strict, keep_audio, split, folds, seed)
    built = build(loaded, Path(out), front, settings, executor=executor(engine, workers), progress=progress)
    return _result(built)


def plan(
    source: str | Sequence[str],
    out: str | Path | None = None,
    *,
    preset: str = "tiny",
    scale: str | None = None,
    windows: Windows = "centre",
    pad: bool = False,
    strict: bool = False,
    keep_audio: bool = False,
    clips: int | None = None,
    keys: int = 1,
    split: str = "folds",
    folds: int = 5,
    soundfont: str | Path | None = None,
    renderer: str = "affetti",
    voice: str | None = None,
    deam_labels: Literal["corrected", "as-shipped"] = "corrected",
    full_songs: bool = False,
    lexicon: str | Path | None = None,
    metadata: str | Path | None = None,
    seed: int = 0,
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
) -> PreparePlan:
    """Plan a corpus, with the arguments of :func:`run`: its labels are read and audited, and a few tracks decoded.

    ``out`` may be left out.
    """
    front = presets.front_end(preset)
    processes = executor(engine, workers).workers
    options = _options(scale, soundfont, renderer, voice, deam_labels, full_songs, lexicon, metadata)
    loaded = _load(source, front, clips, keys, seed, options)
    settings = PrepareSettings(preset, windows, pad, strict, keep_audio, split, folds, seed)
    check_settings(loaded, settings)
    labels = label_audit.table(loaded, front.seconds)
    probe = loaded.tracks[:: max(1, len(loaded.tracks) // PROBE_TRACKS)][:PROBE_TRACKS]
    n_probe, seconds, broken = _cut(probe, front, settings)
    if probe and len(broken) == len(probe):
        tried = f"none of {len(probe)} tracks of {loaded.name} that were tried, of {len(loaded.tracks)}, can be used"
        raise InputError(f"{tried}, the first: {broken[0].reason}", where=broken[0].path)
    if strict:
        refuse(broken)
    share = len(loaded.tracks) / max(1, len(probe))
    seconds *= share / processes
    # A composed track knows how many clips it gives; of others, a few are decoded.
    composed = loaded.dataset.name == "composed"
    n_clips = sum(track.clips for track in loaded.tracks) if composed else round(n_probe * share)
    size = 2 * n_clips * front.n_bands * front.frames
    text = f"no sound of {loaded.name} is here: prepare would refuse; labels alone were read"
    if loaded.tracks:
        text = (
            f"would read {len(loaded.tracks)} tracks of {loaded.name} (licence: {loaded.dataset.licence}) "
            f"and write {'' if composed else 'about '}{n_clips} clips, "
            f"{describe_cost(size, seconds, None if out is None else Path(out))}"
        )
    return PreparePlan(
        clips=n_clips,
        songs=len({track.song_id for track in loaded.tracks}),
        labelled=len({track.song_id for track in loaded.labelled}),
        skipped=tuple(SkippedTrack(it.path, it.reason) for it in [*unusable(loaded), *broken]),
        labels=_labels([asdict(check) for check in label_audit.audit(loaded, front.seconds)], ceiling(labels)),
        notes=tuple(loaded.notes),
        bytes=size,
        seconds=round(seconds, 1),
        plan=text,
    )


def _load(
    source: str | Sequence[str], front: FrontEnd, clips: int | None, keys: int, seed: int, options: Options
) -> Source:
    """The tracks and labels of ``source``, of which ``clips`` are composed."""
    require_composed(source, clips)
    for name in [source] if isinstance(source, str) else source:
        kind, _, path = name.partition(":")
        if kind == listening.DATASET.name and path:
            from affetti.api.listen_results import export_labels

            export_labels(expand_home(path))
    wanted, each = composed_size(front, clips)
    return load_source(source, options, clips=wanted, clips_per_song=each, keys=keys, seed=seed)


def _options(
    scale: str | None,
    soundfont: str | Path | None,
    renderer: str,
    voice: str | None,
    deam_labels: Literal["corrected", "as-shipped"],
    full_songs: bool,
    lexicon: str | Path | None,
    metadata: str | Path | None,
) -> Options:
    return Options(
        scale=scale,
        soundfont=None if soundfont is None else Path(soundfont),
        renderer=renderer,
        voice=voice,
        deam_labels=deam_labels,
        full_songs=full_songs,
        lexicon=None if lexicon is None else Path(lexicon),
        metadata=None if metadata is None else Path(metadata),
    )


def require_composed(source: str | Sequence[str], clips: int | None) -> None:
    """Refuse a number of clips for music that lies on disk."""
    if clips is not None and "composed" not in ([source] if isinstance(source, str) else source):
        raise UsageError("applies to composed music only", where="--clips", hint="leave it out")


def composed_size(front: presets.FrontEnd, clips: int | None) -> tuple[int, int]:
    """Clips to compose in all, and clips to take of each song.

    A song lasts at least 50 s and gives up to :data:`CLIPS_A_SONG` clips that do not overlap.
    """
    each = max(1, min(CLIPS_A_SONG, int(50.0 // front.seconds)))
    if clips is None:
        return SONGS * each, each
    if clips < 2 * each:
        raise UsageError(
            f"{clips} clips", where="--clips", hint=f"a corpus needs 2 songs, that is {2 * each} clips at this preset"
        )
    return clips, each


def _result(built: BuildResult) -> PrepareResult:
    corpus = built.corpus
    return PrepareResult(
        corpus=str(corpus.path),
        clips=len(corpus),
        songs=int(corpus.meta["n_songs"]),
        folds=int(corpus.meta["folds"]),
        skipped=tuple(SkippedTrack(**entry) for entry in built.skipped),
        labels=_labels(corpus.meta["label_audit"], ceiling(corpus.clips)),
        split=corpus.meta["split"],
        leakage=corpus.meta["leakage"],
        label_scale=corpus.meta["label_scale"],
        licence=corpus.meta["licence"],
        notes=tuple(corpus.meta["notes"]),
        front_end=corpus.front_end.hash,
        content_hash=corpus.hash,
    )


def _labels(audit: Sequence[dict[str, Any]], label_ceiling: LabelCeiling) -> LabelReport:
    return LabelReport(tuple(config.structure(check, Check, "labels") for check in audit), label_ceiling)


def _cut(tracks: Sequence[Track], front: FrontEnd, settings: PrepareSettings) -> tuple[int, float, list[Skipped]]:
    """Clips that these tracks give, the seconds it takes, and which of them cannot be used."""
    to_mel = spectrogram(front)
    n_clips, broken = 0, list[Skipped]()
    began = time.perf_counter()
    for track in tracks:
        try:
            cut = cut_track(track, front, settings.windows, settings.pad)
        except InputError as error:
            broken.append(Skipped(track.path, error.what))
            continue
        n_clips += len(cut.clips)
        with torch.inference_mode():
            for _, samples in cut.clips:
                to_mel(torch.from_numpy(samples))
    return n_clips, time.perf_counter() - began, broken
