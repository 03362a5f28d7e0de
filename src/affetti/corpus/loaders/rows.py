"""Delimited text as people save it: rows of named cells, each with its line in the file.

Headers are compared without blanks and case (``valence_ max_mean`` is ``valence_max_mean``, ``musicId`` is
``musicid``). A byte-order mark, any line ends, blanks around cells, quotes, commas, semicolons or tabs between cells
and, where it is no comma that parts them, decimal commas are read. Lines without content are passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from affetti.errors import InputError

DELIMITERS = (",", ";", "\t")
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
        delimiter: what parts the cells; found from the header where it is not given.
        ragged: whether lines may have fewer or more cells than the header; those beyond are :attr:`Row.rest`. Each
            line is then read by itself: a quote out of place harms no other.
        errors: what to do with bytes that are not UTF-8: refuse the file, or replace them.
        hint: what the user should do about a file that is not as it should be.

    Raises:
        InputError: it is missing, empty, not a table, or lacks a column; names the line and what was expected.
    """
    lines = _text(path, errors, hint)
    delimiter = delimiter or _delimiter(lines, required)
    table = list(_cells(lines, path, delimiter, hint, ragged))
    columns = [normalised(cell) for cell in table[0][1]] if table else []
    while ragged and columns and not columns[-1]:
        columns.pop()
    for column in required:
        if column not in columns:
            found = ", ".join(table[0][1]) if table else "nothing"
            raise InputError(f"column {column!r} is missing (found: {found})", where=path, hint=hint)
    twice = [column for column in columns if column and columns.count(column) > 1]
    if twice:
        raise InputError(f"there are several columns {twice[0]!r}", where=path, hint="keep one of them")
    if len(table) < 2:
        raise InputError("holds no rows", where=path, hint=hint)
    width = len(columns)
    rows: list[Row] = []
    for number, cells in table[1:]:
        if len(cells) != width and not ragged:
            kept = "quote cells that hold a comma" if delimiter == "," else hint
            raise InputError(f"line {number}: {len(cells)} cells, but {width} columns", where=path, hint=kept)
        named = dict(zip(columns, cells, strict=False))
        rows.append(Row(path, number, named, tuple(cells[width:]), delimiter != ","))
    return rows


def unique(rows: Sequence[Row], column: str, hint: str = AGAIN) -> dict[str, Row]:
    """Rows by their id.

    Raises:
        InputError: an id is missing or occurs twice; names the line.
    """
    found: dict[str, Row] = {}
    for row in rows:
        name = row[column]
        if not name:
            raise row.wrong(f"{column} is missing", hint)
        if name in found:
            raise row.wrong(f"{column} {name} occurs twice (also on line {found[name].line})", hint)
        found[name] = row
    return found


def numbered(rows: Sequence[Row], column: str, hint: str = AGAIN) -> dict[int, Row]:
    """Rows by their id, a whole number from 1.

    Raises:
        InputError: an id is missing, no such number, or occurs twice; names the line.
    """
    found: dict[int, Row] = {}
    for row in rows:
        if not row.get(column):
            raise row.wrong(f"{column} is missing", hint)
        number = int(row.number(column, 1, whole=True))
        if number in found:
            raise row.wrong(f"{column} {number} occurs twice (also on line {found[number].line})", hint)
        found[number] = row
    return found


def _text(path: Path, errors: str, hint: str) -> list[str]:
    if not path.is_file():
        raise InputError("no such file", where=path, hint=hint)
    try:
        with path.open(encoding="utf-8-sig", errors=errors, newline="") as file:
            return list(file)
    except UnicodeDecodeError as error:
        raise InputError(f"not a CSV table ({error})", where=path, hint="save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, hint="check its permissions") from error


def _delimiter(lines: list[str], required: Sequence[str]) -> str:
    """What parts the header into most of the columns required."""
    head = next((line for line in lines if line.strip()), "")

    def found(delimiter: str) -> int:
        cells = next(csv.reader([head], delimiter=delimiter, skipinitialspace=True), [])
        return len({normalised(cell) for cell in cells} & set(required))

    return max(DELIMITERS, key=found)


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
