"""Kernel distance: the unbiased squared maximum mean discrepancy with a Gaussian kernel.

    MMD² = mean k(xᵢ, xⱼ) + mean k(yᵢ, yⱼ) − 2 mean k(xᵢ, yⱼ) ,   k(a, b) = exp(−‖a − b‖²/2σ²)

(Gretton et al. 2012, eq. 3), within a set over pairs of *different songs*, so that clips of one song do not pose as
independent draws. σ is the median distance within the reference, as the text of KAD (Chung et al. 2025) has it, so that
two generators are measured with one ruler. Published KAD figures are 100 times this.

When not to use: to see *how* sets differ; σ sets the scale of comparison, and what differs at much smaller scales
goes unseen. Near equality of the distributions its estimate is not normal, and its interval a rough one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist

from affetti.errors import InputError
from affetti.metrics.jackknife import Blocks, LeftOut, Statistic, compare, require_two_songs
from affetti.metrics.pairs import distance_blocks, require_few_pairs
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, Sample, as_pair

MAX_BANDWIDTH_ROWS = 4_000
"""Rows of the reference that its median distance is taken over; of more, every second, third … in their own order."""

N_FLOOR_SPLITS = 24
"""Splits of the real set for the floor, whose noise would else hide small distances between few songs: over all splits
an unbiased floor is 0."""


def kernel_distance(x: ArrayLike, y: ArrayLike, groups: tuple[ArrayLike, ArrayLike] | None = None) -> float:
    """Unbiased squared maximum mean discrepancy.

    Args:
        x: reference rows ``[N, D]``.
        y: rows ``[M, D]`` to evaluate.
        groups: song ids of the rows of ``x`` and of ``y``; without them every row is a song.

    Returns:
        MMD², about 0 for equal distributions (then negative half the time), at most 2.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, fewer than 2 rows or 2 songs on a side, half
            of all pairs of ``x`` alike, or more rows than can be paired.
    """
    real, fake = _samples(x, y, groups)
    all_real, all_fake = ([np.arange(len(sample.rows))] for sample in (real, fake))
    xx, yy, xy = (table[:, 0, 0] for table in _tables(real, fake, all_real, all_fake, bandwidth(real)))
    return float(_discrepancy(xx, yy, xy))


def kernel(x: ArrayLike, y: ArrayLike, groups: tuple[ArrayLike, ArrayLike] | None = None, seed: int = 0) -> Result:
    """:func:`kernel_distance` with an interval and the floor of real data.

    Args:
        x: reference rows ``[N, D]``.
        y: rows ``[M, D]`` to evaluate.
        groups: song ids of the rows of ``x`` and of ``y``; without them every row is a song.
        seed: decides how songs are dealt into blocks and splits.

    Returns:
        value = ``kernel_distance(x, y, groups)``, ci by the jackknife over songs, floor between disjoint songs of ``x``
        (``None`` below 6), n = (N, M), seed.

    Raises:
        InputError: as :func:`kernel_distance`, or fewer than 3 songs on a side.
    """
    real, fake = _samples(x, y, groups)
    return compare(mmd_statistic(real, fake), real, fake, seed, debias=False, splits=N_FLOOR_SPLITS)[0]


def mmd_statistic(real: Sample, *fakes: Sample) -> Statistic:
    """MMD² of two sets and without each block of either, in the bandwidth of ``real``.

    Raises:
        InputError: fewer than 3 songs in a set, or half of all pairs of ``real`` alike.
    """
    for sample in (real, *fakes):
        if sample.songs < 3:
            raise InputError(
                "with one of 2 songs left out no pair of songs is left", where="groups", hint="give 3 songs or more"
            )
    sigma = bandwidth(real)

    def left_out(x: Sample, y: Sample, x_blocks: Blocks, y_blocks: Blocks) -> LeftOut:
        xx, yy, xy = _tables(x, y, x_blocks, y_blocks, sigma)
        total = [table.sum(axis=(1, 2)) for table in (xx, yy, xy)]
        # Without block g: all pairs less those of row g and column g of the table of blocks.
        own = [
            part[:, None] - table.sum(axis=1) - table.sum(axis=2) + table.diagonal(axis1=1, axis2=2)
            for part, table in zip(total, (xx, yy), strict=False)
        ]
        rest = [total[2][:, None] - xy.sum(axis=axis) for axis in (2, 1)]
        without_x = _discrepancy(own[0], total[1][:, None], rest[0])
        without_y = _discrepancy(total[0][:, None], own[1], rest[1])
        return LeftOut(np.array([_discrepancy(*total)]), (without_x[:, None], without_y[:, None]))

    return left_out


def bandwidth(reference: Sample) -> float:
    """σ: the median distance between rows of the reference.

    Raises:
        InputError: it is 0.
    """
    rows = reference.rows[:: -(-len(reference.rows) // MAX_BANDWIDTH_ROWS)]
    sigma = float(np.median(pdist(rows)))
    if sigma == 0.0:
        raise InputError("the median distance is 0", where="x", hint="remove repeated rows from the reference")
    return sigma


def _samples(x: ArrayLike, y: ArrayLike, groups: tuple[ArrayLike, ArrayLike] | None) -> tuple[Sample, Sample]:
    first, second = as_pair(x, y)
    most = max(len(first), len(second))
    require_few_pairs(most, most, "x and y")
    songs = (None, None) if groups is None else groups
    real, fake = Sample.of(first, songs[0], "groups of x"), Sample.of(second, songs[1], "groups of y")
    require_two_songs(real.songs, "x")
    require_two_songs(fake.songs, "y")
    return real, fake


def _discrepancy(xx: Floats, yy: Floats, xy: Floats) -> Floats:
    """MMD² from the sum and the number of kernels (axis 0) within and between the sets."""
    return xx[0] / xx[1] + yy[0] / yy[1] - 2 * xy[0] / xy[1]


def _tables(x: Sample, y: Sample, x_blocks: Blocks, y_blocks: Blocks, sigma: float) -> tuple[Floats, Floats, Floats]:
    """Sum and number of kernels between the blocks of x and x, y and y, x and y: ``[2, G, G]`` and so on."""
    pairs = ((x, x, x_blocks, x_blocks), (y, y, y_blocks, y_blocks), (x, y, x_blocks, y_blocks))
    xx, yy, xy = (_table(*pair, sigma) for pair in pairs)
    return xx, yy, xy


def _table(a: Sample, b: Sample, a_blocks: Blocks, b_blocks: Blocks, sigma: float) -> Floats:
    in_a, in_b = _membership(a, a_blocks), _membership(b, b_blocks)
    sums = np.zeros((2, len(a_blocks), len(b_blocks)))
    for here, squared in distance_blocks(a.rows, b.rows, power=2):
        apart = np.ones(squared.shape) if a is not b else (a.song[here, None] != b.song).astype(np.float64)
        for k, values in enumerate((np.exp(-squared / (2 * sigma**2)) * apart, apart)):
            sums[k] += in_a[here].T @ values @ in_b
    return sums


def _membership(sample: Sample, blocks: Blocks) -> Floats:
    """1 where a row is in a block, ``[N, G]``."""
    member = np.zeros((len(sample.rows), len(blocks)))
    for column, rows in enumerate(blocks):
        member[rows, column] = 1.0
    return member
