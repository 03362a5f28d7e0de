"""Does the 95 % interval of a Fréchet distance hold the truth 95 times of 100? Ours beside two bootstraps.

Two laws N(0, I) and N(0, s²I) in 16 dimensions, whose distance is D (s − 1)² = 0.32 exactly; 300 clips a side, once
each of a song of its own, once 50 songs of five clips that share 70 % of their variance and 50 songs of one. Many pairs
of sets are drawn; of each the interval of ``affetti.metrics.frechet``, and the 2.5 and 97.5 % points of the plain
distance over songs, and over clips (as tools that pool frames do), drawn with replacement.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti.metrics import frechet, frechet_distance

D, SCALE, SHARED, RESAMPLES = 16, 1 + np.sqrt(0.02), 0.7, 200
TRUTH = D * (SCALE - 1) ** 2
SONGS = {
    "300 songs of one clip": np.arange(300),
    "50 songs of five, 50 of one": np.r_[np.repeat(np.arange(50), 5), 50:100],
}

Floats = NDArray[np.float64]
Songs = NDArray[np.intp]
Interval = Callable[[Floats, Floats, Songs, np.random.Generator], tuple[float, float]]


def clips(song: Songs, rng: np.random.Generator) -> Floats:
    """Rows of unit covariance, of which clips of a song share a part."""
    own = rng.normal(size=(len(song), D))
    return np.sqrt(SHARED) * rng.normal(size=(song.max() + 1, D))[song] + np.sqrt(1 - SHARED) * own


def jackknife(x: Floats, y: Floats, song: Songs, rng: np.random.Generator) -> tuple[float, float]:
    """Ours."""
    return frechet(x, y, (song, song), int(rng.integers(1 << 30))).ci or (np.nan, np.nan)


def by_song(x: Floats, y: Floats, song: Songs, rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the plain distance, songs drawn with replacement."""
    rows = [np.flatnonzero(song == s) for s in range(song.max() + 1)]

    def draw(z: Floats) -> Floats:
        return z[np.concatenate([rows[s] for s in rng.integers(len(rows), size=len(rows))])]

    return percentiles([frechet_distance(draw(x), draw(y)) for _ in range(RESAMPLES)])


def by_clip(x: Floats, y: Floats, _: Songs, rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the plain distance, clips drawn with replacement."""
    n = len(x)
    return percentiles(
        [frechet_distance(x[rng.integers(n, size=n)], y[rng.integers(n, size=n)]) for _ in range(RESAMPLES)]
    )


def percentiles(values: list[float]) -> tuple[float, float]:
    """The middle 95 %."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    ways: dict[str, Interval] = {
        "jackknife over songs (affetti)": jackknife,
        "bootstrap over songs": by_song,
        "bootstrap over clips": by_clip,
    }
    print(f"truth {TRUTH:.3f}, {times} pairs of sets; coverage of the 95 % interval, its mean, its mean width")
    with threadpool_limits(1):
        for name, song in SONGS.items():
            print(name)
            for way, interval in ways.items():
                rng = np.random.default_rng(0)
                found = np.array(
                    [interval(clips(song, rng), SCALE * clips(song, rng), song, rng) for _ in range(times)]
                )
                held = (found[:, 0] <= TRUTH) & (found[:, 1] >= TRUTH)
                low, high = found.mean(axis=0)
                print(f"  {way:<32}{held.mean():6.2f}   [{low:6.3f}, {high:6.3f}]{high - low:8.3f}")
