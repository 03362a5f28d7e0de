"""Ratings as arrays: the tidy table of a study or of an import, one scale at a time.

A tidy table has the columns ``listener``, ``clip``, ``system``, ``scale`` and ``rating``, and may have ``condition``
(the request; without it every clip is its own), ``trial``, ``purpose`` (``main``, ``repeat`` or ``attention``) and
``against`` (the other system, of pairs and triangles).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.errors import InputError

REQUIRED = ("listener", "clip", "system", "scale", "rating")
Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class ScaleRatings:
    """Ratings on one scale, as arrays ``[N]``; codes count from 0 in the order of the names."""

    scale: str
    rating: Floats
    listener: Codes
    clip: Codes
    condition: Codes
    system: Codes
    listeners: tuple[str, ...]
    clips: tuple[str, ...]
    conditions: tuple[str, ...]
    systems: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rating)

    def rows(self, chosen: NDArray[np.bool_] | Codes) -> ScaleRatings:
        """Some of the rows; names and codes stay."""
        return ScaleRatings(
            self.scale,
            self.rating[chosen],
            self.listener[chosen],
            self.clip[chosen],
            self.condition[chosen],
            self.system[chosen],
            self.listeners,
            self.clips,
            self.conditions,
            self.systems,
        )

    def matrix(self) -> Floats:
        """Mean rating by clip and listener ``[clips, listeners]``, NaN where there is none."""
        shape = (len(self.clips), len(self.listeners))
        cell = self.clip * shape[1] + self.listener
        count = np.bincount(cell, minlength=shape[0] * shape[1])
        total = np.bincount(cell, self.rating, minlength=shape[0] * shape[1])
        with np.errstate(invalid="ignore"):
            return (total / np.where(count, count, np.nan)).reshape(shape)


@dataclass(frozen=True)
class RatingTable:
    """A checked tidy table."""

    table: pd.DataFrame

    @classmethod
    def of(cls, table: pd.DataFrame, where: str = "ratings") -> RatingTable:
        """Check a tidy table and fill in its optional columns.

        Raises:
            InputError: a column is missing, there are no rows, a rating is not a number, a clip belongs to two systems,
                or a listener rated a clip twice in one trial.
        """
        for column in REQUIRED:
            if column not in table.columns:
                raise InputError(f"column {column!r} is missing", where=where, hint=f"give {', '.join(REQUIRED)}")
        if not len(table):
            raise InputError("holds no ratings", where=where, hint="wait for answers, or give another table")
        filled = table.copy()
        defaults: dict[str, Any] = {"condition": filled["clip"], "trial": 0, "purpose": "main", "against": ""}
        for name, value in defaults.items():
            if name not in filled.columns:
                filled[name] = value
        for name in ("listener", "clip", "system", "scale", "condition", "purpose", "against"):
            filled[name] = filled[name].astype(str)
        ratings = pd.to_numeric(filled["rating"], errors="coerce").to_numpy(dtype=float)
        bad = np.flatnonzero(~np.isfinite(ratings))
        if len(bad):
            row = filled.iloc[int(bad[0])]
            what = f"rating {table['rating'].iloc[int(bad[0])]!r} of {row['listener']}, {row['clip']} is not a number"
            raise InputError(what, where=where, hint="correct it, or remove the row")
        filled["rating"] = ratings
        _check_keys(filled, where)
        return cls(filled.reset_index(drop=True))

    @property
    def scales(self) -> tuple[str, ...]:
        """Scales of the main trials, in the order of the table."""
        return tuple(dict.fromkeys(self.main["scale"]))

    @property
    def main(self) -> pd.DataFrame:
        """Rows of main trials."""
        return self.table[self.table["purpose"] == "main"]

    def scale(self, name: str) -> ScaleRatings:
        """The main ratings on one scale.

        Raises:
            InputError: there are none.
        """
        rows = self.main[self.main["scale"] == name]
        if not len(rows):
            raise InputError(f"no ratings on {name}", where="scale", hint=f"choose from {', '.join(self.scales)}")
        listener, listeners = _codes(rows["listener"])
        clip, clips = _codes(rows["clip"])
        condition, conditions = _codes(rows["condition"])
        system, systems = _codes(rows["system"])
        rating = rows["rating"].to_numpy(dtype=float)
        return ScaleRatings(name, rating, listener, clip, condition, system, listeners, clips, conditions, systems)

    def without(self, listeners: Sequence[str]) -> RatingTable:
        """The table without some listeners."""
        return RatingTable(self.table[~self.table["listener"].isin(list(listeners))].reset_index(drop=True))


def _check_keys(table: pd.DataFrame, where: str) -> None:
    for column in ("listener", "clip", "system", "scale"):
        if (table[column].str.strip() == "").any():
            row = int(np.flatnonzero((table[column].str.strip() == "").to_numpy())[0]) + 1
            raise InputError(f"row {row} has no {column}", where=where, hint="fill it in, or remove the row")
    systems = table.groupby("clip")["system"].nunique()
    if (systems > 1).any():
        clip = str(systems.index[int(np.flatnonzero((systems > 1).to_numpy())[0])])
        raise InputError(f"clip {clip} belongs to {systems[clip]} systems", where=where, hint="give each clip one")
    main = table[table["purpose"] == "main"]
    if not len(main):
        raise InputError("holds no answers to main trials", where=where, hint="wait for answers")
    twice = main.duplicated(["listener", "clip", "scale", "against"])
    if twice.any():
        row = main[twice].iloc[0]
        what = f"{row['listener']} rated {row['clip']} on {row['scale']} twice"
        raise InputError(what, where=where, hint="keep the first, or mark repeats in a column purpose")


def _codes(column: pd.Series) -> tuple[Codes, tuple[str, ...]]:
    """Codes in the order of first appearance."""
    codes, names = pd.factorize(column)
    return np.asarray(codes, dtype=np.intp), tuple(map(str, names))
