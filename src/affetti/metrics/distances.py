"""Distances between two sets of feature rows, real and synthetic.

Fréchet distance. Both sets are summed up by their mean and covariance; between Gaussians (Dowson & Landau 1982)

    d² = ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½ .

With centred rows A = (X − μ₁)/√(N − 1) and B likewise, Σ₁ = AᵀA, Σ₂ = BᵀB, and the last trace is the nuclear norm
‖ABᵀ‖_* (the nonzero eigenvalues of Σ₁Σ₂ are those of (ABᵀ)(ABᵀ)ᵀ). Singular values need no matrix root, are never
complex and keep the error at rounding level where Σ is singular, and when N < D no D × D matrix is formed (the idea of
Mathiasen & Hvilshøj 2020, arXiv 2009.14075, with singular values). When N > D the R factor of A replaces A.

The plug-in distance grows by about c/N where c depends on the model (Chong & Forsyth 2020), so neither a bare value nor
an equal N makes it comparable. :func:`frechet` removes that bias and gives an interval by the delete-a-group jackknife,
the groups being songs. (Resampling with replacement would add the bias a second time.) A debiased value can be
negative when the two laws are alike; it is reported as it is.

Kernel distance: the unbiased squared maximum mean discrepancy (Gretton et al. 2012) with a Gaussian kernel; the
bandwidth is the median distance *within the reference*, as the text of KAD (Chung et al. 2025) has it.

Precision, recall, density, coverage: Naeem et al. 2020, on k-nearest-neighbour balls, with strict inequality.

Vendi score: the effective number of distinct rows, exp of the entropy of the spectrum of a similarity matrix
(Friedman & Dieng 2023).

When not to use them: none sees whether a clip has the emotion asked for (see ``conditioning``) or copies a training
clip (see ``memorisation``); all depend on the features.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist, pdist
from scipy.stats import t as student_t

from affetti.errors import InputError
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, Floats, Sample, as_pair, as_rows, song_codes

JACKKNIFE_GROUPS = 30
"""Songs are dealt into at most this many groups a side; more costs time and sharpens the interval little."""
FLOOR_SPLITS = 4
"""Splits of the real set by song over which the floor is averaged."""


def frechet_distance(x: ArrayLike, y: ArrayLike) -> float:
    """Squared Fréchet distance d² between Gaussian fits of two sets, as they stand (not debiased).

    Args:
        x: reference rows ``[N, D]``.
        y: rows ``[M, D]`` to judge.

    Returns:
        d² ≥ 0 in the squared unit of the features; 0 when mean and covariance (of N − 1) agree.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, or fewer than 2 rows.
    """
    first, second = as_pair(x, y)
    return max(0.0, _between(*_fit(first), *_fit(second)))


def frechet(x: ArrayLike, y: ArrayLike, groups: tuple[ArrayLike, ArrayLike] | None = None, seed: int = 0) -> Result:
    """Fréchet distance without its small-sample bias, with an interval and the floor of real data.

    For each side, FD₍₋g₎ leaves group g of songs out; with G groups the estimate is
    FD − Σ_sides (G − 1)(mean FD₍₋g₎ − FD), its variance Σ_sides (G − 1)/G Σ_g (FD₍₋g₎ − mean)², and the interval is
    Student's with the smaller G − 1 degrees of freedom.

    The floor is the same debiased estimate between two disjoint sets of songs of ``x``, as many songs in each as ``y``
    has or half of ``x``'s, averaged over a few random splits. It is near 0 where the jackknife succeeds, and shows
    what is left of the bias where rows are few for D.

    Args:
        x: real rows ``[N, D]``.
        y: synthetic rows ``[M, D]``.
        groups: song ids of the rows of ``x`` and of ``y``; without them every row is a song.
        seed: decides how songs are dealt into groups and splits.

    Returns:
        value (may be negative near equality), ci, floor (``None`` below 6 songs in ``x``), n = (N, M).

    Raises:
        InputError: as :func:`frechet_distance`, fewer than 2 songs on a side, or so few rows that leaving a group out
            leaves fewer than 2.
    """
    first, second = as_pair(x, y)
    n = (len(first), len(second))
    real = Sample.of(first, None if groups is None else groups[0], "groups of x")
    fake = Sample.of(second, None if groups is None else groups[1], "groups of y")
    real, fake = _in_joint_coordinates(real, fake)
    rng = np.random.default_rng(seed)
    value, error, dof = _debiased(real, fake, rng)
    reach = float(student_t.ppf(0.975, dof)) * error
    return Result(value, (value - reach, value + reach), _floor(real, fake.songs, rng), n)


def kernel_distance(x: ArrayLike, y: ArrayLike, groups: tuple[ArrayLike, ArrayLike] | None = None) -> float:
    """Unbiased squared maximum mean discrepancy with a Gaussian kernel k(a, b) = exp(−‖a − b‖²/2σ²).

    MMD² = mean_{i≠j} k(xᵢ, xⱼ) + mean_{i≠j} k(yᵢ, yⱼ) − 2 mean k(xᵢ, yⱼ), σ = median distance among rows of ``x``.
    Plain MMD²; published KAD figures are 100 times it. With ``groups`` only pairs of different songs count within a
    set, so clips of one song do not pose as independent draws.

    Args:
        x: reference rows ``[N, D]``.
        y: rows ``[M, D]`` to judge.
        groups: song ids of the rows of ``x`` and of ``y``.

    Returns:
        MMD², about 0 for equal laws (then negative half the time), at most 2.

    Raises:
        InputError: as :func:`frechet_distance`, fewer than 2 songs on a side, or half of all pairs of ``x`` alike.
    """
    first, second = as_pair(x, y)
    songs = [
        song_codes(None if groups is None else groups[i], len(rows), f"groups of {name}")
        for i, (rows, name) in enumerate(((first, "x"), (second, "y")))
    ]
    for codes, name in zip(songs, "xy", strict=True):
        _need_songs(int(codes.max()) + 1, name)
    sigma = float(np.median(pdist(first)))
    if sigma == 0.0:
        raise InputError("the median distance is 0", where="x", hint="remove repeated rows from the reference")

    def within(rows: Floats, codes: Codes) -> float:
        total, pairs = 0.0, 0
        for block, distances in _blocks(rows, rows):
            apart = codes[block, None] != codes[None, :]
            total += float(np.exp(-(distances**2) / (2 * sigma**2))[apart].sum())
            pairs += int(apart.sum())
        return total / pairs

    across = sum(float(np.exp(-(d**2) / (2 * sigma**2)).sum()) for _, d in _blocks(first, second))
    return within(first, songs[0]) + within(second, songs[1]) - 2 * across / (len(first) * len(second))


def precision_recall_density_coverage(real: ArrayLike, fake: ArrayLike, k: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage (Naeem et al. 2020, eqs. 1, 3, 5).

    r_k(x) is the distance from x to its k-th nearest neighbour in its own set, itself left out. Precision: share of
    fakes inside some real ball; recall: share of reals inside some fake ball; density: real balls around a fake, over
    k; coverage: share of real balls that hold a fake. A point on the rim is outside (strict <).

    For equal laws density is 1 and coverage 1 − ∏_{i=1..k} (N − i)/(N + M − i) on average; precision and recall fall
    with D and are not 1.

    Args:
        real: rows ``[N, D]``.
        fake: rows ``[M, D]``.
        k: neighbours, 1 ≤ k < min(N, M).

    Returns:
        ``precision``, ``recall``, ``coverage`` in [0, 1], ``density`` ≥ 0.

    Raises:
        InputError: as :func:`frechet_distance`, or k outside its range.
    """
    first, second = as_pair(real, fake, ("real", "fake"))
    if not 1 <= k < min(len(first), len(second)):
        raise InputError(
            f"k = {k} for {len(first)} real and {len(second)} fake rows",
            where="k",
            hint="choose 1 ≤ k < rows of either",
        )
    radius, fake_radius = _radii(first, k), _radii(second, k)
    around = np.zeros(len(second), dtype=np.intp)
    recalled, covered = [], []
    for block, distances in _blocks(first, second):
        inside = distances < radius[block, None]
        around += inside.sum(axis=0)
        covered.append(inside.any(axis=1))
        recalled.append((distances < fake_radius[None, :]).any(axis=1))
    return {
        "precision": float((around > 0).mean()),
        "recall": float(np.concatenate(recalled).mean()),
        "density": float(around.mean() / k),
        "coverage": float(np.concatenate(covered).mean()),
    }


def vendi_score(x: ArrayLike, q: float = 1.0) -> float:
    """Effective number of distinct rows under cosine similarity (Friedman & Dieng 2023).

    The cosine kernel, the authors' choice for embeddings, has no bandwidth to tune; it reads angles at the origin, so
    features that share a large mean should be centred on the *real* mean first. The score has no absolute scale:
    read it beside that of as many real rows.

    Args:
        x: rows ``[N, D]``.
        q: order of the entropy, ≥ 0; 1 is Shannon's, larger orders look at the commonest kinds alone.

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


def _fit(rows: Floats) -> tuple[Floats, Floats]:
    """Mean ``[D]`` and a root R ``[min(N, D), D]`` with RᵀR the covariance (of N − 1)."""
    mean = rows.mean(axis=0)
    root = (rows - mean) / np.sqrt(len(rows) - 1)
    return mean, _upper(root) if len(rows) > rows.shape[1] else root


def _upper(matrix: Floats) -> Floats:
    """R of the QR decomposition."""
    return np.asarray(np.linalg.qr(matrix, mode="r"), dtype=np.float64)


def _between(mean_x: Floats, root_x: Floats, mean_y: Floats, root_y: Floats) -> float:
    shared = np.linalg.svd(root_x @ root_y.T, compute_uv=False).sum()
    return float(((mean_x - mean_y) ** 2).sum() + (root_x**2).sum() + (root_y**2).sum() - 2 * shared)


def _in_joint_coordinates(x: Sample, y: Sample) -> tuple[Sample, Sample]:
    """Both sets in an orthonormal basis of the space they span: the same distances in at most N + M columns."""
    both = np.concatenate([x.rows, y.rows])
    if len(both) >= both.shape[1]:
        return x, y
    coordinates = _upper((both - both.mean(axis=0)).T).T
    return Sample(coordinates[: len(x.rows)], x.song), Sample(coordinates[len(x.rows) :], y.song)


def _debiased(real: Sample, fake: Sample, rng: np.random.Generator) -> tuple[float, float, int]:
    """Jackknife estimate, its standard error and degrees of freedom."""
    fits = _fit(real.rows), _fit(fake.rows)
    whole = _between(*fits[0], *fits[1])
    value, variance, dof = whole, 0.0, JACKKNIFE_GROUPS
    for sample, other, name in ((real, fits[1], "x"), (fake, fits[0], "y")):
        _need_songs(sample.songs, name)
        blocks = sample.blocks(JACKKNIFE_GROUPS, rng)
        if len(sample.rows) - max(map(len, blocks)) < 2:
            raise InputError(
                f"{len(sample.rows)} rows leave fewer than 2 with a song left out", where=name, hint="add rows"
            )
        without = np.array([_between(*_fit(np.delete(sample.rows, block, axis=0)), *other) for block in blocks])
        count = len(blocks)
        value -= (count - 1) * float(without.mean() - whole)
        variance += (count - 1) / count * float(((without - without.mean()) ** 2).sum())
        dof = min(dof, count - 1)
    return value, float(np.sqrt(variance)), dof


def _floor(real: Sample, songs: int, rng: np.random.Generator) -> float | None:
    each = min(songs, real.songs // 2)
    if each < 3:
        return None
    values = []
    for _ in range(FLOOR_SPLITS):
        order = rng.permutation(real.songs)
        values.append(_debiased(real.of_songs(order[:each]), real.of_songs(order[each : 2 * each]), rng)[0])
    return float(np.mean(values))


def _need_songs(songs: int, name: str) -> None:
    if songs < 2:
        raise InputError(
            "one song alone says nothing of a set", where=f"groups of {name}", hint="give clips of 2 songs or more"
        )


def _radii(rows: Floats, k: int) -> Floats:
    """Distance of each row to its k-th nearest other row."""
    # The smallest distance of a row is its own, 0, hence index k rather than k − 1.
    return np.concatenate([np.partition(distances, k, axis=1)[:, k] for _, distances in _blocks(rows, rows)])


def _blocks(x: Floats, y: Floats, size: int = 512) -> Iterator[tuple[slice, Floats]]:
    """Euclidean distances from ``size`` rows of ``x`` at a time to all of ``y``."""
    for start in range(0, len(x), size):
        yield slice(start, start + size), np.asarray(cdist(x[start : start + size], y), dtype=np.float64)
