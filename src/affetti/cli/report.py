"""``affetti report``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from affetti.cli.flags import CommonFlags, parse, resolve
from affetti.cli.output import print_result
from affetti.cli.progress import show_progress


@dataclass(frozen=True)
class Flags(CommonFlags):
    """Write one self-contained HTML page about corpora, runs, scorecards, studies, what listeners say and audits."""

    out: Path
    """The page, such as report.html."""
    sources: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="SOURCE...")]] = ()
    """Folders of corpora, runs, scorecards, studies, listening results and audits."""
    title: str | None = None
    """Its title."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "report")
    settings = resolve(flags, {"title": "affetti report"}, flags.config)
    settings.pop("seed", None)
    sources, out = settings.pop("sources", ()), settings.pop("out")
    from affetti import api

    with show_progress() as progress:
        result = api.report.run(list(sources), out, progress=progress, **settings)
    print_result(result.to_dict(), flags.json, f"{result.report} ({result.bytes / 1e6:.1f} MB)")
    return 0
