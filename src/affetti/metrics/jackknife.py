"""Bias and interval of a comparison of sets: the delete-a-group jackknife, the groups being blocks of songs.

A plug-in distance θ grows by about c/N where c depends on the sets (Chong & Forsyth 2020). With the songs of each set
dealt into G blocks, and θ₍₋g₎ the statistic without block g of that set,

    value    = θ − Σ_sets (G − 1) (mean θ₍₋g₎ − θ) ,
    variance = Σ_sets (G − 1)/G Σ_g (θ₍₋g₎ − mean θ₍₋g₎)²

(Quenouille 1956; Tukey 1958; Shao & Wu 1989). The first line removes the 1/N term, the second no assumption on the
distribution of θ; the interval is Student's with the smallest G − 1 degrees of freedom. Resampling songs *with*
replacement would add the bias a second time instead, and its percentile interval misses the truth
(``bench/intervals.py``).

A debiased value may lie below 0 where two distributions are equal; it is reported unclipped.

When not to use: for statistics that jump (a median, a nearest neighbour), or below some ten songs a side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

from affetti.errors import InputError
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, Floats, Sample

MAX_BLOCKS = 30
"""Songs are dealt into at most this many blocks a set; more costs time and sharpens the interval little."""
N_FLOOR_SPLITS = 4
"""Splits of the real set by song over which the floor is averaged."""
MIN_FLOOR_SONGS = 3
"""Songs a side below which no floor is given."""

Blocks = Sequence[Codes]
"""Rows of each block of songs."""


@dataclass(frozen=True)
class LeftOut:
    """K statistics of some sets: ``whole [K]``, and for each set those without each of its blocks, ``[G, K]``."""

    whole: Floats
    without: tuple[Floats, ...]


@dataclass(frozen=True)
class Estimate:
    """K statistics without their bias ``[K]``, their standard errors ``[K]`` and degrees of freedom."""

    value: Floats
    error: Floats
    dof: int

    @property
    def ci(self) -> Floats:
        """95 % intervals, ``[K, 2]``."""
        reach = float(student_t.ppf(0.975, self.dof)) * self.error
        return np.stack([self.value - reach, self.value + reach], axis=1)


Statistic = Callable[[Sample, Sample, Blocks, Blocks], LeftOut]
"""K statistics of a real and of a synthetic set, whole and without each block of either."""


def estimate(left_out: LeftOut, debias: bool = True) -> Estimate:
    """Value and standard error from what is left when blocks are left out.

    Args:
        left_out: the statistics.
        debias: whether to remove the 1/N term; not for statistics that have none.
    """
    value, variance = left_out.whole.copy(), np.zeros_like(left_out.whole)
    for without in left_out.without:
        count, mean = len(without), without.mean(axis=0)
        if debias:
            value -= (count - 1) * (mean - left_out.whole)
        variance += (count - 1) / count * ((without - mean) ** 2).sum(axis=0)
    return Estimate(value, np.sqrt(variance), min(map(len, left_out.without)) - 1)


def compare(
    statistic: Statistic,
    real: Sample,
    fake: Sample,
    seed: int,
    debias: bool = True,
    names: tuple[str, str] = ("x", "y"),
) -> list[Result]:
    """K statistics between two sets, each with interval and floor.

    The floor is the same estimate with real songs in the place of synthetic ones: as many as there are of these, or
    half of the real ones, against the rest of the real ones, averaged over :data:`N_FLOOR_SPLITS` random splits.

    Raises:
        InputError: fewer than 2 songs in a set, or rows of so few that none but one are left without a song.
    """
    rng = np.random.default_rng(seed)
    estimated = _estimated(statistic, real, fake, rng, debias, names)
    floors: list[Floats] = []
    each = min(fake.songs, real.songs // 2)
    if each >= MIN_FLOOR_SONGS:
        for _ in range(N_FLOOR_SPLITS):
            order = rng.permutation(real.songs)
            rest, posing = real.of_songs(order[each:]), real.of_songs(order[:each])
            floors.append(_estimated(statistic, rest, posing, rng, debias, names).value)
    floor = np.mean(floors, axis=0) if floors else None
    return [
        Result(
            float(value),
            (float(low), float(high)),
            None if floor is None else float(floor[k]),
            (len(real.rows), len(fake.rows)),
            seed,
        )
        for k, (value, (low, high)) in enumerate(zip(estimated.value, estimated.ci, strict=True))
    ]


def song_blocks(sample: Sample, rng: np.random.Generator, name: str) -> Blocks:
    """Rows of at most :data:`MAX_BLOCKS` blocks of songs, any of which can be left out.

    Raises:
        InputError: fewer than 2 songs, or fewer than 2 rows left when one block is gone.
    """
    require_two_songs(sample.songs, name)
    blocks = sample.blocks(MAX_BLOCKS, rng)
    if len(sample.rows) - max(map(len, blocks)) < 2:
        raise InputError(
            f"{len(sample.rows)} rows leave fewer than 2 with a song left out", where=name, hint="add rows"
        )
    return blocks


def require_two_songs(songs: int, name: str) -> None:
    """Whether there are two songs or more.

    Raises:
        InputError: there are not.
    """
    if songs < 2:
        raise InputError(
            "one song alone does not describe a set", where=f"groups of {name}", hint="give clips of 2 songs or more"
        )


def _estimated(
    statistic: Statistic, x: Sample, y: Sample, rng: np.random.Generator, debias: bool, names: tuple[str, str]
) -> Estimate:
    return estimate(statistic(x, y, song_blocks(x, rng, names[0]), song_blocks(y, rng, names[1])), debias)
