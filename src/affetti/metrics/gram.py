"""Inner products of two sets of rows, from which the Fréchet distance of any of their subsets follows.

With K_xx = XXᵀ, K_yy = YYᵀ and K_xy = XYᵀ

    ‖x̄ − ȳ‖² = mean K_xx + mean K_yy − 2 mean K_xy ,
    tr Σ_x    = (tr K_xx − N mean K_xx)/(N − 1) ,
    tr (Σ_xΣ_y)^½ = ‖H K_xy Hᵀ‖_* /√((N − 1)(M − 1)) ,

H the N − 1 contrasts that centre (``moments.contrasts``). Once the products are taken the number of features no longer
matters: leaving songs out is indexing, and features set side by side add up. This pays where both sets have no more
rows than features; else roots of D × D matrices are smaller (``moments``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affetti.metrics.moments import contrasts, nuclear_norm
from affetti.metrics.sample import Codes, Floats


@dataclass(frozen=True)
class Gram:
    """``xx [N, N]``, ``yy [M, M]`` and ``xy [N, M]``."""

    xx: Floats
    yy: Floats
    xy: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats) -> Gram:
        """Of rows ``[N, D]`` and ``[M, D]``, relative to their common mean: a large one would cost digits."""
        middle = (x.sum(axis=0) + y.sum(axis=0)) / (len(x) + len(y))
        x, y = x - middle, y - middle
        return cls(x @ x.T, y @ y.T, x @ y.T)

    def __add__(self, other: Gram) -> Gram:
        """Of the features of both, side by side."""
        return Gram(self.xx + other.xx, self.yy + other.yy, self.xy + other.xy)

    def of_rows(self, x: Codes | None, y: Codes | None) -> Gram:
        """Of these rows of ``x`` and of ``y``; ``None`` are all."""
        rows = np.arange(len(self.xx)) if x is None else x
        others = np.arange(len(self.yy)) if y is None else y
        xx = self.xx if x is None else self.xx[np.ix_(rows, rows)]
        yy = self.yy if y is None else self.yy[np.ix_(others, others)]
        return Gram(xx, yy, self.xy[np.ix_(rows, others)])

    def frechet(self) -> float:
        """Squared Fréchet distance; both sets have 2 rows or more."""
        n, m = self.xy.shape
        shared = nuclear_norm(contrasts(contrasts(self.xy).T)) / np.sqrt((n - 1) * (m - 1))
        apart = self.xx.mean() + self.yy.mean() - 2 * self.xy.mean()
        return float(apart + _variance(self.xx) + _variance(self.yy) - 2 * shared)


def _variance(inner: Floats) -> float:
    """Trace of Σ of rows with these inner products."""
    n = len(inner)
    return float((np.trace(inner) - n * inner.mean()) / (n - 1))
