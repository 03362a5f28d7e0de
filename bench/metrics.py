"""Fréchet distance against scipy's matrix root in the same run, one BLAS thread each; and what a resample costs.

N = 4,000 rows a side, D = 2,048 features, in three spectra of the covariance: flat, falling as 1/j as those of trained
embeddings do, and as 1/j⁴, nearly singular. The scipy route is the usual one: two covariances, ``sqrtm`` of their
product, the real part of its trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from threadpoolctl import threadpool_limits

from affetti.metrics import frechet, frechet_distance
from affetti.metrics.gram import Gram

N, D = 4_000, 2_048
Floats = NDArray[np.float64]


def timed(work: Callable[[], float], runs: int) -> tuple[float, float]:
    """Least CPU time of some runs, and what the last found."""
    times: list[float] = []
    result = np.nan
    for _ in range(runs):
        began = time.process_time()
        result = work()
        times.append(time.process_time() - began)
    return min(times), float(result)


def by_matrix_root(x: Floats, y: Floats) -> float:
    """The formula as it is usually computed."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    apart = x.mean(axis=0) - y.mean(axis=0)
    return float(apart @ apart + np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real)


def large(power: float, rng: np.random.Generator) -> None:
    """One spectrum, falling as j^−power, in features that are not its axes."""
    axes = np.linalg.qr(rng.normal(size=(D, D)))[0]
    spread = np.sqrt(np.arange(1.0, D + 1) ** -power)
    x, y = (rng.normal(size=(N, D)) * spread * scale @ axes + shift for scale, shift in ((1.0, 0.0), (1.1, 0.01)))
    ours, value = timed(lambda: frechet_distance(x, y), 3)
    theirs, expected = timed(lambda: by_matrix_root(x, y), 1)
    print(
        f"N = {N:,}, D = {D:,}, spectrum j^-{power:g}: {ours:.2f} s against {theirs:.2f} s, {theirs / ours:.1f} × "
        f"as fast; {value:.9f}, difference {abs(value - expected):.0e}"
    )


def resamples(rng: np.random.Generator) -> None:
    """Songs left out by indexing inner products, against starting afresh from the rows."""
    n, m, d = 300, 250, 20_480
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    began = time.process_time()
    gram = Gram.of(x, y)
    once = time.process_time() - began
    left = [rng.choice(n, 10, replace=False) for _ in range(20)]
    each, _ = timed(lambda: sum(gram.of_rows(np.delete(np.arange(n), rows), None).frechet() for rows in left), 2)
    afresh, value = timed(lambda: frechet_distance(np.delete(x, left[0], axis=0), y), 1)
    apart = abs(gram.of_rows(np.delete(np.arange(n), left[0]), None).frechet() - value) / value
    print(
        f"N = {n}, M = {m}, D = {d:,}: inner products once {once * 1e3:.0f} ms, then {each / len(left) * 1e3:.1f} ms a "
        f"resample against {afresh * 1e3:.0f} ms from the rows; relative difference {apart:.0e}"
    )
    for rows, features in ((300, 20_480), (1_000, 256), (2_000, 512)):
        x, y = rng.normal(size=(rows, features)), rng.normal(size=(rows, features))
        took, _ = timed(lambda a=x, b=y: frechet(a, b).value, 1)
        print(f"frechet with interval and floor, N = M = {rows:,}, D = {features:,}: {took:.1f} s")


if __name__ == "__main__":
    with threadpool_limits(1):
        for power in (0.0, 1.0, 4.0):
            large(power, np.random.default_rng(0))
        resamples(np.random.default_rng(0))
