"""A sample: rows, and the songs they come from.

Clips of one song resemble each other, so they are not independent draws: everything that resamples (intervals, floors,
splits) deals in songs. Rows are put in an order of their own before anything random is drawn, hence a result depends
on the set and the seed and never on the order in which rows were given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetti.errors import InputError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

KEYS = 32
"""Columns by which rows are ordered."""


def as_rows(x: ArrayLike, name: str, at_least: int = 2) -> Floats:
    """``x`` as finite float64 rows ``[N, D]``.

    Raises:
        InputError: not a matrix, fewer than ``at_least`` rows, no column, or a value that is not finite.
    """
    array = np.asarray(x, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(
            f"shape {array.shape} is not [N, D]", where=name, hint="give one row a clip, one column a feature"
        )
    if len(array) < at_least:
        raise InputError(f"{len(array)} rows are too few", where=name, hint=f"give at least {at_least}")
    bad = ~np.isfinite(array)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"value {array[row, column]} at row {row}, column {column}", where=name, hint="remove that row or mend it"
        )
    return array + 0.0  # a copy in which -0.0 is 0.0


def as_pair(x: ArrayLike, y: ArrayLike, names: tuple[str, str] = ("x", "y")) -> tuple[Floats, Floats]:
    """Two sets of rows with the same features.

    Raises:
        InputError: as :func:`as_rows`, or the two differ in their number of columns.
    """
    first, second = as_rows(x, names[0]), as_rows(y, names[1])
    if first.shape[1] != second.shape[1]:
        raise InputError(
            f"{second.shape[1]} features against {first.shape[1]} of {names[0]}",
            where=names[1],
            hint="make both with the same embedder and front-end",
        )
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
        order = np.lexsort([rows.sum(axis=1), *rows[:, KEYS::-1].T])
        return cls(rows[order], song_codes(codes[order], len(rows), name))

    @property
    def songs(self) -> int:
        """Number of songs."""
        return int(self.song.max()) + 1

    def of_songs(self, songs: Codes) -> Sample:
        """The rows of these songs alone."""
        keep = np.isin(self.song, songs)
        return Sample(self.rows[keep], song_codes(self.song[keep], int(keep.sum()), "groups"))

    def blocks(self, count: int, rng: np.random.Generator) -> list[Codes]:
        """Rows of each of at most ``count`` blocks into which whole songs are dealt evenly at random."""
        deal = rng.permutation(self.songs) % min(count, self.songs)
        block = deal[self.song]
        return [np.flatnonzero(block == b) for b in range(int(deal.max()) + 1)]

    def one_of_each(self, songs: Codes, rng: np.random.Generator) -> Codes:
        """One row drawn at random from each of ``songs``."""
        shuffled = rng.permutation(len(self.song))
        _, first = np.unique(self.song[shuffled], return_index=True)
        return shuffled[first][songs]
