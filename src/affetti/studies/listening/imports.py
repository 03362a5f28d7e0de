"""Ratings that were collected elsewhere: a tidy table, webMUSHRA's, or one with a column for each system.

- tidy: ``listener,clip,system,scale,rating``, and any of ``condition, trial, purpose, against, requested_valence,
  requested_arousal``;
- webMUSHRA's ``mushra.csv``: ``session_uuid``, ``trial_id``, ``rating_stimulus``, ``rating_score``; every other column,
  such as an e-mail address, is dropped;
- one column a system: ``listener`` and ``clip`` (or ``condition``), then a column of ratings for each system, on the
  scale that is named.

Listeners become ``L0001`` and so on in the order of the table: their names are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from affetti import tables
from affetti.errors import InputError
from affetti.storage import read_text
from affetti.studies.listening.answers import SIMILARITY
from affetti.studies.listening.rating_table import REQUIRED, RatingTable

HINT = f"give the columns {', '.join(REQUIRED)}"
WEBMUSHRA = ("session_uuid", "trial_id", "rating_stimulus", "rating_score")
REQUESTED = ("requested_valence", "requested_arousal")


@dataclass(frozen=True)
class ImportedRatings:
    """Ratings of a file."""

    table: RatingTable
    task: str
    requested: dict[str, tuple[float, float]]
    """Requested valence and arousal by clip."""


def import_ratings(path: Path, scale: str = "quality") -> ImportedRatings:
    """Read ratings from a file.

    Args:
        path: the file.
        scale: what ratings are on, of a table with one column a system.

    Raises:
        InputError: it is none of the tables of this module; names the line.
    """
    rows = tables.read(path, _known_columns(path), hint=HINT)
    columns = list(rows[0].cells)
    if set(WEBMUSHRA) <= set(columns):
        return ImportedRatings(RatingTable.of(_webmushra(rows), str(path)), "mushra", {})
    if set(REQUIRED) <= set(columns):
        table = RatingTable.of(_tidy(rows), str(path))
        task = {"preference": "pair", "spotted": "spot", SIMILARITY: "mushra"}.get(table.scales[0], "rate")
        return ImportedRatings(table, task, _requested(rows))
    request = next((name for name in ("clip", "condition", "trial", "stimulus") if name in columns), None)
    if "listener" in columns and request is not None and "rating" not in columns:
        return ImportedRatings(RatingTable.of(_wide(rows, request, scale), str(path)), "rate", {})
    known = f"{', '.join(REQUIRED)}; or {', '.join(WEBMUSHRA)}; or listener, clip and a column a system"
    raise InputError(f"no table of ratings (columns: {', '.join(columns)})", where=path, hint=f"give {known}")


def _known_columns(path: Path) -> tuple[str, ...]:
    """Columns of the header that are known here, from which the delimiter follows."""
    header = next((line for line in read_text(path).splitlines() if line.strip()), "")
    cells = {tables.normalised(cell.strip("\"'")) for cell in re.split(r"[,;\t]", header)}
    return tuple(name for name in (*WEBMUSHRA, *REQUIRED) if name in cells)


def _tidy(rows: Sequence[tables.Row]) -> pd.DataFrame:
    named = ("condition", "purpose", "against")
    records = [
        {
            **{name: row[name] for name in REQUIRED if name != "rating"},
            **{name: row[name] for name in named if name in row.cells},
            "trial": int(row.number("trial", 0, whole=True, empty=0)),
            "rating": row.number("rating"),
        }
        for row in rows
    ]
    return _anonymous(pd.DataFrame(records), rows)


def _requested(rows: Sequence[tables.Row]) -> dict[str, tuple[float, float]]:
    if not all(name in rows[0].cells for name in REQUESTED):
        return {}
    return {
        row["clip"]: (row.number(REQUESTED[0], -1, 1), row.number(REQUESTED[1], -1, 1))
        for row in rows
        if row[REQUESTED[0]] or row[REQUESTED[1]]
    }


def _webmushra(rows: Sequence[tables.Row]) -> pd.DataFrame:
    records = [
        {
            "listener": row["session_uuid"],
            "clip": f"{row['trial_id']}-{row['rating_stimulus']}",
            "system": row["rating_stimulus"],
            "scale": SIMILARITY,
            "rating": row.number("rating_score", 0, 100),
            "condition": row["trial_id"],
        }
        for row in rows
    ]
    return _anonymous(pd.DataFrame(records), rows)


def _wide(rows: Sequence[tables.Row], request: str, scale: str) -> pd.DataFrame:
    systems = [name for name in rows[0].cells if name not in ("listener", request)]
    records = [
        {
            "listener": row["listener"],
            "clip": f"{row[request]}-{system}",
            "system": system,
            "scale": scale,
            "rating": row.number(system),
            "condition": row[request],
        }
        for row in rows
        for system in systems
        if row[system]
    ]
    return _anonymous(pd.DataFrame(records), rows)


def _anonymous(table: pd.DataFrame, rows: Sequence[tables.Row]) -> pd.DataFrame:
    """The table with numbers in place of the names of listeners.

    Raises:
        InputError: a row has no listener.
    """
    unnamed = np.flatnonzero((table["listener"].str.strip() == "").to_numpy())
    if len(unnamed) and len(table) == len(rows):
        raise rows[int(unnamed[0])].wrong("no listener is named", "name them, by any text")
    codes, names = pd.factorize(table["listener"])
    width = max(4, len(str(len(names))))
    listeners = [f"L{code + 1:0{width}d}" for code in codes]
    return table.assign(listener=listeners)
