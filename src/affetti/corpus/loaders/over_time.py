"""Ratings over time: wide tables of one row a song and one column a moment, ``sample_15000ms`` and so on.

DEAM and emoMusic average their raters' curves at 2 Hz, from 15 s into the clip (before, ratings are not stable), on
[-1, 1]. Rows of shorter songs are padded: empty cells and NaN are no ratings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from affetti.corpus.loaders.mediaeval import AXES, song
from affetti.corpus.loaders.rows import AGAIN, normalised
from affetti.errors import InputError

MOMENT = re.compile(r"sample_(\d+)ms")


@dataclass(frozen=True)
class OverTime:
    """Averaged curves of songs."""

    table: pd.DataFrame
    """Columns ``number, time, valence, arousal``: seconds into the clip, values in [-1, 1]; one row a rated moment."""
    outside: int
    """How many moments were left out because a value lies outside [-1, 1]."""

    def means(self) -> pd.DataFrame:
        """Mean valence and arousal of each song, by number."""
        return self.table.groupby("number")[AXES].mean()

    def filed(self) -> pd.DataFrame:
        """The table with ids of songs instead of numbers, as it is filed in a corpus."""
        numbers, at = np.unique(self.table["number"].to_numpy(), return_inverse=True)
        ids = np.array([song(number) for number in numbers.tolist()], dtype=object)
        return self.table.drop(columns="number").assign(song_id=ids[at])[["song_id", "time", *AXES]]


def read(valence: Path, arousal: Path, songs: pd.Index) -> OverTime:
    """Read the curves of these songs.

    Args:
        valence: the table of valence.
        arousal: the table of arousal.
        songs: numbers of the songs wanted.

    Raises:
        InputError: a table lacks ``song_id`` or moments, a song occurs twice, or a cell is no number; names the line.
    """
    v, a = _wide(valence), _wide(arousal)
    numbers = v.index.intersection(a.index).intersection(songs)
    times = v.columns.intersection(a.columns)
    values = np.stack([v.loc[numbers, times].to_numpy(float), a.loc[numbers, times].to_numpy(float)])
    known = np.isfinite(values).all(axis=0)
    inside = known & (np.abs(values) <= 1.0).all(axis=0)
    row, column = np.nonzero(inside)
    table = pd.DataFrame(
        {
            "number": numbers.to_numpy(int)[row],
            "time": times.to_numpy(float)[column],
            "valence": values[0][inside],
            "arousal": values[1][inside],
        }
    )
    return OverTime(table, int((known & ~inside).sum()))


def _wide(path: Path) -> pd.DataFrame:
    """Values by song number and second."""
    try:
        # Blank lines are kept, so that the row tells the line.
        table = pd.read_csv(
            path, skipinitialspace=True, encoding="utf-8-sig", index_col=False, skip_blank_lines=False, low_memory=False
        )
    except (ValueError, OSError) as error:
        raise InputError(f"not a CSV table ({error})", where=path, hint=AGAIN) from error
    table.columns = [normalised(str(column)) for column in table.columns]
    moments = {column: int(match[1]) / 1000 for column in table.columns if (match := MOMENT.fullmatch(column))}
    if "song_id" not in table.columns or not moments:
        found = ", ".join(table.columns[:3])
        raise InputError(f"column 'song_id' or 'sample_15000ms' is missing (found: {found} …)", where=path, hint=AGAIN)
    table = table[["song_id", *moments]].dropna(how="all")
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            numbers = pd.to_numeric(table[column], errors="coerce")
            _refuse(table[column], numbers.isna() & table[column].notna(), "is not a number", path)
    songs = table["song_id"]
    _refuse(songs, songs.isna() | (songs % 1 != 0), "is no song number", path)
    _refuse(songs, songs.duplicated(), "occurs twice", path)
    return table.set_index(table["song_id"].astype(int)).drop(columns="song_id").rename(columns=moments)


def _refuse(cells: pd.Series, wrong: pd.Series, why: str, path: Path) -> None:
    if wrong.any():
        row = int(wrong.idxmax())
        raise InputError(f"line {row + 2}: {cells.name} {cells[row]} {why}", where=path, hint=AGAIN)
