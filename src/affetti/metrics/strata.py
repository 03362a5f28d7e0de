"""A measure by quadrant or by genre, on equally many songs in each.

Distances depend on the number of songs, so that the stratum with fewest seems worst for that alone. Here every
stratum is measured on as many songs as the smallest has, drawn at random several times; the answer is the mean over the
draws of value, interval and floor. The mean interval is that of one draw, and so on the wide side.

A stratum with too few songs has no number but a reason. It does not count as the smallest either.

When not to use: to search many strata for one that differs without correcting for as many comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, song_codes

MIN_SONGS = 8
N_DRAWS = 5


@dataclass(frozen=True)
class Stratum:
    """A measure in one stratum, or why there is none."""

    result: Result | None
    reason: str | None
    """Why there is no result."""
    songs: tuple[int, ...]
    """Songs of each set in the stratum."""
    drawn: int
    """Songs of each set that the result rests on; 0 without one."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        result = None if self.result is None else self.result.to_dict()
        return {"result": result, "reason": self.reason, "songs": list(self.songs), "drawn": self.drawn}


def by_stratum(
    measure: Callable[[Sequence[Codes], int], Result],
    strata: Sequence[ArrayLike],
    groups: Sequence[ArrayLike | None] | None = None,
    fewest: int = MIN_SONGS,
    draws: int = N_DRAWS,
    seed: int = 0,
) -> dict[str, Stratum]:
    """``measure`` in each stratum, on as many songs of each set in all of them.

    For Fréchet distances by quadrant::

        by_stratum(
            lambda rows, seed: frechet(x[rows[0]], y[rows[1]], (songs[rows[0]], made[rows[1]]), seed),
            (quadrant(*labels.T), quadrant(*requests.T)),
            (songs, made),
        )

    Args:
        measure: given the rows of each set to use, and a seed, a result.
        strata: of each set the stratum of each row, such as ``emotion.quadrant`` gives, or a genre; rows whose stratum
            is empty text belong to none.
        groups: of each set the song id of each row; ``None`` where every row is a song.
        fewest: songs of a set in a stratum below which nothing is said.
        draws: random draws of songs.
        seed: of the draws; each measures with a seed of its own.

    Returns:
        For each stratum, in order of its name, the mean over draws, n rows of the last draw; or a reason.

    Raises:
        InputError: no set, no row in any stratum, song ids that do not fit, fewer than 2 songs requested or no draw,
            and whatever ``measure`` raises.
    """
    if fewest < 2 or draws < 1:
        raise InputError(
            f"{fewest} songs and {draws} draws", where="fewest, draws", hint="use at least 2 songs and 1 draw"
        )
    kinds = [np.asarray(stratum).astype(str) for stratum in strata]
    ids = [None] * len(kinds) if groups is None else groups
    songs = [_by_name(g, len(kind)) for kind, g in zip(kinds, ids, strict=True)]
    names = sorted({name for kind in kinds for name in np.unique(kind).tolist()} - {""})
    if not names:
        raise InputError("no row has a stratum", where="strata", hint="name the quadrant or genre of each row")
    here = {name: [np.unique(song[kind == name]) for song, kind in zip(songs, kinds, strict=True)] for name in names}
    counts = {name: tuple(map(len, sets)) for name, sets in here.items()}
    enough = [name for name in names if min(counts[name]) >= fewest]
    size = min((min(counts[name]) for name in enough), default=0)
    by_stratum: dict[str, Stratum] = {}
    for name in names:
        if name not in enough:
            reason = f"{min(counts[name])} songs are too few: at least {fewest} of each set are needed"
            by_stratum[name] = Stratum(None, reason, counts[name], 0)
            continue
        rng = np.random.default_rng([seed, names.index(name)])
        results: list[Result] = []
        for draw in range(draws):
            kept = [np.isin(song, rng.permutation(own)[:size]) for song, own in zip(songs, here[name], strict=True)]
            rows = [np.flatnonzero(keep & (kind == name)) for keep, kind in zip(kept, kinds, strict=True)]
            results.append(measure(rows, seed + draw))
        by_stratum[name] = Stratum(_mean(results, seed), None, counts[name], size)
    return by_stratum


def _by_name(groups: ArrayLike | None, n: int) -> Codes:
    """Song of each row, numbered in order of their ids, so that draws do not depend on the order of rows."""
    codes = song_codes(groups, n, "groups")
    return codes if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]


def _mean(results: Sequence[Result], seed: int) -> Result:
    cis = [result.ci for result in results if result.ci is not None]
    floors = [result.floor for result in results if result.floor is not None]
    ci = tuple(float(limit) for limit in np.mean(cis, axis=0)) if len(cis) == len(results) else None
    return Result(
        float(np.mean([result.value for result in results])),
        None if ci is None else (ci[0], ci[1]),
        float(np.mean(floors)) if len(floors) == len(results) else None,
        results[-1].n,
        seed,
    )
