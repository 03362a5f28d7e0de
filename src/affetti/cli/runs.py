"""``affetti runs``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from affetti.cli.flags import parse
from affetti.cli.output import print_result
from affetti.errors import one_line

if TYPE_CHECKING:
    from affetti.api.runs import RunsResult, RunsRow


@dataclass(frozen=True)
class Flags:
    """List corpora, runs, scorecards, studies, of listeners too, and audits below a folder; nothing is changed."""

    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]] = Path()
    """Where to search."""
    compare: Annotated[tuple[Path, Path] | None, tyro.conf.arg(metavar="A B")] = None
    """Two folders: the settings and results in which they differ."""
    json: bool = False
    """Print one JSON document to stdout, nothing else."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "runs")
    from affetti import api

    result = api.runs.run(flags.folder, compare=flags.compare)
    print_result(result.to_dict(), flags.json, _differences(result) if flags.compare else _list(result))
    return 0


def _list(result: RunsResult) -> str:
    if not result.rows:
        return f"{result.searched}: nothing that affetti made, down to four folders deep"
    now = datetime.now(UTC)
    heading = ("folder", "what", "age", "size", "")
    rows = [
        (row.path, f"{row.kind} {row.name}", _age(row, now), _size(row.bytes), "  ".join(_facts(row)))
        for row in result.rows
    ]
    return _table([heading, *rows])


def _facts(row: RunsRow) -> list[str]:
    if row.state != "finished":
        return [f"{row.state}: {row.reason}"]
    numbers = [
        f"{name} {_short(number.value)}"
        + ("" if number.ci is None else f" [{_short(number.ci[0])}, {_short(number.ci[1])}]")
        for name, number in row.numbers.items()
    ]
    return numbers + [f"{value} {name}" if isinstance(value, int) else f"{name} {value}" for name, value in _plain(row)]


def _short(value: float) -> str:
    """Three figures, of at most six decimals: what rounding left of 0 is 0."""
    return f"{round(value, 6) + 0.0:.3g}"


def _plain(row: RunsRow) -> list[tuple[str, str | int]]:
    """The facts that fit a line: counts as they are, but ``fold 0`` and not ``0 fold``."""
    return [
        (name, str(value) if name in ("fold", "seed") else value)
        for name, value in row.facts.items()
        if value != "" and name not in ("real", "fake")
    ]


def _age(row: RunsRow, now: datetime) -> str:
    seconds = (now - datetime.fromisoformat(row.changed)).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _differences(result: RunsResult) -> str:
    differences = result.differences or ()
    if not differences:
        return "no differences"
    rows = [(change.key, _value(change.first), _value(change.second)) for change in differences]
    return _table([("", result.rows[0].path, result.rows[1].path), *rows])


def _value(value: str | float | bool | None) -> str:
    return "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    rows = [tuple(map(one_line, row)) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
