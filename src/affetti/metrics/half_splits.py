"""Precision, recall, density, coverage (plain and clipped) and Vendi score, each with interval and floor.

These depend on how many clips there are, so real and synthetic sets are compared at one size: real songs are split at
random into halves A and B, half of the synthetic songs C is drawn, all three are cut down to as many clips, and

    value = measure(A, C) ,   floor = measure(A, B) ,   both averaged over the splits.

*The interval.* Neighbours change by jumps, and for statistics that jump the jackknife must leave out a large share of
the sample (Shao & Wu 1989). Each split leaves out half of the songs of either side; for a share of one half the
jackknife's variance is that of the statistic over the splits, no factor in between, and the interval is the mean ± 1.96
of their standard deviations, cut off at the measure's own bounds. Where one set is cut down to less than half the
interval is too wide rather than too narrow. The bootstrap will not do here: a row drawn twice has a ball of radius 0.

*Songs.* Clips of one song resemble each other. They do not count as each other's neighbours when the radius of a ball
is measured; with one clip a song this changes nothing, and the measures are those of ``neighbours``.

When not to use: below some 16 songs a side, where halves are too small to hold k neighbours that mean anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from affetti.errors import InputError
from affetti.metrics.diversity import vendi_score
from affetti.metrics.frechet_distances import require_variation
from affetti.metrics.nearest_neighbours import clipped_from_distances, kth_smallest, measures_from_distances
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, Floats, Sample, as_pair

N_SPLITS = 40
"""Random halves of the songs."""
MAX_CLIPS = 4_000
"""Clips a side that are used; of larger sets whole songs are drawn. Distances of all pairs are held in memory."""
MIN_SONGS = 4
MEASURES = ("precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage", "vendi")
BOUNDS = {"density": (0.0, np.inf), "vendi": (1.0, np.inf)}
"""Of the measures that are no shares."""


def by_halves(
    real: ArrayLike,
    fake: ArrayLike,
    groups: tuple[ArrayLike, ArrayLike] | None = None,
    k: int = 5,
    seed: int = 0,
) -> dict[str, Result]:
    """All seven measures with intervals and floors.

    Args:
        real: rows ``[N, D]``, centred: the Vendi score compares angles at the origin.
        fake: rows ``[M, D]``.
        groups: song ids of the rows of ``real`` and of ``fake``; without them every row is a song.
        k: neighbours; less where a half has fewer clips of other songs.
        seed: of the halves.

    Returns:
        For each of :data:`MEASURES` its mean over the splits, interval and floor, and n = rows of A and of C.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, fewer than 4 songs in a set, real rows that
            are all alike, or a row at the origin.
    """
    first, second = as_pair(real, fake, ("real", "fake"))
    rng = np.random.default_rng(seed)
    songs = (None, None) if groups is None else groups
    sets: list[Sample] = []
    for rows, own, name in ((first, songs[0], "real"), (second, songs[1], "fake")):
        sample = Sample.of(rows, own, f"groups of {name}")
        if sample.songs < MIN_SONGS:
            hint = f"give {MIN_SONGS} or more"
            raise InputError(f"{sample.songs} songs cannot be halved", where=name, hint=hint)
        sets.append(_drawn(sample, rng))
    require_variation(sets[0], "real")
    pairs = _Pairs(*sets)
    values: dict[str, list[tuple[float, float]]] = {name: [] for name in MEASURES}
    n = 0
    for _ in range(N_SPLITS):
        order, made = (rng.permutation(sample.songs) for sample in sets)
        half = len(order) // 2
        a, b = (sets[0].rows_of(part) for part in (order[:half], order[half : 2 * half]))
        c = sets[1].rows_of(made[: len(made) // 2])
        n = min(len(a), len(b), len(c))
        a, b, c = (np.sort(rng.permutation(rows)[:n]) for rows in (a, b, c))
        least = min(_fewest_others(sample.song[rows]) for sample, rows in ((sets[0], a), (sets[0], b), (sets[1], c)))
        if least < 1:
            raise InputError("a half holds clips of one song alone", where="groups", hint="give clips of more songs")
        value, floor = pairs.measured(a, c, min(k, least), fake=True), pairs.measured(a, b, min(k, least), fake=False)
        for name in MEASURES:
            values[name].append((value[name], floor[name]))
    return {name: _result(name, np.array(drawn), n, seed) for name, drawn in values.items()}


class _Pairs:
    """Distances of all pairs of two sets, and measures of any of their rows."""

    def __init__(self, real: Sample, fake: Sample) -> None:
        self.real, self.fake = real, fake
        self.real_real, self.fake_fake = _among(real), _among(fake)
        self.real_fake = _single(real.rows, fake.rows)
        # Between real songs both A and B are real: a pair of one song never meets, as the halves share none.

    def measured(self, a: Codes, b: Codes, k: int, *, fake: bool) -> dict[str, float]:
        """Measures of rows ``b`` of the synthetic set, or of the real one, against rows ``a`` of the real one."""
        other, between = (self.fake, self.real_fake) if fake else (self.real, self.real_real)
        own = self.real_real[np.ix_(a, a)]
        others = (self.fake_fake if fake else self.real_real)[np.ix_(b, b)]
        all_rows = slice(0, len(a))
        apart = [(all_rows, between[np.ix_(a, b)])]
        radius = kth_smallest(own, k)
        clipped = clipped_from_distances(apart, [(all_rows, own)], radius, len(b), k)
        return {
            **measures_from_distances(apart, radius, kth_smallest(others, k), k),
            "clipped_density": clipped["density"],
            "clipped_coverage": clipped["coverage"],
            "vendi": vendi_score(other.rows[b]),
        }


def _drawn(sample: Sample, rng: np.random.Generator) -> Sample:
    """Whole songs of at most :data:`MAX_CLIPS` rows in all (one song, if that alone has more)."""
    if len(sample.rows) <= MAX_CLIPS:
        return sample
    order = rng.permutation(sample.songs)
    rows = np.cumsum(np.bincount(sample.song)[order])
    return sample.of_songs(order[: max(MIN_SONGS, int(np.searchsorted(rows, MAX_CLIPS, side="right")))])


def _among(sample: Sample) -> Floats:
    """Distances within a set; of clips of one song ∞."""
    apart = _single(sample.rows, sample.rows)
    apart[sample.song[:, None] == sample.song] = np.inf
    return apart


def _single(x: Floats, y: Floats) -> Floats:
    """Distances in single precision, which halves their memory."""
    distances = np.empty((len(x), len(y)), dtype=np.float32)
    for start in range(0, len(x), 512):
        distances[start : start + 512] = cdist(x[start : start + 512], y)
    return distances  # type: ignore[return-value]


def _fewest_others(song: Codes) -> int:
    """Rows of other songs that the row with fewest of them has."""
    return len(song) - int(np.bincount(song).max())


def _result(name: str, drawn: Floats, n: int, seed: int) -> Result:
    (value, floor), spread = drawn.mean(axis=0), float(drawn[:, 0].std(ddof=1))
    low, high = BOUNDS.get(name, (0.0, 1.0))
    ci = max(low, float(value) - 1.96 * spread), min(high, float(value) + 1.96 * spread)
    return Result(float(value), ci, float(floor), (n, n), seed)
