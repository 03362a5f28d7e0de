"""DEAM's tables beside the means: who plays what, and what each rater said.

``metadata_2013.csv`` has clean genres; names are wrapped in tabs. ``metadata_2014.csv`` joins genres by hyphens
(``SoulRB-Country-Folk``); up to 100 cells of Last.fm tags follow, of whatever song Last.fm took it for: not read. The
further genres of ``metadata_2015.csv`` lie in cells without a header. The raters' files name and order their columns
differently (``workerID, SongId, Valence, Arousal``; ``SongId, WorkerId, Arousal_Average, Valence_Average, …``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from affetti.corpus.loaders import genres, rows
from affetti.corpus.loaders.mediaeval import AXES, SCALE, Name, clean, only
from affetti.emotion import SCALES

METADATA = {
    "metadata_2013.csv": ("song_id", "artist", "songtitle", "genre"),
    "metadata_2014.csv": ("id", "artist", "track", "genre"),
    "metadata_2015.csv": ("id", "artist", "title", "genre"),
}
"""Normalised headers of number, artist, title and genre."""
RATINGS = ("static_annotations_songs_1_2000.csv", "static_annotations_songs_2000_2058.csv")


def names(found: Sequence[Path]) -> tuple[dict[int, Name], list[str]]:
    """What the songs are called, by number, out of the metadata that is here, and notes on what could not be read.

    Raises:
        InputError: a file is no table, or lacks a column.
    """
    called: dict[int, Name] = {}
    notes: list[str] = []
    for file, columns in METADATA.items():
        path = only(found, file)
        if path is None:
            continue
        broken: list[int] = []
        for row in rows.read(path, columns, ragged=True, errors="replace"):
            number, artist, title, genre = (row.get(column) for column in columns)
            if not number.isdecimal() or int(number) in called:
                broken.append(row.line)
                continue
            further = row.rest if file == "metadata_2015.csv" else ()
            called[int(number)] = Name(clean(artist), clean(title), genres.study(clean(genre), *further))
        if broken:
            notes.append(f"{len(broken)} lines of {file} have no song number of their own (first: line {broken[0]})")
    return called, notes


def ratings(found: Sequence[Path], songs: pd.Index) -> tuple[pd.DataFrame | None, list[str]]:
    """What each rater said of these songs: ``number, rater, valence, arousal`` on 1–9, and notes on what is left out.

    Raises:
        InputError: a file lacks a column, or a cell is no number; names the line. Empty cells are no ratings.
    """
    table: list[tuple[int, str, float, float]] = []
    notes: list[str] = []
    here = [path for path in (only(found, file) for file in RATINGS) if path is not None]
    for path in here:
        there = rows.read(path, ("songid",))[0].cells
        columns = [f"{axis}_average" if f"{axis}_average" in there else axis for axis in AXES]
        outside: list[int] = []
        for row in rows.read(path, ("songid", *columns)):
            number = int(row.number("songid", 1, whole=True))
            valence, arousal = (row.number(column, empty=float("nan")) for column in columns)
            if number not in songs or valence != valence or arousal != arousal:
                continue
            if not all(SCALES[SCALE].low <= value <= SCALES[SCALE].high for value in (valence, arousal)):
                outside.append(row.line)
                continue
            table.append((number, row.get("workerid"), valence, arousal))
        if outside:
            notes.append(
                f"{len(outside)} ratings of {path.name} lie outside {SCALE} (first: line {outside[0]}): left out"
            )
    if not here:
        return None, notes
    return pd.DataFrame(table, columns=pd.Index(["number", "rater", *AXES])), notes
