"""DEAM's tables besides the means: artists, titles and genres, and ratings by rater.

``metadata_2013.csv`` has clean genres; names are wrapped in tabs. ``metadata_2014.csv`` joins genres by hyphens
(``SoulRB-Country-Folk``); up to 100 cells of Last.fm tags follow, often of another song: they are not read. The
further genres of ``metadata_2015.csv`` are in cells beyond the header. The raters' files name and order their columns
differently (``workerID, SongId, Valence, Arousal``; ``SongId, WorkerId, Arousal_Average, Valence_Average, …``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti import tables
from affetti.corpus.loaders import genres, tree
from affetti.corpus.loaders.mediaeval import SCALE, Means, Name, Songs, averaged, clean, song
from affetti.emotion import AXES, SCALES

METADATA = {
    "metadata_2013.csv": (range(1, 1001), ("song_id", "artist", "songtitle", "genre")),
    "metadata_2014.csv": (range(1001, 2001), ("id", "artist", "track", "genre")),
    "metadata_2015.csv": (range(2001, 2059), ("id", "artist", "title", "genre")),
}
"""Ids, and normalised headers of id, artist, title and genre."""
RATINGS = ("static_annotations_songs_1_2000.csv", "static_annotations_songs_2000_2058.csv")


@dataclass(frozen=True)
class Ratings:
    """Ratings of each song by each rater, on 1–9."""

    numbers: NDArray[np.int_]
    """Song number ``[R]``."""
    raters: tuple[str, ...]
    pairs: NDArray[np.float64]
    """Valence and arousal ``[R, 2]``."""

    def means(self) -> Means:
        """Means over raters by song."""
        return averaged(self.numbers, self.pairs)

    def crossed(self, which: NDArray[np.bool_]) -> Ratings:
        """A copy with valence and arousal of some entries exchanged."""
        return replace(self, pairs=np.where(which[:, None], self.pairs[:, ::-1], self.pairs))

    def table(self) -> pd.DataFrame:
        """One row per rating, as the corpus stores it in ``ratings.parquet``."""
        ids = [song(number) for number in self.numbers.tolist()]
        valence, arousal = self.pairs.T
        return pd.DataFrame({"song_id": ids, "rater": self.raters, "valence": valence, "arousal": arousal})


def names(paths: Sequence[Path], songs: Songs) -> tuple[dict[int, Name], list[str]]:
    """Artist, title and genre by song number, and notes on metadata that is absent or unreadable.

    Raises:
        InputError: a file is not a table, or lacks a column.
    """
    called: dict[int, Name] = {}
    notes: list[str] = []
    for file, (ids, columns) in METADATA.items():
        path = tree.only(paths, file)
        if path is None:
            if np.isin(songs.numbers, ids).any():
                notes.append(f"no {file}: artists and genres of ids {ids[0]} to {ids[-1]} are unknown")
            continue
        broken: list[int] = []
        for row in tables.read(path, columns, ragged=True, errors="replace"):
            number, artist, title, genre = (row.get(column) for column in columns)
            if not number.isdecimal() or int(number) in called:
                broken.append(row.line)
                continue
            further = row.rest if file == "metadata_2015.csv" else ()
            published = "|".join(name for name in map(clean, (genre, *further)) if name)
            called[int(number)] = Name(clean(artist), clean(title), genres.study(clean(genre), *further), published)
        if broken:
            notes.append(f"{len(broken)} lines of {file} have no song number of their own (first: line {broken[0]})")
    return called, notes


def ratings(paths: Sequence[Path], songs: Songs) -> tuple[Ratings | None, list[str]]:
    """Ratings by rater of these songs (None without such a file), and notes on what is left out.

    Raises:
        InputError: a file lacks a column, or a cell is not a number; names the line. Empty cells are not ratings.
    """
    requested = set(songs.numbers.tolist())
    bounds = SCALES[SCALE]
    entries: list[tuple[int, str, float, float]] = []
    notes: list[str] = []
    for path in filter(None, (tree.only(paths, file) for file in RATINGS)):
        there = tables.read(path, ("songid",))[0].cells
        columns = [f"{axis}_average" if f"{axis}_average" in there else axis for axis in AXES]
        outside: list[int] = []
        for row in tables.read(path, ("songid", *columns)):
            number = int(row.number("songid", 1, whole=True))
            if number not in requested or not all(row[column] for column in columns):
                continue
            valence, arousal = (row.number(column) for column in columns)
            if bounds.low <= min(valence, arousal) and max(valence, arousal) <= bounds.high:
                entries.append((number, row.get("workerid"), valence, arousal))
            else:
                outside.append(row.line)
        if outside:
            left = f"{len(outside)} ratings of {path.name} lie outside {SCALE} and are left out"
            notes.append(f"{left} (first: line {outside[0]})")
    if not entries:
        return None, notes
    numbers, raters, valences, arousals = zip(*entries, strict=True)
    return Ratings(np.array(numbers), raters, np.array([valences, arousals]).T), notes
