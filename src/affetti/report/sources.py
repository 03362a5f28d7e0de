"""What a report is about: folders recognised by the files they hold, in a fixed reading order.

The order does not follow the arguments: real corpora before synthetic ones, generators before regressors, and what is
left to decide is decided by what the folders say of themselves and last by their paths. A folder given twice
counts once.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.errors import AffettiError, StorageError, UsageError
from affetti.storage import is_file, is_folder, read_error, read_json
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.result import AuditResult
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.result import Scorecard
from affetti.training import run as runs
from affetti.training.registry import FAMILIES

KINDS = (*runs.GENERATORS, *runs.REGRESSORS)
KNOWN = (
    "a corpus, a run of affetti train, a scorecard of affetti score --out, a study of affetti compare "
    "or an audit of affetti audit"
)
FINDING = ("section", "claim", "claimed", "measured", "ci", "n", "of", "unit", "verdict")
"""What a row of an audit's claims must say."""


@dataclass(frozen=True)
class Run:
    """A trained model: its ``model.json``, ``config.json``, ``result.json`` and the lines of ``metrics.jsonl``."""

    path: Path
    kind: str
    meta: dict[str, Any]
    config: dict[str, Any]
    result: dict[str, Any]
    metrics: list[dict[str, Any]]
    name: str = ""

    @property
    def generates(self) -> bool:
        """Whether it makes clips (otherwise it reads emotions)."""
        return self.kind in runs.GENERATORS

    @property
    def adversarial(self) -> bool:
        """Whether it was trained against a discriminator."""
        return self.kind in FAMILIES and FAMILIES[self.kind].adversarial


@dataclass(frozen=True)
class Score:
    """A scorecard; ``name`` is the generator's where the synthetic corpus still says, else the name of its folder.

    Where two are of one generator both have the folder too.
    """

    path: Path
    name: str
    result: dict[str, Any]
    pictures: dict[str, NDArray[Any]]
    """Arrays to draw, see :mod:`affetti.studies.scorecard.plot_data`; none where the folder holds none."""


@dataclass(frozen=True)
class Study:
    """An augmentation study."""

    path: Path
    config: dict[str, Any]
    result: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question of an audit and its answer."""

    name: str
    question: str
    method: str
    answer: Answer


@dataclass(frozen=True)
class Audit:
    """An audit; ``name`` is its corpus', with the folder where two are of one corpus."""

    path: Path
    config: dict[str, Any]
    result: dict[str, Any]
    asked: tuple[Asked, ...]
    arrays: dict[str, dict[str, NDArray[Any]]]
    """Log-mels to draw, dB ``[M, F]``, by question and key."""
    name: str = ""


@dataclass(frozen=True)
class Sources:
    """All a report is about, in reading order."""

    corpora: tuple[Corpus, ...]
    runs: tuple[Run, ...]
    scores: tuple[Score, ...]
    studies: tuple[Study, ...]
    audits: tuple[Audit, ...]

    @property
    def generators(self) -> tuple[Run, ...]:
        """The runs that make clips."""
        return tuple(run for run in self.runs if run.generates)

    @property
    def regressors(self) -> tuple[Run, ...]:
        """The runs that read emotions."""
        return tuple(run for run in self.runs if not run.generates)


def gather(paths: Sequence[Path]) -> Sources:
    """Read every folder.

    Raises:
        UsageError: there is none.
        StorageError: a folder is missing, unfinished, or nothing that a report can tell of.
    """
    if not paths:
        raise UsageError("nothing to report on", hint=f"give folders: {KNOWN}")
    found = [_read(path) for path in dict.fromkeys(path.resolve() for path in paths)]
    corpora = [item for item in found if isinstance(item, Corpus)]
    trained = [item for item in found if isinstance(item, Run)]
    scores = [item for item in found if isinstance(item, Score)]
    studies = [item for item in found if isinstance(item, Study)]
    corpora.sort(key=lambda c: (c.synthetic, str(c.meta["source"]), c.hash, str(c.path)))
    trained.sort(key=lambda r: (_rank(r.kind), int(r.meta["fold"]), int(r.meta["seed"]), str(r.path)))
    scores.sort(key=lambda s: (_rank(s.name), s.name, s.result["fold"] or 0, s.result["seed"], str(s.path)))
    studies.sort(key=lambda s: (s.result["corpus"], s.result["seed"], str(s.path)))
    audits = [item for item in found if isinstance(item, Audit)]
    audits.sort(key=lambda a: (a.result["corpus"], a.result["quick"], a.result["seed"], str(a.path)))
    return Sources(tuple(corpora), _named(trained), _told_apart(scores), tuple(studies), _by_corpus(audits))


def _rank(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _told_apart(scores: list[Score]) -> tuple[Score, ...]:
    """Give scorecards of one generator their folder's name beside its own."""
    names = [score.name for score in scores]
    return tuple(
        score if names.count(score.name) == 1 else replace(score, name=f"{score.name} ({score.path.name})")
        for score in scores
    )


def _named(trained: list[Run]) -> tuple[Run, ...]:
    """Give each run the shortest name that tells it from the others: its kind, with fold and seed, with its folder."""
    long = [f"{run.kind}, fold {run.meta['fold']}, seed {run.meta['seed']}" for run in trained]
    kinds = [run.kind for run in trained]
    names = [
        kinds[i]
        if kinds.count(kinds[i]) == 1
        else long[i]
        if long.count(long[i]) == 1
        else f"{long[i]} ({run.path.name})"
        for i, run in enumerate(trained)
    ]
    return tuple(
        Run(run.path, run.kind, run.meta, run.config, run.result, run.metrics, name)
        for run, name in zip(trained, names, strict=True)
    )


def _by_corpus(audits: list[Audit]) -> tuple[Audit, ...]:
    corpora = [Path(str(audit.result["corpus"])).name for audit in audits]
    return tuple(
        replace(audit, name=corpus if corpora.count(corpus) == 1 else f"{corpus} ({audit.path.name})")
        for audit, corpus in zip(audits, corpora, strict=True)
    )


def _read(path: Path) -> Corpus | Run | Score | Study | Audit:
    if not is_folder(path):
        raise StorageError("no such folder", where=path, hint=f"give {KNOWN}")
    if is_file(path / "corpus.json") or is_folder(path / ".work"):
        return Corpus.open(path)
    config, result = _object(path / "config.json"), _object(path / "result.json")
    verb = result.get("verb", config.get("verb"))
    if is_file(path / "model.json") or verb == "train":
        return _run(path, config, result)
    if verb == "score":
        _require(
            path / "result.json",
            result,
            ("quality", "frechet", "conditioning", "memorisation", "real", "fake", "fold", "seed"),
        )
        document = Scorecard.from_dict(result, path / "result.json").to_dict()
        return Score(path, _generator_of(document), document, _arrays(path / "pictures.npz"))
    if verb == "compare":
        if not result:
            raise StorageError(
                "an unfinished study", where=path, hint="run its affetti compare command again: it goes on where it was"
            )
        _require(
            path / "result.json", result, ("arms", "ridge", "reference", "test", "seeds", "folds", "corpus", "seed")
        )
        return Study(path, config, StudyResult.from_dict(result, path / "result.json").to_dict())
    if verb == "audit":
        return _audit(path, config, result)
    raise StorageError("nothing that a report can tell of", where=path, hint=f"give {KNOWN}")


def _run(path: Path, config: dict[str, Any], result: dict[str, Any]) -> Run:
    if not result or not is_file(path / "model.json"):
        raise StorageError(
            "an unfinished run", where=path, hint="run its affetti train command again: it goes on where it was"
        )
    meta = _object(path / "model.json")
    _require(path / "model.json", meta, ("kind", "fold", "seed", "corpus", "songs", "front_end", "weights_sha256"))
    _require(path / "result.json", result, ("n", "songs", "steps", "seconds", "parameters"))
    return Run(path, str(meta["kind"]), meta, config, result, _lines(path / "metrics.jsonl"))


def _audit(path: Path, config: dict[str, Any], result: dict[str, Any]) -> Audit:
    if not result:
        raise StorageError(
            "an unfinished audit", where=path, hint="run its affetti audit command again: it goes on where it was"
        )
    file = path / "result.json"
    _require(
        file, result, ("questions", "findings", "wording", "corpus", "corpus_hash", "composed", "n", "quick", "seed")
    )
    for row in result["findings"]:
        _require(file, row, FINDING)
    for entry in result["questions"]:
        _require(file, entry, ("id", "question", "method", "sentence"))
    audit = AuditResult.from_dict(result, file)
    asked = tuple(Asked(entry.id, entry.question, entry.method, entry.answer) for entry in audit.questions)
    arrays = {entry.name: _arrays(path / "answers" / f"{entry.name}.npz") for entry in asked if entry.answer.mels}
    return Audit(path, config, audit.to_dict(), asked, arrays)


def _object(path: Path) -> dict[str, Any]:
    if not is_file(path):
        return {}
    value = read_json(path)
    if not isinstance(value, dict):
        raise StorageError("not a document of affetti", where=path, hint="make it again")
    return value


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not is_file(path):
        return {}
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except OSError as error:
        raise read_error(path, error) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StorageError(
            f"cannot be read ({error})", where=path, hint="make it again: it was cut or edited"
        ) from error


def _lines(path: Path) -> list[dict[str, Any]]:
    """The log of a run; what an interruption cut short is left out. A model fitted in closed form has none."""
    if not is_file(path):
        return []
    lines: list[dict[str, Any]] = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        if isinstance(line, dict) and "step" in line:
            lines.append(line)
    return lines


def _require(path: Path, document: dict[str, Any], keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in document]
    if missing:
        raise StorageError(
            f"lacks {', '.join(missing)}", where=path, hint="it was edited, or an older affetti wrote it: make it again"
        )


def _generator_of(result: dict[str, Any]) -> str:
    fake = Path(str(result["fake"]))
    try:
        provenance = read_json(fake / "corpus.json").get("provenance") or {}
    except (AffettiError, AttributeError):
        provenance = {}
    return str(provenance.get("generator") or fake.stem)
