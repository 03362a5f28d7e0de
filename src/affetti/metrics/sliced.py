"""Sliced Wasserstein distance: the mean over directions θ of the squared 1-D Wasserstein distance of projections.

    SW² = E_θ ∫₀¹ (F_θ⁻¹(u) − G_θ⁻¹(u))² du ,   θ uniform on the unit sphere

(Bonneel et al. 2015; as MIND, Kang et al. 2026, up to a constant). A shift by Δ gives ‖Δ‖²/D, a change of scale of an
isotropic distribution σ₁ → σ₂ gives (σ₁ − σ₂)². It sees whole distributions where Fréchet's distance sees two moments,
costs N log N a direction, and its bias in N is smaller, though not zero: the jackknife removes that.

Directions come in orthonormal sets, each direction still uniform (Rowland et al. 2019): over a full set the mean of
(θ·Δ)² is ‖Δ‖²/D exactly, so little depends on the draw.

When not to use: for thin differences in many dimensions, which most directions miss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics import transport
from affetti.metrics.jackknife import Blocks, LeftOut, compare
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, Sample, as_pair

MAX_PROJECTIONS = 1 << 22
"""Projections held at a time."""


def sliced_wasserstein_distance(x: ArrayLike, y: ArrayLike, directions: int = 256, seed: int = 0) -> float:
    """Squared sliced Wasserstein distance of two sets (not debiased).

    Args:
        x: reference rows ``[N, D]``.
        y: rows ``[M, D]`` to evaluate.
        directions: how many; of a multiple of D a shift by Δ gives exactly ‖Δ‖²/D.
        seed: of the directions.

    Returns:
        SW² ≥ 0 in the squared unit of the features.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, fewer than 2 rows, or no direction.
    """
    first, second = as_pair(x, y)
    theta = unit_directions(first.shape[1], directions, seed)
    return float(
        _mean(
            [transport.column_distances(first @ p, second @ p, 2) for p in _parts(theta, max(len(first), len(second)))]
        )[0]
    )


def sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    groups: tuple[ArrayLike, ArrayLike] | None = None,
    directions: int = 256,
    seed: int = 0,
) -> Result:
    """:func:`sliced_wasserstein_distance` debiased, with an interval and the floor of real data.

    Args:
        x: real rows ``[N, D]``.
        y: synthetic rows ``[M, D]``.
        groups: song ids of the rows of ``x`` and of ``y``; without them every row is a song.
        directions: how many.
        seed: of directions, blocks and splits.

    Returns:
        value (may be negative near equality), ci by the jackknife over songs, floor between disjoint songs of ``x``,
        on as many songs as the value (``None`` below 6), n = (N, M), seed.

    Raises:
        InputError: as :func:`sliced_wasserstein_distance`, or fewer than 2 songs on a side.
    """
    first, second = as_pair(x, y)
    songs = (None, None) if groups is None else groups
    real, fake = Sample.of(first, songs[0], "groups of x"), Sample.of(second, songs[1], "groups of y")
    theta = unit_directions(first.shape[1], directions, seed)

    def statistic(a: Sample, b: Sample, a_blocks: Blocks, b_blocks: Blocks) -> LeftOut:
        parts = _parts(theta, max(len(a.rows), len(b.rows)))
        by_direction = [
            transport.left_out_together(a.rows @ part, b.rows @ part, a_blocks, b_blocks, 2) for part in parts
        ]
        without = _mean([part.without[0] for part in by_direction])
        return LeftOut(_mean([part.whole for part in by_direction]), (without,))

    return compare(statistic, real, fake, seed, sizes="equal")[0]


def unit_directions(d: int, count: int, seed: int) -> Floats:
    """``count`` unit vectors ``[D, count]``, uniform on the sphere, orthogonal within each run of D.

    Raises:
        InputError: ``count`` is below 1.
    """
    if count < 1:
        raise InputError(f"{count} directions", where="directions", hint="give 1 or more")
    rng = np.random.default_rng(seed)
    sets: list[Floats] = []
    for _ in range(0, count, d):
        q, r = np.linalg.qr(rng.normal(size=(d, min(d, count))))
        sets.append(q * np.sign(np.diag(r)))  # without the signs the distribution of q would not be uniform
    return np.concatenate(sets, axis=1)[:, :count]


def _parts(theta: Floats, rows: int) -> list[Floats]:
    """Directions a few at a time, so that projections of many rows are never held all at once."""
    most = max(1, MAX_PROJECTIONS // rows)
    return [theta[:, start : start + most] for start in range(0, theta.shape[1], most)]


def _mean(parts: list[Floats]) -> Floats:
    """Mean over all columns of all parts, one column."""
    return np.concatenate(parts, axis=-1).mean(axis=-1, keepdims=True)
