"""``affetti audit``: what a log-mel loses, and which published claims hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from affetti.api.plan import Plan, describe_cost
from affetti.corpus import Corpus
from affetti.execution import Engine, executor
from affetti.progress import Progress, silent
from affetti.studies.audit.audit import FiledResults, audit_corpus, check_inputs, open_scorecards
from affetti.studies.audit.listening_measurements import listening_measurements
from affetti.studies.audit.registry import QUESTION_NAMES, select_questions
from affetti.studies.audit.result import AuditResult

MINUTES, MINUTES_QUICK = 14.0, 3.0
"""Minutes that an audit may take on two cores, of the composed corpus at ``tiny``."""
BYTES = 20_000_000
"""Sounds and pictures that an audit files, about."""


@dataclass(frozen=True, kw_only=True)
class AuditPlan(Plan):
    """An audit that would be made."""

    verb: ClassVar[str | None] = "audit"

    questions: tuple[str, ...]
    models: tuple[str, ...]
    studies: tuple[str, ...]


def run(
    corpus: str | Path,
    out: str | Path,
    *,
    models: Sequence[str | Path] = (),
    studies: Sequence[str | Path] = (),
    scorecards: Sequence[str | Path] = (),
    listening: Sequence[str | Path] = (),
    only: Sequence[str] = (),
    quick: bool = False,
    seed: int = 0,
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
) -> AuditResult:
    """Measure what a log-mel loses, and decide the claims of the study.

    Arguments, result and errors are those of :func:`affetti.studies.audit.audit.audit_corpus`; ``workers`` are
    processes, by default one per core, and ``engine`` is where they run.
    """
    return audit_corpus(
        Corpus.open(corpus),
        Path(out),
        models=tuple(Path(path) for path in models),
        studies=tuple(Path(path) for path in studies),
        filed=FiledResults(tuple(map(Path, scorecards)), tuple(map(Path, listening))),
        only=tuple(only),
        quick=quick,
        seed=seed,
        executor=executor(engine, workers),
        progress=progress,
    )


def plan(
    corpus: str | Path,
    out: str | Path,
    *,
    models: Sequence[str | Path] = (),
    studies: Sequence[str | Path] = (),
    scorecards: Sequence[str | Path] = (),
    listening: Sequence[str | Path] = (),
    only: Sequence[str] = (),
    quick: bool = False,
    seed: int = 0,
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
) -> AuditPlan:
    """Plan an audit, with the arguments of :func:`run`.

    Questions, models and studies are checked; times are of two cores.
    """
    executor(engine, workers)  # refuses what it could not run on
    opened = Corpus.open(corpus)
    names = select_questions(tuple(only))
    runs, saved = tuple(Path(path) for path in models), tuple(Path(path) for path in studies)
    check_inputs(opened, runs, saved)
    open_scorecards(opened, tuple(Path(path) for path in scorecards))
    listening_measurements([Path(path) for path in listening])
    seconds = 60.0 * (MINUTES_QUICK if quick else MINUTES) * len(names) / len(QUESTION_NAMES)
    return AuditPlan(
        questions=tuple(names),
        models=tuple(str(path) for path in runs),
        studies=tuple(str(path) for path in saved),
        bytes=BYTES,
        seconds=seconds,
        plan=f"would answer {len(names)} questions ({', '.join(names)}) about {corpus} ({len(opened)} clips) "
        f"and write {describe_cost(BYTES, seconds, Path(out))}",
    )
