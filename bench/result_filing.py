"""Files a finished edition as data: ``docs/results/last.json``, from the ``result.json`` of its studies and audits."""

from __future__ import annotations

from pathlib import Path

from affetti.corpus import Corpus
from affetti.studies.audit.result import AuditResult
from affetti.studies.augmentation.results import StudyResult
from edition import Step
from edition_run import Done
from result_file import Audit, ClaimVerdict, Edition, Row, Table

DIGITS = 4


def file_edition(steps: tuple[Step, ...], done: dict[str, Done], work: Path, *, reduced: bool) -> Edition:
    """The tables and audits of all steps that are done."""
    ended = [step for step in steps if step.name in done]
    commands = {step.out: step.command for step in ended}
    tables = [
        file_study(step, work, commands, done[step.name].version) for step in ended if step.arguments[0] == "compare"
    ]
    audits = [
        file_audit(step, work, commands, done[step.name].version) for step in ended if step.arguments[0] == "audit"
    ]
    return Edition(
        edition="reduced: a trial that says nothing of the question" if reduced else "last",
        exploratory=reduced,
        tables=tuple(tables),
        audits=tuple(audits),
    )


def _history(step: Step, commands: dict[str, str]) -> tuple[str, ...]:
    """The commands that a step rests on, and its own."""
    return (*(commands[made] for made in dict.fromkeys(step.inputs) if made in commands), step.command)


def file_study(step: Step, work: Path, commands: dict[str, str], version: str) -> Table:
    """The table of a study."""
    result = StudyResult.open(work / step.out)
    corpus = Corpus.open(work / step.inputs[0])
    quality = {row.name: row for row in result.hierarchy}
    accuracy = result.measure == "accuracy"
    rows = [
        Row(
            arm=row.name,
            value=_round((row.accuracy or 0.0) if accuracy else row.ccc),
            ci=_interval(row.accuracy_ci if accuracy else row.ci),
            difference=_round(row.delta),
            difference_ci=_interval(row.delta_ci) or (0.0, 0.0),
            simultaneous_ci=_interval(row.delta_ci_simultaneous),
            quality=quality[row.name].quality if row.name in quality else None,
            quality_ci=_interval(quality[row.name].quality_ci) if row.name in quality else None,
        )
        for row in result.arms
    ]
    primary = result.primary.arm if step.part == "primary" and result.primary is not None else None
    return Table(
        id=step.name,
        title=step.name.replace("-", " "),
        section=step.name,
        corpus=Path(step.inputs[0]).name,
        corpus_hash=corpus.hash,
        commands=_history(step, commands),
        front_end=str(corpus.meta["preset"]),
        version=version,
        folds=result.folds,
        seeds=result.seeds,
        runs=result.generator_runs,
        clips=result.test.n,
        songs=result.test.songs,
        measure=result.measure,
        reference=result.reference,
        primary=primary,
        rows=tuple(rows),
    )


def file_audit(step: Step, work: Path, commands: dict[str, str], version: str) -> Audit:
    """The claims of an audit."""
    result = AuditResult.open(work / step.out)
    corpus = Corpus.open(work / step.inputs[0])
    claims = [
        ClaimVerdict(
            id=row.id,
            verdict=row.verdict,
            value=row.measured,
            ci=row.ci,
            n=row.n if row.measured is not None else None,
            of=row.of if row.measured is not None else None,
        )
        for row in result.findings
    ]
    return Audit(
        corpus=Path(step.inputs[0]).name,
        corpus_hash=corpus.hash,
        commands=_history(step, commands),
        front_end=str(corpus.meta["preset"]),
        version=version,
        claims=tuple(claims),
    )


def _round(value: float) -> float:
    return round(value, DIGITS)


def _interval(ci: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if ci is None else (_round(ci[0]), _round(ci[1]))
