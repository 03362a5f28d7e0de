"""Mean and covariance of rows in a form that can be merged, and the Fréchet distance between two of them.

A set is summed up by its number of rows n, its mean μ and a root R of its scatter, RᵀR = Σ (x − μ)(x − μ)ᵀ. Between
Gaussians (Dowson & Landau 1982)

    d² = ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½ ,   Σ = RᵀR/(n − 1) ,

and the last trace is the nuclear norm ‖R₁R₂ᵀ‖_* over √((n₁ − 1)(n₂ − 1)): the nonzero eigenvalues of Σ₁Σ₂ are those of
(R₁R₂ᵀ)(R₁R₂ᵀ)ᵀ. Singular values need no matrix root, are never complex and keep the error at rounding level where Σ
is singular; with n < D no D × D matrix is formed (the idea of Mathiasen & Hvilshøj 2020, arXiv 2009.14075).

Roots merge by stacking. For parts i the scatter of the union is Σ RᵢᵀRᵢ plus that of the means, whose root has the rows
√(nᵢ Nᵢ₋₁/Nᵢ) (μᵢ − mean of parts before i), Nᵢ = n₁ + … + nᵢ (Chan, Golub & LeVeque 1983). No large number is
subtracted from another, so precision does not suffer far from the origin, and a set of any length is read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky

from affetti.metrics.sample import Floats

MIN_DIAGONAL_RATIO = 1e-4
"""Cholesky's factor is kept if its diagonal spans no more than this; the QR decomposition costs three times as much."""
MAX_ROOT_ERROR = 1e-10
"""Relative error up to which singular values are taken as roots of eigenvalues, which cost half as much."""


@dataclass(frozen=True)
class Moments:
    """Number of rows, mean ``[D]`` and root ``[R, D]`` of the scatter, R ≤ max(D, n − 1)."""

    n: int
    mean: Floats
    root: Floats

    @classmethod
    def of(cls, rows: Floats) -> Moments:
        """Of rows ``[n, D]``."""
        mean = rows.mean(axis=0)
        centred = rows - mean
        return cls(len(rows), mean, _compressed(centred) if len(rows) > rows.shape[1] else contrasts(centred))

    @classmethod
    def merged(cls, parts: Sequence[Moments]) -> Moments:
        """Of all rows of all parts."""
        n = np.array([part.n for part in parts])
        means = np.stack([part.mean for part in parts])
        mean = n @ means / n.sum()
        return cls(
            int(n.sum()), mean, _compressed(np.concatenate([*(p.root for p in parts), contrasts(means - mean, n)]))
        )

    @classmethod
    def streamed(cls, chunks: Iterable[Floats]) -> Moments:
        """Of all rows of all chunks; each chunk is visited once."""
        moments: Moments | None = None
        for chunk in chunks:
            moments = cls.of(chunk) if moments is None else cls.merged([moments, cls.of(chunk)])
        if moments is None:
            raise ValueError("no chunk")
        return moments

    def frechet(self, other: Moments) -> float:
        """Squared Fréchet distance; both have 2 rows or more."""
        a, b = self.n - 1, other.n - 1
        shared = nuclear_norm(self.root @ other.root.T) / np.sqrt(a * b)
        spread = (self.root**2).sum() / a + (other.root**2).sum() / b
        return float(((self.mean - other.mean) ** 2).sum() + spread - 2 * shared)


def without_each(parts: Sequence[Moments]) -> Iterator[Moments]:
    """All parts but one merged, for each part in turn.

    By halves: what lies outside a half is merged once for all parts in it, so each part is merged about log₂ G times
    rather than G.
    """

    def descend(within: Sequence[Moments], outside: Sequence[Moments]) -> Iterator[Moments]:
        if len(within) == 1:
            yield Moments.merged(outside)
            return
        half = len(within) // 2
        for here, there in ((within[:half], within[half:]), (within[half:], within[:half])):
            yield from descend(here, [Moments.merged([*outside, *there])])

    return descend(parts, [])


def contrasts(rows: Floats, weights: Sequence[int] | Floats | None = None) -> Floats:
    """N − 1 rows with the scatter of the N given (Helmert's contrasts): √(wₖWₖ₋₁/Wₖ) (xₖ − mean of those before).

    Unlike centred rows they are, in general, of full rank.
    """
    weight = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = np.cumsum(weight)
    before = np.cumsum(rows * weight[:, None], axis=0) / total[:, None]
    return np.sqrt(weight[1:] * total[:-1] / total[1:])[:, None] * (rows[1:] - before[:-1])


def nuclear_norm(matrix: Floats) -> float:
    """Sum of singular values.

    They are the roots of the eigenvalues λ of MMᵀ. An eigenvalue is off by some ε λ_max, its root by ε λ_max/2√λ; where
    that adds up to too much, as it does where M is nearly singular, the singular value decomposition is taken.
    """
    short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    squares = np.linalg.eigvalsh(short @ short.T)
    if squares[0] > 0:
        roots = np.sqrt(squares)
        if np.finfo(np.float64).eps * squares[-1] * np.linalg.norm(0.5 / roots) < MAX_ROOT_ERROR * roots.sum():
            return float(roots.sum())
    return float(np.linalg.svd(short, compute_uv=False).sum())


def _compressed(rows: Floats) -> Floats:
    """At most D rows with the same RᵀR."""
    if len(rows) <= rows.shape[1]:
        return rows
    try:
        root = cholesky(rows.T @ rows, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:  # singular
        root = np.zeros((1, 1))
    diagonal = np.diag(root)
    if diagonal.min() > MIN_DIAGONAL_RATIO * diagonal.max():
        return np.asarray(root, dtype=np.float64)
    return np.asarray(np.linalg.qr(rows, mode="r"), dtype=np.float64)
