"""The verbs as functions: what the command line calls, with the same names and arguments.

Each takes paths and plain values, files its result, and returns the document that ``--json`` prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from affetti import presets
from affetti.corpus import Corpus
from affetti.corpus.build import Built, build
from affetti.corpus.ceiling import ceiling
from affetti.corpus.loaders import load as load_source
from affetti.corpus.loaders.composed import SONGS
from affetti.corpus.track import Options, Windows
from affetti.embedders.base import require_unseen
from affetti.embedders.cache import embed as embed_clips
from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.embedders.registry import make_embedder
from affetti.embedders.statistics import STATISTICS
from affetti.errors import StorageError, UsageError
from affetti.execution.local import cpu_count
from affetti.inference.export import export_run
from affetti.inference.generation import generate_corpus
from affetti.inference.predictor import predict_files
from affetti.progress import Progress, silent
from affetti.report.curve import curve_picture, require_picture
from affetti.storage import read_json, write_json
from affetti.studies.audit.audit import audit_corpus
from affetti.studies.augmentation.design import StudySettings
from affetti.studies.augmentation.study import augmentation_study
from affetti.studies.scorecard.scorecard import scorecard
from affetti.training.device import Precision, choose_device
from affetti.training.fit import fit_run
from affetti.training.text_embedders import HASHED

PathLike = str | Path
CLIPS_A_SONG = 8
"""Clips taken of a composed song of about 60 s, where so many fit."""


def prepare(
    source: str | Sequence[str],
    out: PathLike,
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
    soundfont: PathLike | None = None,
    voice: str | None = None,
    deam_labels: Literal["corrected", "as-shipped"] = "corrected",
    full_songs: bool = False,
    lexicon: PathLike | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Make a corpus of log-mels from labelled music.

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
        soundfont: an ``.sf2`` file to render MIDI and composed songs with.
        voice: what sings (``formant``) or says (``espeak``) the words of composed songs; none by default.
        deam_labels: whether DEAM's swapped axes are put right.
        full_songs: read DEAM's 58 full songs too.
        lexicon: a CSV of words with valence and arousal that places Jamendo's mood tags.
        seed: of composer and split.
        workers: processes; default one a core.
        progress: told of tracks done.

    Raises:
        UsageError, InputError, StorageError: see :func:`affetti.corpus.build.build`.
        MissingDependencyError: espeak-ng, or the soundfont, is not installed.
    """
    front = presets.front_end(preset)
    require_composed(source, clips)
    wanted, each = composed_size(front, clips)
    options = Options(
        scale=scale,
        soundfont=None if soundfont is None else Path(soundfont),
        voice=voice,
        deam_labels=deam_labels,
        full_songs=full_songs,
        lexicon=None if lexicon is None else Path(lexicon),
    )
    loaded = load_source(
        source,
        options,
        clips=wanted,
        clips_per_song=each,
        keys=keys,
        seed=seed,
    )
    built = build(
        loaded,
        Path(out),
        front,
        preset=preset,
        windows=windows,
        pad=pad,
        strict=strict,
        keep_audio=keep_audio,
        split=split,
        folds=folds,
        seed=seed,
        workers=cpu_count() if workers is None else workers,
        progress=progress,
    )
    return describe(built)


def require_composed(source: str | Sequence[str], clips: int | None) -> None:
    """Refuse a number of clips for music that lies on disk."""
    if clips is not None and "composed" not in ([source] if isinstance(source, str) else source):
        raise UsageError("only a composed corpus has as many clips as asked", where="--clips", hint="leave it out")


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


def describe(built: Built) -> dict[str, Any]:
    """The document of ``prepare --json``."""
    corpus = built.corpus
    return {
        "verb": "prepare",
        "corpus": str(corpus.path),
        "clips": len(corpus),
        "songs": int(corpus.meta["n_songs"]),
        "folds": int(corpus.meta["folds"]),
        "skipped": built.skipped,
        "labels": {"audit": corpus.meta["label_audit"], "ceiling": ceiling(corpus.clips)},
        "split": corpus.meta["split"],
        "leakage": corpus.meta["leakage"],
        "label_scale": corpus.meta["label_scale"],
        "licence": corpus.meta["licence"],
        "notes": corpus.meta["notes"],
        "front_end": corpus.front_end.hash,
        "content_hash": corpus.hash,
    }


def train(
    model: str,
    corpus: PathLike,
    out: PathLike,
    *,
    fold: int = 0,
    steps: int | None = None,
    batch_size: int | None = None,
    checkpoint_every: int = 500,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    teacher: PathLike | None = None,
    features: str | None = None,
    text: str = HASHED,
    patience: int | None = None,
    device: str = "cpu",
    precision: Precision = "32",
    devices: int = 1,
    tensorboard: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train a model of :data:`affetti.training.registry.FAMILIES`; see :func:`affetti.training.fit.fit_run`.

    A student may learn from the run ``teacher``; a baseline may read ``features``, named as for :func:`score`. A
    generator's lyrics are embedded by ``text``, see :mod:`affetti.training.text_embedders`.
    """
    opened = Corpus.open(corpus)
    settings, embedding = _embedded(model, opened, fold, settings or {}, features, progress)
    return fit_run(
        model,
        opened,
        fold,
        Path(out),
        steps=steps,
        batch_size=batch_size,
        checkpoint_every=checkpoint_every,
        seed=seed,
        settings=settings,
        teacher=None if teacher is None else Path(teacher),
        embedding=embedding,
        text=text,
        patience=patience,
        device=device,
        precision=precision,
        devices=devices,
        tensorboard=tensorboard,
        progress=progress,
    )


def _embedded(
    model: str, corpus: Corpus, fold: int, settings: dict[str, Any], features: str | None, progress: Progress
) -> tuple[dict[str, Any], NDArray[np.float64] | None]:
    """Settings of a baseline that reads an embedding, and the embedding of each clip; else what was given."""
    name = features or settings.get("features", STATISTICS.name)
    if features is not None and model != "baseline":
        raise UsageError(
            f"a {model} reads log-mels alone", where="--features", hint="leave it out, or train a baseline"
        )
    if model != "baseline" or name == STATISTICS.name:
        return settings, None
    embedder = make_embedder(name)
    require_unseen(embedder, corpus.songs[corpus.fold(fold).test])
    values = embed_clips(open_clip_set(corpus.path, progress=progress), embedder, progress=progress)
    return {**settings, "features": name, "version": embedder.version, "dimension": values.shape[1]}, values


def generate(
    model: PathLike,
    n: int,
    out: PathLike,
    *,
    emotions: str = "uniform",
    genre: str | None = None,
    mode: str | None = None,
    section: str | None = None,
    position: float | None = None,
    instruments: Sequence[str] = (),
    lyrics: str | None = None,
    dials: Mapping[str, float] | None = None,
    filter_by: PathLike | None = None,
    seed: int = 0,
    batch_size: int = 32,
    audio: bool = False,
    vocoder: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Generate a synthetic corpus; see :func:`affetti.inference.generation.generate_corpus`.

    ``genre`` to ``lyrics`` are what every clip is asked for besides its emotion, of what the model was trained with.
    On the CPU a process a core works unless ``workers`` says otherwise; another device is one process's.
    """
    processes = cpu_count() if choose_device(device) == "cpu" else 1
    wishes = {"genre": genre, "mode": mode, "section": section, "position": position}
    corpus = generate_corpus(
        Path(model),
        n,
        Path(out),
        emotions=emotions,
        wishes=wishes | {"instruments": tuple(instruments), "lyrics": lyrics},
        dials=dials,
        filter_by=None if filter_by is None else Path(filter_by),
        seed=seed,
        batch_size=batch_size,
        with_audio=audio,
        vocoder=vocoder,
        device=device,
        workers=processes if workers is None else workers,
        progress=progress,
    )
    return {
        "verb": "generate",
        "corpus": str(corpus.path),
        "clips": len(corpus),
        "emotions": emotions,
        "seed": seed,
        "generator": corpus.meta["provenance"]["generator"],
        "fold": corpus.meta["provenance"]["fold"],
        "filter": corpus.meta["provenance"]["filter"],
        "content_hash": corpus.hash,
    }


def score(
    real: PathLike,
    fake: PathLike,
    *,
    train: PathLike | None = None,
    against: PathLike | None = None,
    out: PathLike | None = None,
    fold: int | None = None,
    regressor: PathLike | None = None,
    features: str = "statistics",
    groups: Sequence[PathLike] = (),
    preset: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score a synthetic set against real music; see :func:`affetti.studies.scorecard.scorecard.scorecard`.

    Args:
        real: a corpus, a folder of audio, or an ``.npy`` of dB log-mels ``[N, M, F]``.
        fake: the same.
        train: what the generator was trained on, to look for copies.
        against: clips of another generator, for a paired test on the same real songs.
        out: folder for ``result.json``, and ``pictures.npz`` for the report.
        fold: with a corpus: compare with this fold's test clips, and look for copies of its training clips.
        regressor: run of a regressor that reads the emotions.
        features: what all but the Quality Score compare: ``statistics``, ``regressor:RUN``, ``musicnn:WEIGHTS``,
            ``fcn:WEIGHTS`` or ``hf:NAME_OR_FOLDER``.
        groups: song ids for ``.npy`` sets: a file for ``real`` and, where given, one for ``fake`` and one for
            ``against``.
        preset: front-end for folders of audio.
        seed: of every resampling.
        workers: processes that decode folders of audio; default one a core.
        device: where networks run: those of ``features`` and the regressor.
        progress: told of stages.
    """
    if len(groups) > 2 + (against is not None):
        raise UsageError(
            f"{len(groups)} files of song ids", where="--groups", hint="give one for REAL, FAKE and --against each"
        )
    if out is not None:
        _claim_score(Path(out))
    files = [Path(file) for file in groups] + [None, None, None]
    front = None if preset is None else presets.front_end(preset)
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers", where="--workers", hint="give 1 or more")
    place = choose_device(device)
    embedder = make_embedder(features, place)
    processes = cpu_count() if workers is None else workers
    opened: list[ClipSet] = []
    for path, file in ((real, files[0]), (fake, files[1]), (against, files[2]), (train, None)):
        if path is None:
            continue
        # A folder of audio beside a corpus takes the corpus's front-end.
        known = front or next((other.front_end for other in opened if other.front_end is not None), None)
        if known is None and Path(fake).is_dir() and (Path(fake) / "corpus.json").exists():
            known = Corpus.open(fake).front_end
        opened.append(open_clip_set(path, front=known, groups=file, workers=processes, progress=progress))
    result = scorecard(
        opened[0],
        opened[1],
        train=None if train is None else opened[-1],
        against=None if against is None else opened[2],
        fold=fold,
        regressor=None if regressor is None else Path(regressor),
        features=embedder,
        seed=seed,
        device=place,
        out=None if out is None else Path(out),
        progress=progress,
    )
    if out is not None:
        write_json(Path(out) / "result.json", {"verb": "score", **result})
    return result


def _claim_score(out: Path) -> None:
    """Refuse to write a scorecard over something that is not one."""
    path = out / "result.json"
    there = read_json(path) if path.exists() else {"verb": "score"}
    if not isinstance(there, dict) or there.get("verb") != "score":
        raise StorageError("holds another verb's result", where=out, hint="choose another --out")
    if out.exists() and not path.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError("exists and is not a scorecard of affetti", where=out, hint="choose a new folder for --out")


def predict(
    model: PathLike,
    audio: Sequence[PathLike] | PathLike,
    *,
    hop: float = 1.0,
    runtime: str = "torch",
    picture: PathLike | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Read valence and arousal off recordings; see :func:`affetti.inference.predictor.predict_files`.

    ``picture`` is a file for a drawing of the curves, see :func:`affetti.report.curve.curve_picture`.
    """
    paths = [audio] if isinstance(audio, str | Path) else list(audio)
    if picture is not None:
        require_picture(Path(picture))
    found = predict_files(
        model,
        [Path(path) for path in paths],
        hop=hop,
        runtime=runtime,
        device=device,
        hearing=make_embedder,
        progress=progress,
    )
    if picture is not None:
        curve_picture(found, Path(picture))
    return found


def export(model: PathLike, out: PathLike) -> dict[str, Any]:
    """Write a regressor as an ONNX file; see :func:`affetti.inference.export.export_run`."""
    return export_run(Path(model), Path(out))


def compare(
    corpus: PathLike,
    out: PathLike,
    *,
    workers: int | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> dict[str, Any]:
    """Run the augmentation study; see :func:`affetti.studies.augmentation.study.augmentation_study`.

    ``settings`` are those of :class:`affetti.studies.augmentation.design.StudySettings`: ``models, arms, folds, seeds,
    ratio, train_fractions, sampling, training_steps, budget, published_protocol, steps, batch_size, seed, device``.
    """
    return augmentation_study(
        Corpus.open(corpus),
        Path(out),
        study_settings(**settings),
        workers=cpu_count() if workers is None else workers,
        progress=progress,
    )


def study_settings(
    *, models: Sequence[PathLike] = (), arms: Sequence[str] = (), sampling: Any = (), **others: Any
) -> StudySettings:
    """Settings of a study from plain values: sequences of any kind, ``sampling`` as ``{"guidance": [1, 2]}`` or pairs.

    Raises:
        UsageError: a setting is unknown.
    """
    known = {field.name for field in fields(StudySettings)}
    for name in others:
        if name not in known:
            offered = ", ".join(sorted(known))
            raise UsageError(f"unknown setting {name!r}", where="compare", hint=f"choose from {offered}")
    pairs = sampling
    if isinstance(sampling, Mapping):
        pairs = [(name, value) for name, values in sampling.items() for value in values]
    given: dict[str, Any] = {
        name: tuple(it) if name in ("train_fractions", "training_steps") else it for name, it in others.items()
    }
    return StudySettings(
        models=tuple(Path(path) for path in models),
        arms=tuple(arms),
        sampling=tuple((str(name), float(value)) for name, value in pairs),
        **given,
    )


def audit(
    corpus: PathLike,
    out: PathLike,
    *,
    models: Sequence[PathLike] = (),
    studies: Sequence[PathLike] = (),
    only: Sequence[str] = (),
    quick: bool = False,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measure what a log-mel loses, and decide claims; see :func:`affetti.studies.audit.audit.audit_corpus`."""
    return audit_corpus(
        Corpus.open(corpus),
        Path(out),
        models=tuple(Path(path) for path in models),
        studies=tuple(Path(path) for path in studies),
        only=tuple(only),
        quick=quick,
        seed=seed,
        workers=cpu_count() if workers is None else workers,
        progress=progress,
    )


def report(
    sources: Sequence[PathLike] | PathLike, out: PathLike, *, title: str = "affetti report", progress: Progress = silent
) -> dict[str, Any]:
    """Write one self-contained HTML page; see :func:`affetti.report.page.write_report`."""
    from affetti.report.page import write_report  # matplotlib takes a second to import

    paths = [sources] if isinstance(sources, str | Path) else list(sources)
    return write_report([Path(path) for path in paths], Path(out), title=title, progress=progress)
