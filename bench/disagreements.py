"""Where affetti and today's tools disagree, and the closed form that says who is right.

Every rival estimator is written out below in the few lines that matter, as its package has them (fadtk 1.1.0, kadtk
1.1.0, frechet-music-distance 1.0.0, torchmetrics 1.9), or called where it installs (vendi-score). All data are
Gaussian, so that the truth is known. ``docs/explanation/metrics.md`` has the results.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist, pdist
from threadpoolctl import threadpool_limits

from affetti.metrics import (
    frechet,
    frechet_distance,
    frechet_infinity,
    frechet_joint_distance,
    kernel_distance,
    vendi_score,
)

Floats = NDArray[np.float64]


def say(name: str, values: list[float] | float) -> None:
    """One line: mean ± standard deviation over draws."""
    result = np.atleast_1d(values)
    spread = f" ± {result.std(ddof=1):.4f}" if len(result) > 1 else ""
    print(f"  {name:<68}{result.mean():12.4f}{spread}")


def infinity(times: int = 15) -> None:
    """Extrapolation from subsets drawn with replacement ends at the biased score it set out from."""
    print("FD∞, D = 64, 1,000 clips against a reference of 1,000")
    scale, d, n = 1 + np.sqrt(0.02), 64, 1000
    result: dict[str, list[float]] = {}

    def extrapolated(x: Floats, y: Floats, replace: bool, rng: np.random.Generator) -> float:
        sizes = np.linspace(500, len(y), 25).astype(int)
        scores = [frechet_distance(x, y[rng.choice(len(y), size, replace=replace)]) for size in sizes]
        return float(np.polyfit(1 / sizes, scores, 1)[1])

    for seed in range(times):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(n, d)), scale * rng.normal(size=(n, d))
        values = {
            "plain distance": frechet_distance(x, y),
            "with replacement, synthetic side (fadtk, kadtk, FMD)": extrapolated(x, y, True, rng),
            "without replacement, synthetic side (Chong & Forsyth's code)": extrapolated(x, y, False, rng),
            "affetti.metrics.frechet_infinity (both sides)": frechet_infinity(x, y, seed=seed).value,
            "affetti.metrics.frechet (jackknife)": frechet(x, y, seed=seed).value,
        }
        for name, value in values.items():
            result.setdefault(name, []).append(value)
    for name, drawn in result.items():
        say(name, drawn)
    say("truth: D (σ₁ − σ₂)²", d * (scale - 1) ** 2)


def same_law(times: int = 5) -> None:
    """Two halves of one set score far from 0, the more so the fewer clips."""
    print("two samples of one law, D = 128: plain distance, and debiased")
    for n, m in ((872, 872), (300, 1444), (100, 1644)):
        plain, debiased = [], []
        for seed in range(times):
            rng = np.random.default_rng(seed)
            x, y = rng.normal(size=(m, 128)), rng.normal(size=(n, 128))
            plain.append(frechet_distance(x, y))
            debiased.append(frechet(x, y, seed=seed).value)
        say(f"{n} against {m} clips: plain distance", plain)
        say(f"{n} against {m} clips: affetti.metrics.frechet", debiased)
    say("truth", 0.0)


def frames(times: int = 40) -> None:
    """Frames of a clip pass for independent draws."""
    print("60 clips of 20 frames each of one law, D = 4: standard error")
    clip = np.repeat(np.arange(60), 20)
    plain, debiased, by_frame, by_clip = [], [], [], []
    for seed in range(times):
        rng = np.random.default_rng(seed)
        x, y = (np.sqrt(0.9) * rng.normal(size=(60, 4))[clip] + np.sqrt(0.1) * rng.normal(size=(1200, 4)) for _ in "xy")
        plain.append(frechet_distance(x, y))
        drawn = [
            frechet_distance(x[rng.integers(1200, size=1200)], y[rng.integers(1200, size=1200)]) for _ in range(50)
        ]
        by_frame.append(float(np.std(drawn, ddof=1)))
        result = frechet(x, y, (clip, clip), seed)
        debiased.append(result.value)
        by_clip.append((result.ci[1] - result.ci[0]) / 2 / 2.045 if result.ci else np.nan)  # Student's, 29 degrees
    say("plain distance: true, over new draws of all clips", float(np.std(plain, ddof=1)))
    say("plain distance: bootstrap over frames", by_frame)
    say("debiased distance: true, over new draws of all clips", float(np.std(debiased, ddof=1)))
    say("debiased distance: affetti.metrics.frechet, over songs", by_clip)


def mmd(x: Floats, y: Floats, sigma: float, biased: bool) -> float:
    """MMD² with a Gaussian kernel, with or without the diagonal."""
    xx, yy, xy = (np.exp(-cdist(a, b, "sqeuclidean") / (2 * sigma**2)) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    if biased:
        return float(xx.mean() + yy.mean() - 2 * xy.mean())
    return float((xx.sum() - n) / (n * (n - 1)) + (yy.sum() - m) / (m * (m - 1)) - 2 * xy.mean())


def bandwidth() -> None:
    """KAD takes the bandwidth from the evaluated set: the scale changes with what is measured."""
    print("100 MMD², reference N(0, I₁₆), 1,000 clips: which generator is worse?")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 16))
    for scale in (0.25, 3.0):
        y = scale * rng.normal(size=(1000, 16))
        say(
            f"{scale} N(0, I): bandwidth of the evaluated set (kadtk)",
            100 * mmd(x, y, float(np.median(pdist(y))), False),
        )
        say(f"{scale} N(0, I): bandwidth of the reference (affetti)", 100 * kernel_distance(x, y))
        sigma = float(np.median(pdist(x)))
        say(f"{scale} N(0, I): closed form at the reference's bandwidth", 100 * closed_mmd(16, 0.0, scale**2, sigma))


def closed_mmd(d: int, shift: float, variance: float, sigma: float) -> float:
    """MMD² between N(0, I) and N(shift·1, variance I)."""

    def mean(apart: float, total: float) -> float:
        return float((sigma**2 / (sigma**2 + total)) ** (d / 2) * np.exp(-d * apart**2 / (2 * (sigma**2 + total))))

    return mean(0, 2) + mean(0, 2 * variance) - 2 * mean(shift, 1 + variance)


def v_statistic(times: int = 200) -> None:
    """MMD² with the diagonal left in never reaches 0."""
    print("MMD², N(0, I₄) against N(½, 1.5 I₄), σ = 2, 100 and 120 clips")
    result: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(times):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(100, 4)), 0.5 + np.sqrt(1.5) * rng.normal(size=(120, 4))
        for biased, drawn in result.items():
            drawn.append(mmd(x, y, 2.0, biased))
    say("V-statistic, diagonal included (CMMD)", result[True])
    say("U-statistic (affetti)", result[False])
    say("closed form", closed_mmd(4, 0.5, 1.5, 2.0))


def vendi() -> None:
    """vendi-score's convenience function drops the order q."""
    print("Vendi score of order 2")
    x = np.random.default_rng(0).normal(size=(20, 6))
    kernel = (unit := x / np.linalg.norm(x, axis=1, keepdims=True)) @ unit.T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package uses what scipy deprecates
        from vendi_score import vendi as package

        say("order 1: vendi_score.score_X", float(package.score_X(x, q=1)))
        say("order 2: vendi_score.score_X (ignores q)", float(package.score_X(x, q=2)))
        say("order 2: vendi_score.score_dual", float(package.score_dual(x, q=2)))
    say("order 1: affetti", vendi_score(x))
    say("order 2: affetti", vendi_score(x, 2))
    say("order 2, closed form: N²/‖K‖²_F", len(x) ** 2 / float((kernel**2).sum()))


def raw_moments() -> None:
    """Covariance as the mean of products less the product of means, in float32."""
    print("trace of a covariance (truth about 5) of 10,000 rows far from the origin")
    x = np.random.default_rng(0).normal(size=(10_000, 5))
    truth = float(np.trace(np.cov(x.T)))
    say("truth", truth)
    for offset in (0.0, 100.0, 1e4):
        far = (x + offset).astype(np.float32)
        n, mean = np.float32(len(far)), far.mean(axis=0)
        raw = float(np.trace((far.T @ far - n * np.outer(mean, mean)) / (n - 1)))
        say(f"offset {offset:g}: Σxxᵀ − nμμᵀ in float32", raw)
        point = np.full((2, 5), offset)
        ours = frechet_distance(point, far) - float(((far.mean(axis=0, dtype=float) - offset) ** 2).sum())
        say(f"offset {offset:g}: affetti (from the distance to a point)", ours)


def roots() -> None:
    """The matrix root of a singular product."""
    print("distance of a set to itself, N = 50, D = 128 (truth 0)")
    x = np.random.default_rng(0).normal(size=(50, 128))
    covariance = np.cov(x.T)
    root = sqrtm(covariance @ covariance + 0j)
    print(f"  {'scipy sqrtm':<68}{np.trace(2 * covariance - 2 * root):.2e}")
    values = np.emath.sqrt(np.linalg.eigvals(covariance @ covariance))
    print(f"  {'eigenvalues of Σ₁Σ₂':<68}{(2 * np.trace(covariance) - 2 * values.sum()).real:.2e}")
    print(f"  {'affetti':<68}{frechet_distance(x, x[::-1]):.2e}")


def conditions() -> None:
    """Conditions dealt anew leave every unconditional distance as it was."""
    print("clips that follow their condition, and the same clips with conditions shuffled")
    rng = np.random.default_rng(0)

    def music() -> tuple[Floats, Floats]:
        labels = rng.uniform(-1, 1, size=(1000, 2))
        return np.concatenate([2 * labels, rng.normal(size=(1000, 6))], axis=1), labels

    (x, h), (y, c) = music(), music()
    for name, requested in (("follow", c), ("shuffled", rng.permutation(c))):
        result = frechet_joint_distance(x, y, (h, requested))
        for title, distance in (("distance", result.features), ("joint distance", result.joint)):
            say(f"{name}: Fréchet {title}", np.nan if distance is None else distance.value)
        say(f"{name}: p of the permutation test", result.p)


PARTS: list[Callable[[], None]] = [
    infinity,
    same_law,
    frames,
    bandwidth,
    v_statistic,
    vendi,
    raw_moments,
    roots,
    conditions,
]

if __name__ == "__main__":
    with threadpool_limits(1):
        for part in PARTS:
            part()
