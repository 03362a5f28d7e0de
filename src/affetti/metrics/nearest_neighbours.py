"""Precision, recall, density and coverage: what k-nearest-neighbour balls of two sets hold of each other.

r_k(x) is the distance from a row to its k-th nearest neighbour in its own set, itself left out; the ball around it is a
guess at where its set has support. :func:`precision_recall_density_coverage` takes the balls as they are (Naeem et al.
2020), :func:`clipped_density_coverage` limits what one outlier can do to them and calibrates the answer (Salvy, Talbot
& Thirion, ICLR 2026, arXiv 2507.01761).

When not to use: on several clips of each song, which are each other's nearest neighbours and make balls too small (give
one clip a song), or with resampling *with* replacement, where a row drawn twice has a ball of radius 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import betabinom

from affetti.errors import InputError
from affetti.metrics.pairs import distance_blocks, require_few_pairs
from affetti.metrics.sample import Floats, as_pair

DistanceBlocks = Iterable[tuple[slice, Floats]]
"""Distances from some rows of one set at a time to all of another."""


def precision_recall_density_coverage(real: ArrayLike, fake: ArrayLike, k: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage (Naeem et al. 2020, eqs. 1, 3, 5).

    r_k(x) is the distance from x to its k-th nearest neighbour in its own set, itself left out. Precision: share of
    fakes inside some real ball; recall: share of reals inside some fake ball; density: real balls around a fake, over
    k; coverage: share of real balls that hold a fake. A point on the rim is outside (strict <).

    For equal distributions density is 1 and coverage 1 − ∏_{i=1..k} (N − i)/(N + M − i) on average; precision and
    recall fall with D and are not 1.

    Args:
        real: rows ``[N, D]``.
        fake: rows ``[M, D]``.
        k: neighbours, 1 ≤ k < min(N, M).

    Returns:
        ``precision``, ``recall``, ``coverage`` in [0, 1], ``density`` ≥ 0.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, fewer than 2 rows, more than can be paired, k
            outside its range, or real rows that are all alike.
    """
    first, second = _sets(real, fake, k)
    return measures_from_distances(distance_blocks(first, second), _radii(first, k), _radii(second, k), k)


def measures_from_distances(between: DistanceBlocks, radius: Floats, fake_radius: Floats, k: int) -> dict[str, float]:
    """:func:`precision_recall_density_coverage` from distances real → fake and the radii of either set's balls."""
    around = np.zeros(len(fake_radius), dtype=np.intp)
    recalled, covered = [], []
    for here, apart in between:
        inside = apart < radius[here, None]
        around += inside.sum(axis=0)
        covered.append(inside.any(axis=1))
        recalled.append((apart < fake_radius).any(axis=1))
    return {
        "precision": float((around > 0).mean()),
        "recall": float(np.concatenate(recalled).mean()),
        "density": float(around.mean() / k),
        "coverage": float(np.concatenate(covered).mean()),
    }


def clipped_density_coverage(real: ArrayLike, fake: ArrayLike, k: int = 5) -> dict[str, float]:
    """Clipped Density and Clipped Coverage: shares of good fakes, robust to outliers (Salvy et al. 2026).

    Density. Radii are clipped at their median, r'ᵢ = min(r_k(xᵢ), median r_k); a row in b balls (rims included) counts
    min(b/k, 1); the mean over fakes is divided by the mean over real rows, each left out of its own ball.

    Coverage. A ball (unclipped, rim excluded) that holds b fakes counts min(b/k, 1). If m of M fakes follow the
    distribution of the N real rows and the others lie nowhere near, b is beta-binomial with parameters m, k, N − k,
    hence the mean is f(m) = 1 − Σ_{i<k} (1 − i/k) P(b = i); the coverage is m/M where f(m) is what was seen (f made
    continuous by straight lines; the authors' code takes the next m, over M + 1).

    Args:
        real: rows ``[N, D]``.
        fake: rows ``[M, D]``.
        k: neighbours, 1 ≤ k < min(N, M).

    Returns:
        ``density`` and ``coverage`` in [0, 1]: the share of fakes as good as real rows, 1 for equal distributions; a
        seen value above its expectation counts 1, as the authors have it. Beside them what they are made of:
        ``density_fake`` and ``density_real`` (density is their ratio), ``coverage_fake`` and ``coverage_expected`` (=
        f(M)).

    Raises:
        InputError: as :func:`precision_recall_density_coverage`.
    """
    first, second = _sets(real, fake, k)
    return clipped_from_distances(distance_blocks(first, second), _others(first), _radii(first, k), len(second), k)


def clipped_from_distances(
    between: DistanceBlocks, within: DistanceBlocks, radius: Floats, m: int, k: int
) -> dict[str, float]:
    """:func:`clipped_density_coverage` from distances real → fake and real → other real (a row to itself: ∞).

    Args:
        between: distances to the m fakes.
        within: distances among the real rows.
        radius: distance of each real row to its k-th nearest.
        m: number of fakes.
        k: neighbours.
    """
    clipped = np.minimum(radius, np.median(radius))
    around_fake, around_real = np.zeros(m), np.zeros(len(radius))
    inside = np.zeros(len(radius))
    for here, apart in between:
        around_fake += (apart <= clipped[here, None]).sum(axis=0)
        inside[here] = (apart < radius[here, None]).sum(axis=1)
    for here, apart in within:
        around_real += (apart <= clipped[here, None]).sum(axis=0)
    made, own = (float(np.minimum(around / k, 1).mean()) for around in (around_fake, around_real))
    covered = float(np.minimum(inside / k, 1).mean())
    expected = _expected_coverage(len(radius), m, k)
    return {
        "density": min(made / own, 1.0),
        "coverage": float(np.interp(covered, expected, np.arange(m + 1) / m)),
        "density_fake": made,
        "density_real": own,
        "coverage_fake": covered,
        "coverage_expected": float(expected[-1]),
    }


@lru_cache(maxsize=16)
def _expected_coverage(n: int, m: int, k: int) -> Floats:
    """F at 0, 1, … m good fakes among n real rows."""
    good, few = np.arange(m + 1), np.arange(k)[:, None]
    return 1 - ((1 - few / k) * betabinom.pmf(few, good, k, n - k)).sum(axis=0)


def _sets(real: ArrayLike, fake: ArrayLike, k: int) -> tuple[Floats, Floats]:
    first, second = as_pair(real, fake, ("real", "fake"))
    if not 1 <= k < min(len(first), len(second)):
        raise InputError(
            f"k = {k} for {len(first)} real and {len(second)} fake rows",
            where="k",
            hint="choose 1 ≤ k < rows of either",
        )
    most = max(len(first), len(second))
    require_few_pairs(most, most, "real and fake")
    if (first == first[0]).all():
        raise InputError(f"all {len(first)} rows are alike", where="real", hint="give music in features that vary")
    return first, second


def _radii(rows: Floats, k: int) -> Floats:
    """Distance of each row to its k-th nearest other row."""
    return np.concatenate([kth_smallest(apart, k) for _, apart in _others(rows)])


def kth_smallest(apart: Floats, k: int) -> Floats:
    """The k-th smallest distance of each row."""
    return np.partition(apart, k - 1, axis=1)[:, k - 1]


def _others(rows: Floats) -> Iterator[tuple[slice, Floats]]:
    """Distances among rows; of each to itself ∞."""
    for here, apart in distance_blocks(rows, rows):
        apart[np.arange(len(apart)), np.arange(here.start, here.stop)] = np.inf
        yield here, apart
