"""``labels.csv``: one row a file, with its valence and arousal.

Columns ``file, valence, arousal`` are needed; ``song, artist, genre, valence_std, arousal_std, raters`` are read where
present, any others are named and passed over. The scale is the one declared, or the only one the values allow; where
the values allow several, the loader refuses to guess.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from affetti.corpus.track import Labels
from affetti.emotion import SCALES
from affetti.errors import InputError, UsageError

REQUIRED = ("file", "valence", "arousal")
OPTIONAL = ("song", "artist", "genre", "valence_std", "arousal_std", "raters")


@dataclass(frozen=True)
class Row:
    """One line of the table, its labels in [-1, 1]."""

    file: Path
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
    if not path.is_file():
        raise InputError("no such file", where=path, hint="write a CSV with the columns file, valence, arousal")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"not a CSV table ({str(error).strip()})", where=path, hint="save it as UTF-8, commas between") from error
    table.columns = table.columns.str.strip()
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        raise InputError(
            f"column {missing[0]!r} is missing (found: {', '.join(table.columns)})", where=path, hint="add it, or rename yours"
        )
    if table.empty:
        raise InputError("holds no rows", where=path, hint="write one row a file")
    files = table["file"].str.strip()
    if files.duplicated().any():
        line = int(files.duplicated().to_numpy().argmax()) + 2
        raise InputError(f"line {line}: {files[line - 2]!r} is listed twice", where=path, hint="keep one of the two")
    values = {name: _numbers(table, name, path) for name in ("valence", "arousal")}
    name = choose_scale(np.concatenate(list(values.values())), scale, path)
    unit = {column: _to_unit(values[column], name, column, path) for column in values}
    spread = {
        column: SCALES[name].spread_to_unit(_numbers(table, column, path))
        for column in ("valence_std", "arousal_std")
        if column in table.columns
    }
    text = {column: table[column].str.strip() if column in table.columns else pd.Series([""] * len(table)) for column in OPTIONAL}
    rows = [
        Row(
            folder / files[i],
            Labels(
                float(unit["valence"][i]),
                float(unit["arousal"][i]),
                float(spread["valence_std"][i]) if "valence_std" in spread else float("nan"),
                float(spread["arousal_std"][i]) if "arousal_std" in spread else float("nan"),
                int(float(text["raters"][i])) if text["raters"][i] else 0,
            ),
            text["song"][i] or Path(files[i]).stem,
            text["artist"][i],
            text["genre"][i],
        )
        for i in range(len(table))
    ]
    declared = "declared" if scale else "found: the only one these values allow"
    ignored = [column for column in table.columns if column not in REQUIRED + OPTIONAL]
    notes = [f"labels are on the scale {name} ({declared})"]
    if ignored:
        notes.append(f"columns not read: {', '.join(ignored)}")
    return Table(rows, name, tuple(notes))


def choose_scale(values: np.ndarray, declared: str | None, where: Path) -> str:
    """The declared scale, or the one that these values allow.

    Negative values allow -1..1 (or, beyond 1 in size, -10..10); values all from 1 to 9 of which some pass 7 and some are
    no less than 1 allow 1..9. Anything else is ambiguous.

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
    if low < 0 and low >= -10 and 1 < max(high, -low) <= 10:
        return "-10..10"
    if low >= 1 and 7 < high <= 9:
        return "1..9"
    fitting = [name for name, scale in SCALES.items() if scale.low <= low and high <= scale.high]
    raise InputError(
        f"labels from {low:g} to {high:g} could be on {' or '.join(fitting) if fitting else 'no scale known here'}",
        where=where,
        hint=f"declare theirs: --scale {fitting[0] if fitting else '1..9'}",
    )


def require_files(rows: Iterable[Row]) -> None:
    """Refuse a table that names files which are not there, before any is decoded.

    Raises:
        InputError: names the first and counts the rest.
    """
    missing = [row.file for row in rows if not row.file.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(f"named in labels.csv, but there is no such file{more}", where=missing[0], hint="correct the file column")


def _numbers(table: pd.DataFrame, column: str, path: Path) -> np.ndarray:
    numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(numbers)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(f"line {row + 2}: {column} {table[column].iloc[row]!r} is not a number", where=path, hint="correct it")
    return numbers


def _to_unit(values: np.ndarray, scale: str, column: str, path: Path) -> np.ndarray:
    bounds = SCALES[scale]
    outside = (values < bounds.low) | (values > bounds.high)
    if outside.any():
        row = int(outside.argmax())
        raise InputError(
            f"line {row + 2}: {column} {values[row]:g} lies outside the scale {scale}", where=path, hint="correct it, or declare another --scale"
        )
    return bounds.to_unit(values)
