"""Bias and interval of a comparison of sets: the delete-a-group jackknife, the groups being blocks of songs.

A plug-in distance θ grows by about c/N where c depends on the sets (Chong & Forsyth 2020). With the songs of each set
dealt into G blocks, and θ₍₋g₎ the statistic without block g of that set,

    value    = θ − Σ_sets (G − 1) (mean θ₍₋g₎ − θ) ,
    variance = Σ_sets (G − 1)/G Σ_g (θ₍₋g₎ − mean θ₍₋g₎)²

(Quenouille 1956; Tukey 1958; Shao & Wu 1989). The first line removes the 1/N term, the second needs no assumption on
the distribution of θ; the interval is Student's with the smallest G − 1 degrees of freedom. Resampling songs *with*
replacement would add the bias a second time instead, and its percentile interval misses the truth
(``bench/intervals.py``).

*Value and floor* must not differ for the number of songs alone. The floor is measured between disjoint draws A and B of
n real songs each, n half of the real songs or all synthetic ones, whichever is less, and averaged over
:data:`N_SPLITS` splits. How the value is made comparable depends on the statistic (:data:`Sizes`):

- ``any``: its expectation does not depend on the number of songs (kernel distance). Value from all songs, floor from A
  and B.
- ``length``: between equal distributions it shrinks as √(1/N + 1/M) (distances of log-mels). Value from all N and M
  songs, not debiased; the floor of A and B is scaled to N and M by that rule.
- ``equal``: what is left of its bias depends on n, and differs where N ≠ M (Fréchet and sliced Wasserstein distances).
  Both rest on n songs, one clip of each: value = mean θ(A, C), floor = mean θ(A, B), C a draw of n synthetic songs. A
  block is left out of both sets at once, so that both stay of one size. The mean over draws uses every song, so its
  variance is that of one draw times n/N (a block's influence is 1/n in a draw and 1/N in the mean); of the factors of
  the two sets the larger is taken, which errs on the wide side where one is much larger.

A debiased value may lie below 0 where two distributions are equal; it is reported unclipped.

When not to use: for statistics that jump (a median, a nearest neighbour), or below some ten songs a side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student_t

from affetti.errors import InputError
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, Floats, Sample

MAX_BLOCKS = 30
"""Songs are dealt into at most this many blocks a set; more costs time and sharpens the interval little."""
N_SPLITS = 4
"""Splits of the real set by song over which value and floor are averaged; either half is the reference once."""
MIN_FLOOR_SONGS = 3
"""Songs a side below which no floor is given."""

Sizes = Literal["any", "length", "equal"]
"""How value and floor are brought to one number of songs."""
Blocks = Sequence[Codes]
"""Rows of each block of songs."""


@dataclass(frozen=True)
class LeftOut:
    """K statistics of some sets, whole and with blocks left out."""

    whole: Floats
    """``[K]``."""
    without: tuple[Floats, ...]
    """Without each block, ``[G, K]``: one array where a block is left out of all sets at once, else one a set."""


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
"""K statistics of a real and of a synthetic set, whole and without blocks."""


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
    sizes: Sizes = "any",
    splits: int = N_SPLITS,
) -> list[Result]:
    """K statistics between two sets, each with interval and floor.

    Args:
        statistic: which may rely on as many blocks in both sets where sizes are ``equal``.
        real: the real set.
        fake: the synthetic set.
        seed: of draws and blocks.
        debias: whether to remove the 1/N term; not for statistics that have none.
        names: of the two sets, for errors.
        sizes: how value and floor are brought to one number of songs.
        splits: over which the floor is averaged.

    Returns:
        Results whose floor is the same estimate with real songs in the place of synthetic ones; ``None`` below 6 real
        or 3 synthetic songs.

    Raises:
        InputError: fewer than 2 songs in a set, or rows of so few that none but one are left without a song.
    """
    rng = np.random.default_rng(seed)
    for sample, name in ((real, names[0]), (fake, names[1])):
        require_two_songs(sample.songs, name)
    n = min(real.songs // 2, fake.songs)
    split = n >= MIN_FLOOR_SONGS
    n = n if split else min(real.songs, fake.songs)
    times = 2 * splits if split else 1

    def drawn(sample: Sample, in_pairs: bool) -> list[Sample]:
        draws = dealt(sample.songs, n, times, rng, in_pairs=in_pairs)
        return [sample.one_clip_each(songs, rng) if sizes == "equal" else sample.of_songs(songs) for songs in draws]

    references = drawn(real, split)
    pairs = [(real, fake)] if sizes != "equal" else zip(references, drawn(fake, False), strict=True)
    estimates = [_estimated(statistic, a, c, rng, debias, names) for a, c in pairs]
    factor = max(n / real.songs, n / fake.songs, 1 / times) if sizes == "equal" else 1.0
    error = np.sqrt(factor * np.mean([part.error**2 for part in estimates], axis=0))
    estimated = Estimate(np.mean([part.value for part in estimates], axis=0), error, estimates[0].dof)
    floor: Floats | None = None
    if split:
        halves = zip(references[::2], references[1::2], strict=True)
        floor = np.mean([_estimated(statistic, a, b, rng, debias, names).value for a, b in halves], axis=0)
        if sizes == "length":
            floor *= np.sqrt((1 / real.songs + 1 / fake.songs) * n / 2)
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


def dealt(songs: int, n: int, times: int, rng: np.random.Generator, *, in_pairs: bool = False) -> list[Codes]:
    """``times`` draws of ``n`` of so many songs, about equally often each.

    With ``in_pairs`` the first and second draw are disjoint, so are the third and fourth, and so on.
    """
    count = songs // n
    if in_pairs:
        count -= count % 2
    draws: list[Codes] = []
    while len(draws) < times:
        order = rng.permutation(songs)
        draws += [order[start : start + n] for start in range(0, count * n, n)]
    return draws[:times]


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
