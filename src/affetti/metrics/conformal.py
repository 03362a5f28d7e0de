"""Typicality of a clip: how often a real song lies as far from the other real songs as this clip does.

A conformal p-value (Vovk, Gammerman & Shafer 2005). The score of non-conformity s is the distance to the 5th nearest
song: it needs no model of the features, and one stray version of a song does not decide it. For a clip x and n real
songs the scores are taken within the n + 1 songs together, so that x is a neighbour of the real songs as they are of
it; then all n + 1 could change places if x were real, and

    p(x) = (1 + Σⱼ share of the clips of song j with s ≥ s(x)) / (n + 1)

is, for a clip of a new real song, uniform on [1/(n + 1), 1]. That is exact for songs of one clip each; where songs
have several, each song still counts once, and the mean over its clips makes small values somewhat rarer. Of real clips
about 5 % lie below 0.05 then, if there are 20 songs or more: with fewer no clip can. What real clips show, each against
the other songs, stands beside it (``real_low``). Nothing is drawn at random.

It follows density: songs of a style that is rare among the real songs, or wide, lie far from others and are the least
typical; if there are many of them, little that is no music lies below them. It is no measure of quality: the mean of
all music, a copy of a training clip, and the dullest of songs are typical; a masterpiece need not be. Each p-value
stands for its clip alone: the least typical of a hundred real clips lies about at 0.01.

When not to use: where the real songs are others than those that the clips should resemble, or with features in which
what is wrong does not show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.pairs import distance_blocks, require_few_pairs
from affetti.metrics.sample import Codes, Floats, as_rows, require_same_features, song_codes

K = 5
"""The nearest song whose distance is the score."""
MIN_SONGS = 8
LOW = 0.05
"""Below which a clip is called atypical."""


@dataclass(frozen=True)
class Typicality:
    """Result of :func:`typicality`."""

    p: Floats
    """p-value of each synthetic clip ``[N]``, in [1/(n + 1), 1] for n real songs."""
    distance: Floats
    """Distance to its 5th nearest real song ``[N]``."""
    nearest: Codes
    """Nearest real clip ``[N]``."""
    songs: int
    """Real songs."""
    real_low: float
    """Share of real songs' clips below :data:`LOW`, each clip against the other songs; about 0.05."""

    @property
    def share_low(self) -> float:
        """Share of synthetic clips below :data:`LOW`."""
        return float((self.p < LOW).mean())


def typicality(real: ArrayLike, fake: ArrayLike, groups: ArrayLike | None = None) -> Typicality:
    """Conformal p-value of each synthetic clip against real songs.

    Args:
        real: rows of real clips ``[M, D]``, of songs that the generator was not trained on.
        fake: rows of synthetic clips ``[N, D]``; each is compared on its own, whatever the others are.
        groups: song ids of the rows of ``real``; without them every row is a song.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, fewer than 8 real songs, or more rows than
            can be paired.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> real = rng.normal(size=(99, 4))
        >>> typicality(real, [[0, 0, 0, 0], [9, 9, 9, 9]]).p
        array([0.98, 0.01])
    """
    rows, made = as_rows(real, "real"), as_rows(fake, "fake", at_least=1)
    require_same_features(rows, made, ("real", "fake"))
    song = song_codes(groups, len(rows), "groups")
    songs = int(song.max()) + 1
    if songs < MIN_SONGS:
        raise InputError(
            f"{songs} real songs are too few to say what is typical", where="real", hint=f"give {MIN_SONGS} or more"
        )
    require_few_pairs(max(len(rows), len(made)), len(rows), "real and fake")
    order = np.argsort(song, kind="stable")
    rows, song = rows[order], song[order]
    starts = np.flatnonzero(np.diff(song, prepend=-1))
    weight = 1 / np.bincount(song)[song]
    nearest = _Neighbours.of(rows, song, starts)
    values, distance, which = np.empty(len(made)), np.empty(len(made)), np.empty(len(made), dtype=np.intp)
    for here, apart in distance_blocks(made, rows):
        score = np.partition(np.minimum.reduceat(apart, starts, axis=1), K - 1, axis=1)[:, K - 1]
        atypical = nearest.scores(apart, None) >= score[:, None]
        values[here] = (1 + atypical @ weight) / (songs + 1)
        distance[here], which[here] = score, order[apart.argmin(axis=1)]
    real_low = nearest.real_low(rows, song, weight)
    return Typicality(np.minimum(values, 1.0), distance, which, songs, real_low)


@dataclass(frozen=True)
class _Neighbours:
    """The nearest other songs of each real clip, from the nearest on, one more than K."""

    away: Floats
    """Distances ``[M, K + 1]``."""
    which: Codes
    """Songs ``[M, K + 1]``."""

    @classmethod
    def of(cls, rows: Floats, song: Codes, starts: Codes) -> _Neighbours:
        away, which = np.empty((len(rows), K + 1)), np.empty((len(rows), K + 1), dtype=np.intp)
        for here, apart in distance_blocks(rows, rows):
            by_song = np.minimum.reduceat(apart, starts, axis=1)
            by_song[np.arange(len(by_song)), song[here]] = np.inf
            first = np.argpartition(by_song, K, axis=1)[:, : K + 1]
            order = np.take_along_axis(first, np.take_along_axis(by_song, first, axis=1).argsort(axis=1), axis=1)
            away[here], which[here] = np.take_along_axis(by_song, order, axis=1), order
        return cls(away, which)

    def scores(self, apart: Floats, left_out: int | None) -> Floats:
        """Distance of each real clip to the k-th of its nearest songs and a new clip, for each new clip ``[n, M]``.

        Args:
            apart: distances of the new clips to the real ones ``[n, M]``.
            left_out: a real song that is not there.
        """
        away = np.concatenate([np.zeros((len(self.away), 1)), self.away], axis=1)
        rows = np.arange(len(away))
        gone = np.zeros((len(away), K + 1), dtype=bool) if left_out is None else self.which == left_out
        # Numbers of the (k − 1)-th and the k-th song, counted from 1, once a song before them is left out.
        before = away[rows, K - 1 + gone[:, : K - 1].any(axis=1)]
        kth = away[rows, K + gone[:, :K].any(axis=1)]
        return np.minimum(kth, np.maximum(before, apart))

    def real_low(self, rows: Floats, song: Codes, weight: Floats) -> float:
        """Share of real clips below :data:`LOW`, each against all songs but its own; songs count once."""
        songs, low = int(song.max()) + 1, 0.0
        for one in range(songs):
            own = np.flatnonzero(song == one)
            others = np.flatnonzero(song != one)
            apart = np.concatenate([part for _, part in distance_blocks(rows[own], rows)])
            atypical = self.scores(apart, one)[:, others] >= self.away[own, K - 1, None]
            low += float((((1 + atypical @ weight[others]) / songs) < LOW) @ weight[own])
        return low / songs
