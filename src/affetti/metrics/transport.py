"""Optimal transport on the line, column by column, and without each block of rows.

For one number a row, W_p^p = ∫₀¹ |F⁻¹(u) − G⁻¹(u)|^p du with F⁻¹ and G⁻¹ the quantile functions of the two samples:
both are steps, at multiples of 1/N and of 1/M, so the integral is a finite sum and exact for unequal N and M too.
Columns are sorted once; leaving rows out keeps their order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from affetti.metrics.jackknife import Blocks, LeftOut
from affetti.metrics.sample import Floats


def left_out(x: Floats, y: Floats, x_blocks: Blocks, y_blocks: Blocks, power: int) -> LeftOut:
    """W_p^p of each column of ``x [N, K]`` and ``y [M, K]``, and without each block of rows of either."""
    real, fake = _Sorted(x), _Sorted(y)
    without = (
        np.array([_cost(some, fake.values, power) for some in real.without_each(x_blocks)]),
        np.array([_cost(real.values, some, power) for some in fake.without_each(y_blocks)]),
    )
    return LeftOut(_cost(real.values, fake.values, power), without)


def left_out_together(x: Floats, y: Floats, x_blocks: Blocks, y_blocks: Blocks, power: int) -> LeftOut:
    """W_p^p of each column of ``x [N, K]`` and ``y [M, K]``, and without a block of rows of both at once."""
    real, fake = _Sorted(x), _Sorted(y)
    pairs = zip(real.without_each(x_blocks), fake.without_each(y_blocks), strict=True)
    return LeftOut(_cost(real.values, fake.values, power), (np.array([_cost(a, b, power) for a, b in pairs]),))


def column_distances(x: Floats, y: Floats, power: int) -> Floats:
    """W_p^p of each column of ``x [N, K]`` and ``y [M, K]``."""
    return _cost(np.sort(x.T, axis=1), np.sort(y.T, axis=1), power)


class _Sorted:
    """Columns of a sample as sorted rows ``[K, N]``."""

    def __init__(self, rows: Floats) -> None:
        self.order = np.argsort(rows.T, axis=1)
        self.values: Floats = np.take_along_axis(rows.T, self.order, axis=1)

    def without_each(self, blocks: Blocks) -> Iterator[Floats]:
        for block in blocks:
            keep = np.ones(self.order.shape[1], dtype=bool)
            keep[block] = False
            yield self.values[keep[self.order]].reshape(len(self.values), -1)


def _cost(x: Floats, y: Floats, power: int) -> Floats:
    """∫ |F⁻¹ − G⁻¹|^p of sorted rows ``[K, N]`` and ``[K, M]``."""
    if x.shape[1] == y.shape[1]:
        return np.asarray((np.abs(x - y) ** power).mean(axis=1), dtype=np.float64)
    first, second, width = _steps(x.shape[1], y.shape[1])
    return np.asarray(np.abs(x[:, first] - y[:, second]) ** power @ width, dtype=np.float64)


def _steps(n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Which value of either sample holds on each step of both quantile functions, and how wide the step is."""
    ends = np.concatenate([np.arange(n + 1, dtype=np.int64) * m, np.arange(1, m, dtype=np.int64) * n])
    edges = np.sort(ends, kind="stable")  # two ascending runs: a merge
    edges = edges[np.flatnonzero(np.diff(edges, prepend=-1))]
    left = edges[:-1]
    return left // m, left // n, np.diff(edges) / (n * m)
