"""Vendi score: the effective number of distinct rows (Friedman & Dieng 2023).

exp of the Shannon entropy (or Rényi's, of order q) of the eigenvalues of a similarity matrix over its size. It lies
between 1 and N, does not change when the set is doubled, and needs no reference.

When not to use: alone. Noise is diverse; compare it with the score of as many real rows, and report precision too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.sample import Floats, as_rows


def vendi_score(x: ArrayLike, q: float = 1.0) -> float:
    """Effective number of distinct rows under cosine similarity (Friedman & Dieng 2023).

    The cosine kernel, the authors' choice for embeddings, has no bandwidth to tune; it compares angles at the origin,
    so features that share a large mean should be centred on the *real* mean first. The score has no absolute scale:
    compare it with that of as many real rows.

    Args:
        x: rows ``[N, D]``.
        q: order of the entropy, ≥ 0; 1 is Shannon's, larger orders count only the commonest kinds.

    Returns:
        Between 1 (all rows point one way) and N (all at right angles).

    Raises:
        InputError: a value that is not finite, not a matrix, fewer than 2 rows, a row of zeros, or q < 0.
    """
    rows = as_rows(x, "x")
    norms = np.linalg.norm(rows, axis=1)
    if (norms == 0).any():
        raise InputError(
            f"row {int(np.flatnonzero(norms == 0)[0])} is all zeros and has no direction", where="x", hint="remove it"
        )
    unit = rows / norms[:, None]
    # K = UUᵀ and UᵀU share their nonzero spectrum, which is that of the squared singular values of U.
    spectrum = np.asarray(np.linalg.svd(unit, compute_uv=False), dtype=np.float64) ** 2 / len(rows)
    return _effective_number(spectrum, q)


def vendi_from_kernel(kernel: ArrayLike, q: float = 1.0) -> float:
    """Vendi score of a similarity matrix: exp(−Σ λ log λ) over the eigenvalues λ of K/N (order q: Rényi's entropy).

    Args:
        kernel: K ``[N, N]``, symmetric, positive semidefinite, ones on the diagonal.
        q: order of the entropy, ≥ 0.

    Returns:
        Between 1 and N.

    Raises:
        InputError: K is not such a matrix, or q < 0.
    """
    matrix = as_rows(kernel, "kernel", at_least=1)
    if matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix, matrix.T):
        raise InputError(f"shape {matrix.shape} or its values are not symmetric", where="kernel", hint="give k(xᵢ, xⱼ)")
    if not np.allclose(np.diag(matrix), 1.0):
        raise InputError("the diagonal is not 1", where="kernel", hint="divide k(a, b) by √(k(a, a) k(b, b))")
    spectrum = np.asarray(np.linalg.eigvalsh(matrix / len(matrix)), dtype=np.float64)
    if spectrum[0] < -1e-8:
        raise InputError(
            f"eigenvalue {spectrum[0]:g} is negative", where="kernel", hint="use a positive semidefinite similarity"
        )
    return _effective_number(spectrum, q)


def _effective_number(spectrum: Floats, q: float) -> float:
    if q < 0:
        raise InputError(f"order {q:g} is negative", where="q", hint="choose q ≥ 0")
    p = spectrum[spectrum > 1e-12]
    p = p / p.sum()
    if q == 1.0:
        return float(np.exp(-(p * np.log(p)).sum()))
    if np.isinf(q):
        return float(1.0 / p.max())
    return float((p**q).sum() ** (1.0 / (1.0 - q)))
