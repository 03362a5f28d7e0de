"""Tables and lists as people save them in text: every such file that a user gives is read here.

:func:`read` gives rows of named cells, each with its line in the file; :func:`read_list` one item a line.

Headers are compared without blanks and case (``valence_ max_mean`` is ``valence_max_mean``, ``musicId`` is
``musicid``). A byte-order mark, any line ends, blanks around cells, quotes, commas, semicolons or tabs between cells
and, where cells are not separated by commas, decimal commas are read, as is a first line ``sep=;``, which declares the
delimiter to spreadsheets. Empty lines are skipped, as are trailing columns without header and content.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from affetti.errors import InputError
from affetti.folders import NO_FILE, why_unusable
from affetti.storage import read_error

DELIMITERS = (",", ";", "\t")
DECLARATION = re.compile(r'"?sep=([,;\t])"?[,;\t]*', re.IGNORECASE)
AGAIN = "fetch the data set again"


@dataclass(frozen=True)
class Row:
    """One line of a table; cells by normalised header, and what lay beyond the last header."""

    path: Path
    line: int
    cells: dict[str, str]
    rest: tuple[str, ...] = ()
    decimal_comma: bool = False

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def get(self, column: str, default: str = "") -> str:
        """A cell, or ``default`` where the column is absent."""
        return self.cells.get(column, default)

    def number(
        self,
        column: str,
        low: float = -np.inf,
        high: float = np.inf,
        *,
        whole: bool = False,
        empty: float | None = None,
    ) -> float:
        """A cell as a finite number; an empty or absent one is ``empty`` where that is allowed.

        Raises:
            InputError: it is no number, or none from ``low`` to ``high``; names the line and the column.
        """
        text = self.cells.get(column, "")
        if not text and empty is not None:
            return empty
        try:
            number = float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            number = float("nan")
        if not np.isfinite(number):
            raise self.wrong(f"{column} {text!r} is not a number")
        if not low <= number <= high or (whole and number != int(number)):
            kind = "whole number" if whole else "number"
            bounds = f"from {low:g}" + (f" to {high:g}" if np.isfinite(high) else "")
            raise self.wrong(f"{column} {text} is no {kind} {bounds}")
        return number

    def wrong(self, what: str, hint: str = "correct it") -> InputError:
        """The error that says what is wrong with this line."""
        return InputError(f"line {self.line}: {what}", where=self.path, hint=hint)


def normalised(header: str) -> str:
    """A header as it is compared."""
    return "".join(header.split()).casefold()


def read(
    path: Path,
    required: Sequence[str],
    *,
    delimiter: str | None = None,
    ragged: bool = False,
    errors: Literal["strict", "replace"] = "strict",
    hint: str = AGAIN,
) -> list[Row]:
    """Read a table with a header.

    Args:
        path: the file.
        required: normalised names of columns it must have.
        delimiter: character between cells; inferred from the header by default.
        ragged: whether lines may have fewer or more cells than the header; those beyond are :attr:`Row.rest`. Each
            line is then parsed separately, so that a misplaced quote affects no other.
        errors: what to do with bytes that are not UTF-8: refuse the file, or replace them.
        hint: what the user should do about a file that is not as it should be.

    Raises:
        InputError: it is missing, empty, not a table, or lacks a column; names the line and what was expected.
    """
    lines = _text(path, errors, hint)
    declared = _declared_delimiter(lines)
    if declared is not None:
        lines[0] = "\n"  # blank, so that the lines below keep their numbers
    delimiter = delimiter or declared or _delimiter(lines, required)
    table = list(_cells(lines, path, delimiter, hint, ragged))
    columns = [normalised(cell) for cell in table[0][1]] if table else []
    while columns and not columns[-1] and (ragged or not any(any(row[len(columns) - 1 :]) for _, row in table)):
        columns.pop()
    for column in required:
        if column not in columns:
            header = ", ".join(table[0][1]) if table else "nothing"
            raise InputError(f"column {column!r} is missing (found: {header})", where=path, hint=hint)
    twice = [column for column in columns if column and columns.count(column) > 1]
    if twice:
        raise InputError(f"there are several columns {twice[0]!r}", where=path, hint="keep one of them")
    if len(table) < 2:
        raise InputError("holds no rows", where=path, hint=hint)
    width = len(columns)
    rows: list[Row] = []
    for number, cells in table[1:]:
        while not ragged and len(cells) > width and not cells[-1]:
            cells.pop()
        if len(cells) != width and not ragged:
            kept = "quote cells that hold a comma" if delimiter == "," else hint
            raise InputError(f"line {number}: {len(cells)} cells, but {width} columns", where=path, hint=kept)
        named = dict(zip(columns, cells, strict=False))
        rows.append(Row(path, number, named, tuple(cells[width:]), delimiter != ","))
    return rows


def read_list(path: Path, hint: str = "write one item a line") -> list[str]:
    """Read a text file of one item a line, without the blanks around it; blank lines at the end are ignored.

    Raises:
        InputError: the file is missing, cannot be read, is empty, or has a blank line between others.
    """
    items = [line.strip() for line in _text(path, "strict", hint)]
    while items and not items[-1]:
        items.pop()
    if not items:
        raise InputError("holds nothing", where=path, hint=hint)
    if "" in items:
        raise InputError(f"line {items.index('') + 1} is blank", where=path, hint=hint)
    return items


def unique(rows: Sequence[Row], column: str, hint: str = AGAIN) -> dict[str, Row]:
    """Rows by their id.

    Raises:
        InputError: an id is missing or occurs twice; names the line.
    """
    by_id: dict[str, Row] = {}
    for row in rows:
        name = row[column]
        if not name:
            raise row.wrong(f"{column} is missing", hint)
        if name in by_id:
            raise row.wrong(f"{column} {name} occurs twice (also on line {by_id[name].line})", hint)
        by_id[name] = row
    return by_id


def numbered(rows: Sequence[Row], column: str, hint: str = AGAIN) -> dict[int, Row]:
    """Rows by their id, a whole number from 1.

    Raises:
        InputError: an id is missing, no such number, or occurs twice; names the line.
    """
    by_id: dict[int, Row] = {}
    for row in rows:
        if not row.get(column):
            raise row.wrong(f"{column} is missing", hint)
        number = int(row.number(column, 1, whole=True))
        if number in by_id:
            raise row.wrong(f"{column} {number} occurs twice (also on line {by_id[number].line})", hint)
        by_id[number] = row
    return by_id


def _text(path: Path, errors: str, hint: str) -> list[str]:
    """The lines of a file, with their ends."""
    reason = why_unusable(path)
    if reason is not None:
        raise InputError(reason, where=path, hint=hint if reason == NO_FILE else "check the path and its permissions")
    try:
        with path.open(encoding="utf-8-sig", errors=errors, newline="") as file:
            return list(file)
    except UnicodeDecodeError as error:
        what = f"not UTF-8 text ({error.reason} at byte {error.start})"
        raise InputError(what, where=path, hint="save it as UTF-8; spreadsheets call that CSV UTF-8") from error
    except OSError as error:
        refused = read_error(path, error)
        raise InputError(refused.what, where=path, hint=refused.hint) from error


def _declared_delimiter(lines: list[str]) -> str | None:
    """What a first line such as ``sep=;`` declares; None without one."""
    match = DECLARATION.fullmatch(lines[0].strip("\r\n ")) if lines else None
    return match[1] if match else None


def _delimiter(lines: list[str], required: Sequence[str]) -> str:
    """What parts the header into most of the columns required."""
    head = next((line for line in lines if line.strip()), "")

    def count_required(delimiter: str) -> int:
        cells = next(csv.reader([head], delimiter=delimiter, skipinitialspace=True), [])
        return len({normalised(cell) for cell in cells} & set(required))

    return max(DELIMITERS, key=count_required)


def _cells(lines: list[str], path: Path, delimiter: str, hint: str, ragged: bool) -> Iterator[tuple[int, list[str]]]:
    """Cells of each line that is not blank, with the number of the line it ends on; ragged lines one by one."""
    number = 0
    try:
        for batch in ([line] for line in lines) if ragged else (lines,):
            reader = csv.reader(batch, delimiter=delimiter, skipinitialspace=True, strict=not ragged)
            before = number
            for row in reader:
                number = before + reader.line_num
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield number, cells
    except csv.Error as error:
        raise InputError(f"line {number + 1}: not a CSV table ({error})", where=path, hint=hint) from error
