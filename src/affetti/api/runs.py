"""``affetti runs``: what lies below a folder, with its key numbers, its age and its size. It only reads."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

from affetti import config
from affetti.corpus import Corpus
from affetti.errors import AffettiError, StorageError, UsageError, printable
from affetti.folders import is_hidden
from affetti.report.listeners import study_name
from affetti.report.sources import Run, Score, Source, SourceKind, Study, open_source, source_kind
from affetti.results import BaseResult, PointEstimate
from affetti.storage import is_file, is_folder, read_json
from affetti.studies.audit.recordings.result import PairResult, RecordingsResult
from affetti.studies.listening import study as listening
from affetti.studies.listening.analysis import QUALITY_SCALES
from affetti.studies.listening.ratings import read_progress
from affetti.studies.listening.result import ListeningResult

State = Literal["finished", "unfinished", "unreadable"]
MARKERS = ("corpus.json", "result.json", "model.json", "config.json", listening.FILE)
MAX_DEPTH = 4
"""Folders deep that are searched."""


@dataclass(frozen=True)
class RunsRow:
    """A corpus, a run, a scorecard, a study, an audit of a corpus, or one of recordings or of a pair of them.

    Of listeners there is the study itself (``listening study``) and what was analysed (``listening``).
    """

    path: str
    """Its folder, relative to the one that was searched."""
    kind: SourceKind
    name: str
    """Source of a corpus, family of a model, generator of a scorecard, corpus of a study or an audit; folder
    of a listening study; the files of an audit of recordings."""
    state: State
    changed: str
    """When it was last written: ISO 8601, UTC."""
    bytes: int
    """Size of all its files."""
    facts: Mapping[str, str | int]
    """What it is: clips and songs of a corpus, fold and seed of a run, and the like."""
    numbers: Mapping[str, PointEstimate]
    """Its key numbers, with 95 % intervals where it has them."""
    licence: str | None = None
    """What its data permits, where that is known."""
    reason: str | None = None
    """Why it is not finished or cannot be read."""


@dataclass(frozen=True)
class RunsDifference:
    """A setting or a number in which two folders differ; None where one of them has none."""

    key: str
    """Where it stands, such as ``config.json: seed`` or ``result.json: test.valence.ccc.value``."""
    first: str | int | float | bool | None
    second: str | int | float | bool | None


@dataclass(frozen=True)
class RunsResult(BaseResult):
    """What lies below a folder, newest first; of two folders that are compared, where they differ."""

    verb: ClassVar[str | None] = "runs"

    searched: str
    """The folder; of two that are compared, the one that holds both."""
    rows: tuple[RunsRow, ...]
    differences: tuple[RunsDifference, ...] | None = None
    """Of ``compare``; None where nothing is compared."""


def run(folder: str | Path = ".", *, compare: tuple[str | Path, str | Path] | None = None) -> RunsResult:
    """List the corpora, runs, scorecards, studies, of listeners too, and audits below a folder, or compare two of them.

    Nothing is changed or removed. What cannot be read is a row with its reason.

    Args:
        folder: where to search, at most four folders deep; hidden folders and what lies within a corpus, a run, a
            study or an audit are not searched.
        compare: two folders: their settings (``config.json``) and results that differ.

    Raises:
        UsageError: the folders of ``compare`` are of different kinds.
        StorageError: a folder is missing, or holds nothing that affetti made.
    """
    if compare is not None:
        first, second = (Path(path) for path in compare)
        rows = tuple(_row(path, path.parent, _kind(path)) for path in (first, second))
        if rows[0].kind != rows[1].kind:
            raise UsageError(
                f"{first} is of kind {rows[0].kind}, {second} of {rows[1].kind}",
                where="--compare",
                hint="give two of one kind",
            )
        return RunsResult(os.path.commonpath([first.absolute(), second.absolute()]), rows, _differences(first, second))
    root = Path(folder)
    if not is_folder(root):
        raise StorageError("no such folder", where=root, hint="give the folder that your runs lie in")
    rows = [_row(path, root, kind) for path, kind in _search(root)]
    return RunsResult(str(root), tuple(sorted(rows, key=lambda row: (row.changed, row.path), reverse=True)))


def _kind(path: Path) -> SourceKind:
    if not is_folder(path):
        raise StorageError("no such folder", where=path, hint="list what there is with: affetti runs FOLDER")
    kind = source_kind(path)
    if kind is None:
        raise StorageError("holds nothing that affetti made", where=path, hint="list with: affetti runs FOLDER")
    return kind


def _search(root: Path) -> list[tuple[Path, SourceKind]]:
    """Folders below ``root``, or itself, that affetti wrote."""
    found: list[tuple[Path, SourceKind]] = []
    for name, folders, files in os.walk(root):
        path = Path(name)
        kind = None
        if set(files) & set(MARKERS) or ".work" in folders:
            try:
                kind = source_kind(path)
            except StorageError:
                kind = "corpus" if "corpus.json" in files else "run" if "model.json" in files else None
        if kind is not None:
            found.append((path, kind))
        too_deep = len(path.relative_to(root).parts) >= MAX_DEPTH
        folders[:] = [] if kind is not None or too_deep else sorted(f for f in folders if not is_hidden(f))
    return found


def _row(path: Path, root: Path, kind: SourceKind) -> RunsRow:
    changed, size = _time_and_size(path)
    state: State = "finished"
    name, facts, numbers, licence, reason = path.name, dict[str, str | int](), dict[str, PointEstimate](), None, None
    try:
        if kind == "listening study":
            facts = _listening_study(path)
        else:
            name, facts, numbers, licence = _describe(open_source(path))
    except AffettiError as error:
        state = "unfinished" if _is_unfinished(path, kind) else "unreadable"
        reason = error.what
    where = os.path.relpath(path, root)
    return RunsRow(where, kind, name, state, changed, size, facts, numbers, licence, reason)


def _is_unfinished(path: Path, kind: SourceKind) -> bool:
    finished: dict[SourceKind, str] = {"corpus": "corpus.json", "listening study": listening.FILE}
    return not is_file(path / finished.get(kind, "result.json"))


def _time_and_size(path: Path) -> tuple[str, int]:
    """When the newest file below ``path`` was written, and the bytes of all."""
    newest, size = 0.0, 0
    for name, _, files in os.walk(path):
        for file in files:
            try:
                status = (Path(name) / file).lstat()
            except OSError:  # removed since the folder was listed
                continue
            newest, size = max(newest, status.st_mtime), size + status.st_size
    return datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds"), size


Description = tuple[str, dict[str, str | int], dict[str, PointEstimate], str | None]
"""Name, facts, numbers and licence."""


def _describe(source: Source) -> Description:
    if isinstance(source, Corpus):
        facts: dict[str, str | int] = {"clips": source.meta["n_clips"], "songs": source.meta["n_songs"]}
        facts |= {"front-end": str(source.meta.get("preset", ""))} | ({"synthetic": "yes"} if source.synthetic else {})
        return str(source.meta["source"]), facts, {}, str(source.meta["licence"])
    if isinstance(source, Run):
        result, corpus = source.result, source.meta.corpus
        facts = {"fold": result.fold, "seed": result.seed, "steps": result.steps, "trained on": corpus.source or ""}
        agreement = {} if result.test is None else {axis: part.ccc for axis, part in result.test.items()}
        numbers = {f"CCC {axis}": PointEstimate(ccc.value, ccc.ci) for axis, ccc in agreement.items() if ccc}
        return source.kind, facts, numbers, corpus.licence
    if isinstance(source, Score):
        quality = source.card.quality
        numbers = {"Quality Score": PointEstimate(quality.score, quality.ci)}
        return source.name, {"real": source.card.real, "fake": source.card.fake}, numbers, None
    if isinstance(source, Study):
        primary = source.result.primary
        facts = {"songs": source.result.test.songs, "seeds": source.result.seeds, "arms": len(source.result.arms)}
        numbers = {}
        if primary is not None:
            numbers = {f"{primary.arm} against {primary.reference}": PointEstimate(primary.delta, primary.ci)}
        return Path(source.result.corpus).name, facts, numbers, None
    if isinstance(source, ListeningResult):
        facts = {"task": source.task, "listeners": source.listeners, "ratings": source.ratings}
        return study_name(source), facts, _listening_numbers(source), None
    if isinstance(source, RecordingsResult):
        failed = sum(recording.error is not None for recording in source.recordings)
        facts = {"recordings": len(source.recordings)}
        if failed:
            facts["failed"] = failed
        return _file_names([recording.path for recording in source.recordings]), facts, {}, None
    if isinstance(source, PairResult):
        r = source.similarity.correlation
        numbers = {} if r is None else {"r of the log-mels": PointEstimate(r, None)}
        return _file_names([source.first.path, source.second.path]), {}, numbers, None
    verdicts = Counter(finding.verdict for finding in source.result.findings)
    return Path(source.result.corpus).name, dict(sorted(verdicts.items())), {}, None


def _listening_study(path: Path) -> dict[str, str | int]:
    """Task and size of a listening study, and its answers so far."""
    study, progress = listening.Study.open(path), read_progress(path)
    facts: dict[str, str | int] = {"task": study.task, "systems": len(study.systems), "clips": len(study.clips)}
    return facts | {"listeners": progress.listeners, "finished": progress.finished, "answers": progress.answers}


def _listening_numbers(result: ListeningResult) -> dict[str, PointEstimate]:
    """Mean quality of each system, correct answers of triangle tests; where there is neither, slopes of control."""
    numbers = {
        f"{row.scale} {row.name}": row.median or PointEstimate(row.mean, row.ci)
        for row in result.systems
        if row.scale in QUALITY_SCALES
    }
    numbers |= {f"triangles correct {row.a}, {row.b}": PointEstimate(row.correct, row.ci) for row in result.triangles}
    return numbers or {f"slope {row.axis} {row.system}": row.slope for row in result.control}


def _file_names(paths: Sequence[str]) -> str:
    """The names of two files, or of the first and how many more there are."""
    first, *more = (printable(Path(path).name) for path in paths)
    return f"{first} and {more[0] if len(more) == 1 else f'{len(more)} more'}" if more else first


def _differences(first: Path, second: Path) -> tuple[RunsDifference, ...]:
    differences: list[RunsDifference] = []
    for name in MARKERS:
        read = config.read if name == listening.FILE else read_json
        one, two = (_leaves(read(path / name)) if is_file(path / name) else {} for path in (first, second))
        differences += [
            RunsDifference(f"{name}: {key}", one.get(key), two.get(key))
            for key in dict.fromkeys([*one, *two])
            if one.get(key) != two.get(key)
        ]
    return tuple(differences)


def _leaves(value: Any, key: str = "") -> dict[str, str | int | float | bool | None]:
    """The values of a document by their path; a list of plain values is one value, in words."""
    if isinstance(value, dict):
        parts = [_leaves(item, f"{key}.{name}" if key else str(name)) for name, item in value.items()]
        return {name: leaf for part in parts for name, leaf in part.items()}
    if isinstance(value, list):
        if all(not isinstance(item, dict | list) for item in value):
            return {key: ", ".join(map(str, value))}
        parts = [_leaves(item, f"{key}[{i}]") for i, item in enumerate(value)]
        return {name: leaf for part in parts for name, leaf in part.items()}
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value}
