"""The sources of a report: folders recognised by the files they hold, in a fixed order.

The order does not follow the arguments: real corpora before synthetic ones, generators before regressors, then by what
the folders say of themselves and last by their paths. A folder given twice counts once.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from affetti.config import structure
from affetti.corpus import Corpus
from affetti.errors import StorageError, UsageError
from affetti.storage import is_file, is_folder, parse, read_error, read_json
from affetti.studies.audit.recordings.result import PairResult, RecordingsResult
from affetti.studies.audit.result import AuditResult
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.listening import study as listening
from affetti.studies.listening.result import ListeningResult
from affetti.studies.scorecard.result import Scorecard
from affetti.training import run as runs
from affetti.training.result import TrainResult
from affetti.training.run_meta import RunMeta

T = TypeVar("T")

KINDS = (*runs.GENERATORS, *runs.REGRESSORS)
KNOWN = (
    "a corpus, a run of affetti train, a scorecard of affetti score --out, a study of affetti compare, "
    "the results of affetti listen results or an audit of affetti audit"
)

SourceKind = Literal["corpus", "run", "score", "study", "listening", "listening study", "audit", "recordings", "pair"]
VERB_KINDS: dict[str, SourceKind] = {
    "train": "run",
    "score": "score",
    "compare": "study",
    "listen": "listening",
    "audit": "audit",
    "audit-recordings": "recordings",
    "audit-pair": "pair",
}
"""What each verb makes."""

Arrays = dict[str, NDArray[Any]]
Log = list[dict[str, float]]
"""The log of a run: a line a step that was logged, with its ``step``."""


@dataclass(frozen=True)
class Run:
    """The folder of a trained model."""

    path: Path
    meta: RunMeta
    """``model.json``."""
    corpus: str | None
    """Folder of the corpus that it was trained on, as ``config.json`` says."""
    result: TrainResult
    log: Log
    name: str = ""

    @property
    def kind(self) -> str:
        """Family of the model."""
        return self.meta.kind

    @property
    def generates(self) -> bool:
        """Whether it makes clips (otherwise it predicts emotions)."""
        return self.kind in runs.GENERATORS

    @property
    def corpus_hash(self) -> str | None:
        """Content hash of the corpus that it was trained on."""
        return self.meta.corpus.content_hash


@dataclass(frozen=True)
class Score:
    """The folder of a scorecard.

    ``name`` is that of the generator where the scorecard says it, else that of the synthetic set; with the folder's
    where several are of one generator.
    """

    path: Path
    name: str
    card: Scorecard
    arrays: Arrays
    """What is drawn, see :mod:`affetti.studies.scorecard.plot_data`; empty where the folder holds none."""


@dataclass(frozen=True)
class StudyConfig:
    """What the report needs of the ``config.json`` of a study or an audit; None where it is not there."""

    models: tuple[str, ...] = ()
    """Hashes of the weights of the generators."""
    corpus_hash: str | None = None
    steps: int | None = None
    """Updates of the arm ``real``."""
    batch_size: int | None = None


@dataclass(frozen=True)
class Study:
    """The folder of an augmentation study."""

    path: Path
    config: StudyConfig
    result: StudyResult


@dataclass(frozen=True)
class Audit:
    """The folder of an audit; ``name`` is its corpus', with the folder's where several are of one corpus."""

    path: Path
    config: StudyConfig
    result: AuditResult
    arrays: dict[str, Arrays]
    """Log-mels to draw, dB ``[M, F]``, by question and key."""
    name: str = ""


Source = Corpus | Run | Score | Study | ListeningResult | Audit | RecordingsResult | PairResult
"""What affetti made in one folder."""


@dataclass(frozen=True)
class Sources:
    """All sources of a report, in the order of the page."""

    corpora: tuple[Corpus, ...] = ()
    runs: tuple[Run, ...] = ()
    scores: tuple[Score, ...] = ()
    studies: tuple[Study, ...] = ()
    listening: tuple[ListeningResult, ...] = ()
    audits: tuple[Audit, ...] = ()
    recordings: tuple[RecordingsResult, ...] = ()
    pairs: tuple[PairResult, ...] = ()

    @property
    def generators(self) -> tuple[Run, ...]:
        """The runs that make clips."""
        return tuple(run for run in self.runs if run.generates)

    @property
    def regressors(self) -> tuple[Run, ...]:
        """The runs that predict emotions."""
        return tuple(run for run in self.runs if not run.generates)


def read_sources(paths: Sequence[Path]) -> Sources:
    """Read every folder.

    Raises:
        UsageError: there is none.
        StorageError: a folder is missing, unfinished, damaged, or not of a kind that a report is about.
    """
    if not paths:
        raise UsageError("nothing to report on", hint=f"give folders: {KNOWN}")
    opened = [open_source(path) for path in dict.fromkeys(path.resolve() for path in paths)]
    corpora = [source for source in opened if isinstance(source, Corpus)]
    trained = [source for source in opened if isinstance(source, Run)]
    scores = [source for source in opened if isinstance(source, Score)]
    studies = [source for source in opened if isinstance(source, Study)]
    audits = [source for source in opened if isinstance(source, Audit)]
    corpora.sort(key=lambda c: (c.synthetic, str(c.meta["source"]), c.hash, str(c.path)))
    trained.sort(key=lambda r: (_rank(r.kind), r.meta.fold, r.meta.seed or 0, str(r.path)))
    scores.sort(key=lambda s: (_rank(s.name), s.name, s.card.fold or 0, s.card.seed, str(s.path)))
    studies.sort(key=lambda s: (s.result.corpus, s.result.seed, str(s.path)))
    perceived = [source for source in opened if isinstance(source, ListeningResult)]
    perceived.sort(key=lambda it: (it.study, it.seed, str(it.folder)))
    audits.sort(key=lambda a: (a.result.corpus, a.result.quick, a.result.seed, str(a.path)))
    return Sources(
        tuple(corpora),
        _with_run_names(trained),
        _with_score_names(scores),
        tuple(studies),
        tuple(perceived),
        _with_audit_names(audits),
        tuple(source for source in opened if isinstance(source, RecordingsResult)),
        tuple(source for source in opened if isinstance(source, PairResult)),
    )


def _rank(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _with_run_names(trained: list[Run]) -> tuple[Run, ...]:
    """Give each run the shortest unique name: its kind, or also fold and seed, or also its folder."""
    long = [f"{run.kind}, fold {run.meta.fold}, seed {run.meta.seed}" for run in trained]
    kinds = [run.kind for run in trained]
    names = [
        kinds[i]
        if kinds.count(kinds[i]) == 1
        else long[i]
        if long.count(long[i]) == 1
        else f"{long[i]} ({run.path.name})"
        for i, run in enumerate(trained)
    ]
    return tuple(replace(run, name=name) for run, name in zip(trained, names, strict=True))


def _with_score_names(scores: list[Score]) -> tuple[Score, ...]:
    names = [score.name for score in scores]
    return tuple(
        score if names.count(score.name) == 1 else replace(score, name=f"{score.name} ({score.path.name})")
        for score in scores
    )


def _with_audit_names(audits: list[Audit]) -> tuple[Audit, ...]:
    corpora = [Path(audit.result.corpus).name for audit in audits]
    return tuple(
        replace(audit, name=corpus if corpora.count(corpus) == 1 else f"{corpus} ({audit.path.name})")
        for audit, corpus in zip(audits, corpora, strict=True)
    )


def source_kind(path: Path) -> SourceKind | None:
    """What affetti made in a folder, finished or not, by the files it holds; None for any other folder.

    Raises:
        StorageError: its ``config.json`` or ``result.json`` is damaged.
    """
    if is_file(path / "corpus.json") or is_folder(path / ".work"):
        return "corpus"
    if is_file(path / listening.FILE):
        return "listening study"
    verb = _object(path / "result.json").get("verb", _object(path / "config.json").get("verb"))
    if is_file(path / "model.json"):
        return "run"
    return VERB_KINDS.get(str(verb))


def open_source(path: Path) -> Source:
    """Read what affetti made in a folder.

    Raises:
        StorageError: the folder is missing, unfinished, damaged, or not of a kind that a report is about.
    """
    if not is_folder(path):
        raise StorageError("no such folder", where=path, hint=f"give {KNOWN}")
    kind = source_kind(path)
    if kind == "corpus":
        return Corpus.open(path)
    if kind == "score":
        card = Scorecard.open(path)
        name = Path(card.fake).stem if card.generator is None else card.generator.generator
        return Score(path, name, card, score_arrays(path))
    config = _object(path / "config.json")
    if kind == "run":
        return _open_run(path, config)
    if kind == "study":
        _require_finished(path, "study", "compare")
        return Study(path, _study_config(config, path), StudyResult.open(path))
    if kind == "listening":
        _require_finished(path, "analysis", "listen results")
        return ListeningResult.open(path)
    if kind == "listening study":
        hint = f"analyse its answers, and give that folder: affetti listen results {path} --out results"
        raise StorageError("a listening study, not its results", where=path, hint=hint)
    if kind == "audit":
        _require_finished(path, "audit", "audit")
        audited = AuditResult.open(path)
        return Audit(path, _study_config(config, path), audited, audit_arrays(audited, path))
    if kind in ("recordings", "pair"):
        _require_finished(path, "audit", "audit")
        return RecordingsResult.open(path) if kind == "recordings" else PairResult.open(path)
    raise StorageError("is not a folder that a report can be about", where=path, hint=f"give {KNOWN}")


def _open_run(path: Path, config: dict[str, Any]) -> Run:
    _require_finished(path, "run", "train", "model.json", "result.json")
    file = path / "model.json"
    meta = _typed(lambda: RunMeta.from_dict(_object(file), file), file)
    corpus = config.get("corpus")
    return Run(path, meta, None if corpus is None else str(corpus), TrainResult.open(path), read_log(path))


def _study_config(config: dict[str, Any], path: Path) -> StudyConfig:
    known = {field.name: config[field.name] for field in fields(StudyConfig) if config.get(field.name) is not None}
    return _typed(lambda: structure(known, StudyConfig, path / "config.json"), path / "config.json")


def _typed(read: Callable[[], T], file: Path) -> T:
    """What ``read`` returns; a value of the wrong type is a damaged file.

    Raises:
        StorageError: a key is missing, or a value is of the wrong type.
    """
    try:
        return read()
    except UsageError as error:
        raise StorageError(error.what, where=file, hint="make it again: it was edited") from error


def score_arrays(folder: Path) -> Arrays:
    """What is drawn of the scorecard in a folder; empty where it holds none.

    Raises:
        StorageError: the file is damaged.
    """
    return _load_arrays(folder / "pictures.npz")


def audit_arrays(result: AuditResult, folder: Path) -> dict[str, Arrays]:
    """The log-mels of the audit in a folder, by question and key.

    Raises:
        StorageError: a file is damaged.
    """
    with_mels = [answer.id for answer in result.questions if answer.mels]
    return {name: _load_arrays(folder / "answers" / f"{name}.npz") for name in with_mels}


def _require_finished(path: Path, name: str, verb: str, *files: str) -> None:
    if not all(is_file(path / file) for file in files or ("result.json",)):
        hint = f"run its affetti {verb} command again: it resumes"
        raise StorageError(f"an unfinished {name}", where=path, hint=hint)


def _object(path: Path) -> dict[str, Any]:
    if not is_file(path):
        return {}
    value = read_json(path)
    if not isinstance(value, dict):
        raise StorageError("is not a document of affetti", where=path, hint="make it again")
    return value


def _load_arrays(path: Path) -> Arrays:
    if not is_file(path):
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise read_error(path, error) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StorageError(
            f"cannot be read ({error})", where=path, hint="make it again: it was cut short or edited"
        ) from error


def read_log(folder: Path) -> Log:
    """The numbers that the run in a folder logged; empty for a model fitted in closed form.

    A line that an interruption cut short is left out.
    """
    path = folder / "metrics.jsonl"
    if not is_file(path):
        return []
    lines: Log = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = parse(text)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("step"), int | float):
            lines.append({key: float(value) for key, value in line.items() if isinstance(value, int | float)})
    return lines
