"""``affetti audit``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from affetti.cli.flags import Long, emit, note, parse, settled
from affetti.cli.progress import shown


@dataclass(frozen=True)
class Flags(Long):
    """Measure what a log-mel loses of music and emotion, what caps quality, and which published claims hold."""

    corpus: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="CORPUS")]]
    """Real or composed music."""
    out: Path
    """Folder of the audit."""
    models: tuple[Path, ...] = field(default=())
    """Runs of generators: what they make is scored and heard beside real clips."""
    study: tuple[Path, ...] = field(default=())
    """Augmentation studies of this corpus: they decide what is claimed of gains."""
    only: tuple[str, ...] = field(default=())
    """Questions to ask (default all): information, lyrics, timbre, structure, genre, phase, variance, ceiling."""
    quick: bool = False
    """Fewer songs and wider intervals."""
    workers: int | None = None
    """Processes (default: one a core)."""
    engine: Literal["local"] = "local"
    """Where the work runs."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "audit")
    settings = settled(flags, {"seed": 0}, flags.config, ("corpus_hash",))
    settings.pop("engine", None)
    corpus, out = Path(settings.pop("corpus")), Path(settings.pop("out"))
    settings["studies"] = settings.pop("study", ())
    from affetti import api

    if flags.dry_run:
        document = api.audit.plan(corpus, out, **settings)
        emit(document, flags.json, document["plan"])
        return 0
    with shown() as progress:
        document = api.audit.run(corpus, out, progress=progress, **settings)
    if document["composed"]:
        note("note: a composed corpus tells about representations and models, never about how people feel")
    emit(document, flags.json, text(document))
    return 0


def text(document: dict[str, Any]) -> str:
    """The audit for a terminal: the sentence of each question, then the claims that these and the studies decide."""
    lines = [f"{entry['id']}: {entry['sentence']}" for entry in document["questions"]]
    asked = {entry["id"] for entry in document["questions"]} | ({"study"} if document["studies"] else set())
    rows = [row for row in document["findings"] if row["topic"] in asked]
    verdicts = [row["verdict"] for row in rows]
    counts = ", ".join(f"{verdicts.count(name)} {name}" for name in ("supported", "contradicted", "undecided"))
    lines += ["", f"{len(rows)} claims of the published study: {counts}", *map(_claim, rows)]
    if others := len(document["findings"]) - len(rows):
        lines.append(f"{others} more claims are about what was not asked, or want --study")
    return "\n".join(lines)


def _claim(row: dict[str, Any]) -> str:
    found = "not measured"
    if row["measured"] is not None:
        found = f"{row['measured']:.3g}"
        if row["ci"]:
            found += f" [{row['ci'][0]:.3g}, {row['ci'][1]:.3g}]"
    return f"  {row['verdict']:<12} {row['section']:<6} {row['claim']}; measured: {found}"
