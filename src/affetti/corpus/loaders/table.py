"""``labels.csv``: one row a file, with its valence and arousal.

Columns ``file, valence, arousal`` are needed; ``song, artist, genre, valence_std, arousal_std, raters`` are read where
present and may be left empty, any others are named and passed over. A file without a song is its own. The scale is the
one declared, or the one that negative values give away; where the values allow several, the loader refuses to guess.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from affetti.corpus.track import Labels
from affetti.emotion import SCALES
from affetti.errors import InputError, UsageError

REQUIRED = ("file", "valence", "arousal")
OPTIONAL = ("song", "artist", "genre", "valence_std", "arousal_std", "raters")
MOST_RATERS = 32_767
"""What the column ``raters`` of a corpus can hold."""

Lines: TypeAlias = dict[int, dict[str, str]]
"""Cells by column, by line number."""


@dataclass(frozen=True)
class Row:
    """One line of the table, its labels in [-1, 1]."""

    file: Path
    clip_id: str
    labels: Labels
    song: str
    artist: str
    genre: str


@dataclass(frozen=True)
class Table:
    """A label table that has been checked."""

    rows: list[Row]
    scale: str
    notes: tuple[str, ...]


def read(folder: Path, scale: str | None) -> Table:
    """Read ``folder/labels.csv``.

    Raises:
        InputError: the folder or table is missing or empty, a column is missing, a label is not a number or outside the
            scale, a file is named twice, or the scale cannot be told from the values.
        UsageError: the declared scale is unknown.
    """
    path = folder / "labels.csv"
    lines, columns = _lines(path)
    values = {name: _numbers(lines, name, path) for name in ("valence", "arousal")}
    name = choose_scale(np.concatenate(list(values.values())), scale, path)
    unit = {column: _to_unit(values[column], lines, name, column, path) for column in values}
    spread = {
        column: SCALES[name].spread_to_unit(_numbers(lines, column, path, low=0.0, empty=float("nan")))
        for column in ("valence_std", "arousal_std")
    }
    raters = _numbers(lines, "raters", path, low=0.0, high=MOST_RATERS, whole=True, empty=0.0)
    ids = _clip_ids(lines, path)
    rows = [
        Row(
            folder / cells["file"],
            ids[i],
            Labels(
                float(unit["valence"][i]),
                float(unit["arousal"][i]),
                float(spread["valence_std"][i]),
                float(spread["arousal_std"][i]),
                int(raters[i]),
            ),
            cells.get("song") or ids[i],
            cells.get("artist", ""),
            cells.get("genre", ""),
        )
        for i, cells in enumerate(lines.values())
    ]
    told = "declared" if scale else "found: negative values; declare another with --scale if that is wrong"
    ignored = [column for column in columns if column not in REQUIRED + OPTIONAL]
    notes = [f"labels are on the scale {name} ({told})"]
    if ignored:
        notes.append(f"columns not read: {', '.join(ignored)}")
    return Table(rows, name, tuple(notes))


def _lines(path: Path) -> tuple[Lines, list[str]]:
    """The cells of each line that is not blank, by its number in the file, and the columns."""
    if not path.is_file():
        raise InputError("no such file", where=path, hint="write a CSV with the columns file, valence, arousal")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            table = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"not a CSV table ({error})", where=path, hint="save it as UTF-8, commas between") from error
    columns = table[0][1] if table else []
    for column in REQUIRED:
        if column not in columns:
            found = ", ".join(columns) or "nothing"
            raise InputError(
                f"column {column!r} is missing (found: {found})", where=path, hint="add it, or rename yours"
            )
    twice = [column for column in REQUIRED + OPTIONAL if columns.count(column) > 1]
    if twice:
        raise InputError(f"there are several columns {twice[0]!r}", where=path, hint="keep one of them")
    if len(table) < 2:
        raise InputError("holds no rows", where=path, hint="write one row a file")
    for number, cells in table:
        if len(cells) != len(columns):
            raise InputError(
                f"line {number}: {len(cells)} cells, but {len(columns)} columns",
                where=path,
                hint="quote cells that hold a comma",
            )
    return {number: dict(zip(columns, cells, strict=True)) for number, cells in table[1:]}, columns


def _clip_ids(lines: Lines, path: Path) -> list[str]:
    """A name for each file, from its path without the suffix; no two alike."""
    seen: dict[str, str] = {}
    for number, cells in lines.items():
        file = Path(cells["file"])
        if not cells["file"]:
            raise InputError(f"line {number}: no file is named", where=path, hint="name it, or remove the line")
        clip = "_".join(part for part in file.with_suffix("").parts if part != file.anchor)
        if clip in seen:
            same = seen[clip] == str(file)
            what = (
                f"{str(file)!r} is listed twice"
                if same
                else f"{str(file)!r} and {seen[clip]!r} would both be clip {clip!r}"
            )
            raise InputError(f"line {number}: {what}", where=path, hint="keep one of the two" if same else "rename one")
        seen[clip] = str(file)
    return list(seen)


def choose_scale(values: NDArray[np.float64], declared: str | None, where: Path) -> str:
    """The declared scale, or the one that these values allow.

    Only values within [-1, 1] of which some are negative tell: they are on -1..1. Anything else could be on several
    scales, or on one with a slip of the pen.

    Raises:
        UsageError: the declared scale is unknown.
        InputError: nothing was declared and the values allow several scales, or none.
    """
    if declared is not None:
        if declared not in SCALES:
            raise UsageError(f"unknown scale {declared!r}", where="--scale", hint=f"choose from {', '.join(SCALES)}")
        return declared
    low, high = float(values.min()), float(values.max())
    if low < 0 and low >= -1 and high <= 1:
        return "-1..1"
    fitting = [name for name, scale in SCALES.items() if scale.low <= low and high <= scale.high]
    raise InputError(
        f"labels from {low:g} to {high:g} could be on {' or '.join(fitting) if fitting else 'no scale known here'}",
        where=where,
        hint=f"declare the scale they are on with --scale ({', '.join(SCALES)})",
    )


def require_files(rows: Iterable[Row]) -> None:
    """Refuse a table that names files which are not there, before any is decoded.

    Raises:
        InputError: names the first and counts the rest.
    """
    missing = [row.file for row in rows if not row.file.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(
            f"named in labels.csv, but there is no such file{more}", where=missing[0], hint="correct the file column"
        )


def _numbers(
    lines: Lines,
    column: str,
    path: Path,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    whole: bool = False,
    empty: float | None = None,
) -> NDArray[np.float64]:
    """A column as finite numbers; cells that are empty, or the column absent, give ``empty`` where that is allowed."""
    numbers: list[float] = []
    for line, cells in lines.items():
        text = cells.get(column, "")
        if not text and empty is not None:
            numbers.append(empty)
            continue
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not np.isfinite(number):
            raise InputError(f"line {line}: {column} {text!r} is not a number", where=path, hint="correct it")
        if not low <= number <= high or (whole and number != int(number)):
            kind = "whole number" if whole else "number"
            bounds = f"from {low:g}" + (f" to {high:g}" if np.isfinite(high) else "")
            raise InputError(f"line {line}: {column} {text} is no {kind} {bounds}", where=path, hint="correct it")
        numbers.append(number)
    return np.array(numbers)


def _to_unit(values: NDArray[np.float64], lines: Lines, scale: str, column: str, path: Path) -> NDArray[np.float64]:
    bounds = SCALES[scale]
    for line, value in zip(lines, values, strict=True):
        if not bounds.low <= value <= bounds.high:
            raise InputError(
                f"line {line}: {column} {value:g} lies outside the scale {scale}",
                where=path,
                hint="correct it, or declare another --scale",
            )
    return bounds.to_unit(values)
