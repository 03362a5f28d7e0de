"""Ratings over time: wide tables with one row per song and one column per moment, ``sample_15000ms`` and so on.

DEAM and emoMusic average their raters' curves at 2 Hz, from 15 s into the clip (before, ratings are not stable), on
[-1, 1]. Rows of shorter songs are padded: empty cells and NaN are not ratings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti import tables
from affetti.corpus.audit import against_dynamic
from affetti.corpus.loaders import tree
from affetti.corpus.loaders.mediaeval import SCALE, Means, Songs, averaged, song
from affetti.corpus.track import Check
from affetti.emotion import SCALES
from affetti.errors import InputError

MOMENT = re.compile(r"sample_(\d+)ms")


@dataclass(frozen=True)
class OverTime:
    """Averaged curves of songs: one entry per rated moment."""

    numbers: NDArray[np.int_]
    """Song number ``[R]``."""
    times: NDArray[np.float64]
    """Seconds into the clip ``[R]``."""
    pairs: NDArray[np.float64]
    """Valence and arousal ``[R, 2]`` in [-1, 1]."""
    outside: int
    """How many moments were left out because a value is outside [-1, 1]."""

    def means(self) -> Means:
        """Means over time by song."""
        return averaged(self.numbers, self.pairs)

    def table(self) -> pd.DataFrame:
        """One row per moment, as the corpus stores it in ``dynamic.parquet``."""
        valence, arousal = self.pairs.T
        ids = [song(number) for number in self.numbers.tolist()]
        return pd.DataFrame({"song_id": ids, "time": self.times, "valence": valence, "arousal": arousal})

    def notes(self) -> list[str]:
        """A note on what was left out."""
        return [f"{self.outside} dynamic annotations lie outside [-1, 1] and are left out"] if self.outside else []

    def check(self, songs: Songs) -> Check:
        """Compare labels with the means over time."""
        return against_dynamic(SCALES[SCALE].to_unit(songs.pairs), self.means().at(songs.numbers))


def read(paths: Sequence[Path], files: tuple[str, str], songs: Songs) -> OverTime | None:
    """The curves of these songs; None where a table is absent or has none of them.

    Args:
        paths: files of the data set.
        files: names of the tables of valence and of arousal.
        songs: the songs whose curves are returned.

    Raises:
        InputError: a table lacks ``song_id`` or moments, an id is missing or occurs twice, a cell is not a number
            (names the line), or none lies in [-1, 1].
    """
    valence, arousal = (tree.only(paths, name) for name in files)
    if valence is None or arousal is None:
        return None
    v, a = _curves(valence, songs), _curves(arousal, songs)
    entries = [(*key, v[key], a[key]) for key in v if key in a]
    if not entries:
        return None
    numbers, times, *axes = np.array(entries).T
    inside = (np.abs(axes) <= 1.0).all(axis=0)
    if not inside.any():
        raise InputError("no value lies in [-1, 1]", where=valence, hint=tables.AGAIN)
    kept = np.stack(axes, axis=1)[inside]
    return OverTime(numbers[inside].astype(int), times[inside], kept, int((~inside).sum()))


def _curves(path: Path, songs: Songs) -> dict[tuple[int, float], float]:
    """Values by song number and second."""
    lines = tables.read(path, ("song_id",), ragged=True)
    widest = max(lines, key=lambda row: len(row.cells)).cells
    seconds = {column: int(match[1]) / 1000 for column in widest if (match := MOMENT.fullmatch(column))}
    if not seconds:
        present = ", ".join(list(widest)[:3])
        raise InputError(
            f"there is no column like 'sample_15000ms' (columns: {present})", where=path, hint=tables.AGAIN
        )
    requested = set(songs.numbers.tolist())
    curves: dict[tuple[int, float], float] = {}
    for number, row in tables.numbered(lines, "song_id").items():
        if number not in requested:
            continue
        for column, text in row.cells.items():
            if text and column in seconds:
                value = _number(row, column, text)
                if value == value:  # NaN is padding
                    curves[number, seconds[column]] = value
    return curves


def _number(row: tables.Row, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise row.wrong(f"{column} {text!r} is not a number", tables.AGAIN) from None
