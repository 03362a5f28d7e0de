"""``affetti audit``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from affetti.cli.flags import LongFlags, parse, resolve
from affetti.cli.output import note, print_plan, print_result
from affetti.cli.progress import show_progress
from affetti.studies.audit.registry import QUESTION_NAMES

if TYPE_CHECKING:
    from affetti.studies.audit.claims import Finding
    from affetti.studies.audit.result import AuditResult


@dataclass(frozen=True)
class Flags(LongFlags):
    """Measure what a log-mel loses of music and emotion, what limits quality, and which published claims hold."""

    corpus: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="CORPUS")]]
    """Real or composed music."""
    out: Path
    """Folder of the audit."""
    models: tuple[Path, ...] = field(default=())
    """Runs of generators: their clips are scored, and played beside real clips in the report."""
    study: tuple[Path, ...] = field(default=())
    """Augmentation studies of this corpus, which decide the claims about gains."""
    only: Annotated[
        tuple[str, ...], tyro.conf.arg(help=f"Questions to answer (default all): {', '.join(QUESTION_NAMES)}.")
    ] = field(default=())
    quick: bool = False
    """Fewer songs and wider intervals."""
    workers: int | None = None
    """Processes (default: one per core)."""
    engine: str | None = None
    """Where the work runs: local (default), processes on this machine."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "audit")
    settings = resolve(flags, {"seed": 0}, flags.config, ("corpus_hash",))
    corpus, out = Path(settings.pop("corpus")), Path(settings.pop("out"))
    settings["studies"] = settings.pop("study", ())
    from affetti import api

    if flags.dry_run:
        print_plan(api.audit.plan(corpus, out, **settings), flags.json)
        return 0
    with show_progress() as progress:
        result = api.audit.run(corpus, out, progress=progress, **settings)
    if result.composed:
        note("note: on a composed corpus, results are about representations and models, never about how people feel")
    print_result(result.to_dict(), flags.json, text(result))
    return 0


def text(result: AuditResult) -> str:
    """The audit for a terminal: the sentence of each question, then the claims that these and the studies decide."""
    lines = [f"{question.id}: {question.sentence}" for question in result.questions]
    topics = {question.id for question in result.questions} | ({"study"} if result.studies else set())
    rows = [finding for finding in result.findings if finding.topic in topics]
    verdicts = [finding.verdict for finding in rows]
    counts = ", ".join(f"{verdicts.count(name)} {name}" for name in ("supported", "contradicted", "undecided"))
    lines += ["", f"{len(rows)} claims of the published study: {counts}", *map(_claim, rows)]
    if others := len(result.findings) - len(rows):
        lines.append(f"{others} more claims belong to questions that were not selected, or need --study")
    return "\n".join(lines)


def _claim(finding: Finding) -> str:
    measured = "not measured"
    if finding.measured is not None:
        measured = f"{finding.measured:.3g}"
        if finding.ci:
            measured += f" [{finding.ci[0]:.3g}, {finding.ci[1]:.3g}]"
    return f"  {finding.verdict:<12} {finding.section:<6} {finding.claim}; measured: {measured}"
