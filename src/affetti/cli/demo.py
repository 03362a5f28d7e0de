"""``affetti demo``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from affetti.cli.flags import LongFlags, parse, resolve
from affetti.cli.output import print_plan, print_result
from affetti.cli.progress import show_progress


@dataclass(frozen=True)
class Flags(LongFlags):
    """Run everything on composed music: a corpus, two generators, their scores, whether they help, a report."""

    out: Path | None = None
    """Folder for everything (default affetti-demo)."""
    size: Literal["full", "small"] | None = None
    """full (default) takes minutes; small is a quick test of the installation."""
    workers: int | None = None
    """Processes (default: one per core)."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "demo")
    settings = resolve(flags, {"out": "affetti-demo", "size": "full", "seed": 0}, flags.config)
    from affetti import api

    if flags.dry_run:
        print_plan(api.demo.plan(**settings), flags.json)
        return 0
    with show_progress() as progress:
        result = api.demo.run(progress=progress, **settings)
    print_result(result.to_dict(), flags.json, result.summary)
    return 0
