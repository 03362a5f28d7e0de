"""A sample: rows, and the songs they come from.

Clips of one song resemble each other, so they are not independent draws: everything that resamples (intervals, floors,
splits) deals in songs. Rows are put in an order of their own before anything random is drawn, hence a result depends
on the set and the seed and never on the order in which rows were given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetti.errors import InputError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

SORT_COLUMNS = 32
"""Columns by which rows are ordered."""
CHUNK_VALUES = 1 << 23
"""Numbers converted at a time."""


def as_matrix(x: ArrayLike, name: str, at_least: int = 2) -> NDArray[Any]:
    """``x`` as it is stored, ``[N, D]`` of numbers; nothing is converted or, from a memory map, read.

    Raises:
        InputError: not a matrix of real numbers, fewer than ``at_least`` rows, or no column.
    """
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError("rows of unequal length", where=name, hint="give as many features in each row") from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"values of type {array.dtype}", where=name, hint="give real numbers")
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(
            f"shape {array.shape} is not [N, D]", where=name, hint="give one row a clip, one column a feature"
        )
    if len(array) < at_least:
        raise InputError(f"{len(array)} rows are too few", where=name, hint=f"give at least {at_least}")
    return array


def in_chunks(array: NDArray[Any], name: str) -> Iterator[Floats]:
    """A matrix as float64, some rows at a time, so that a memory-mapped set of any length is never held whole.

    Raises:
        InputError: a value is not finite.
    """
    rows = max(1, CHUNK_VALUES // array.shape[1])
    for start in range(0, len(array), rows):
        chunk = np.asarray(array[start : start + rows], dtype=np.float64) + 0.0  # a copy in which -0.0 is 0.0
        bad = ~np.isfinite(chunk)
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            raise InputError(
                f"value {chunk[row, column]} at row {start + row}, column {column}",
                where=name,
                hint="remove or correct that row",
            )
        yield chunk


def as_rows(x: ArrayLike, name: str, at_least: int = 2) -> Floats:
    """``x`` as finite float64 rows ``[N, D]``, copied.

    Raises:
        InputError: as :func:`as_matrix`, or a value that is not finite.
    """
    array = as_matrix(x, name, at_least)
    rows = np.empty(array.shape)
    start = 0
    for chunk in in_chunks(array, name):
        rows[start : start + len(chunk)] = chunk
        start += len(chunk)
    return rows


def require_same_features(x: NDArray[Any], y: NDArray[Any], names: tuple[str, str]) -> None:
    """Whether two matrices have the same features.

    Raises:
        InputError: they differ in their number of columns.
    """
    if x.shape[1] != y.shape[1]:
        raise InputError(
            f"{y.shape[1]} features against {x.shape[1]} of {names[0]}",
            where=names[1],
            hint="make both with the same embedder and front-end",
        )


def as_pair(x: ArrayLike, y: ArrayLike, names: tuple[str, str] = ("x", "y")) -> tuple[Floats, Floats]:
    """Two sets of rows with the same features.

    Raises:
        InputError: as :func:`as_rows` and :func:`require_same_features`.
    """
    first, second = as_rows(x, names[0]), as_rows(y, names[1])
    require_same_features(first, second, names)
    return first, second


def song_codes(groups: ArrayLike | None, n: int, name: str) -> Codes:
    """Song of each of ``n`` rows, numbered from 0 in order of appearance; without ``groups`` each row is a song.

    Raises:
        InputError: ``groups`` does not name one song a row.
    """
    if groups is None:
        return np.arange(n)
    ids = np.asarray(groups)
    if ids.shape != (n,):
        raise InputError(f"{ids.shape} song ids for {n} rows", where=name, hint="give one song id a row")
    _, first, codes = np.unique(ids, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[codes]


@dataclass(frozen=True)
class Sample:
    """Rows ``[N, D]`` in their own order, and the song ``[N]`` of each, numbered from 0."""

    rows: Floats
    song: Codes

    @classmethod
    def of(cls, rows: Floats, groups: ArrayLike | None, name: str) -> Sample:
        """Order ``rows`` by their values, and number their songs in that order."""
        codes = song_codes(groups, len(rows), name)
        # Column 0 decides, then column 1 and so on; the sum stands in for all columns past the first few.
        order = np.lexsort([rows.sum(axis=1), *rows[:, SORT_COLUMNS::-1].T])
        return cls(rows[order], song_codes(codes[order], len(rows), name))

    @property
    def songs(self) -> int:
        """Number of songs."""
        return int(self.song.max()) + 1

    def rows_of(self, songs: Codes) -> Codes:
        """Which rows are of these songs."""
        return np.flatnonzero(np.isin(self.song, songs))

    def all_but(self, rows: Codes) -> Codes:
        """Which rows are none of these."""
        return np.delete(np.arange(len(self.rows)), rows)

    def of_songs(self, songs: Codes) -> Sample:
        """The rows of these songs alone."""
        keep = self.rows_of(songs)
        return Sample(self.rows[keep], song_codes(self.song[keep], len(keep), "groups"))

    def blocks(self, count: int, rng: np.random.Generator) -> list[Codes]:
        """Rows of each of at most ``count`` blocks into which whole songs are dealt evenly at random."""
        deal = rng.permutation(self.songs) % min(count, self.songs)
        block = deal[self.song]
        return [np.flatnonzero(block == b) for b in range(int(deal.max()) + 1)]

    def one_clip_each(self, songs: Codes, rng: np.random.Generator) -> Sample:
        """One row drawn at random from each of ``songs``, as a set in which every row is a song."""
        return Sample(self.rows[self.one_of_each(songs, rng)], np.arange(len(songs)))

    def one_of_each(self, songs: Codes, rng: np.random.Generator) -> Codes:
        """One row drawn at random from each of ``songs``."""
        shuffled = rng.permutation(len(self.song))
        _, first = np.unique(self.song[shuffled], return_index=True)
        return shuffled[first][songs]
