"""False alarms of the study's intervals where every level of error is normal: many studies, little left to chance.

A difference of arm a from the reference, estimated from n songs and U training units, is

    Δ_a = song_a + mean over units u of main_{a,u} + noise_{a,u},

``song_a`` what an arm does better on the songs at hand, ``main`` what a unit (a generator run, a seed) does better on
all songs, ``noise`` what it does better on these. Arms share the reference, so that songs and noise of two differences
correlate by 1/2. Variances are estimated with n - 1 and U - 1 degrees of freedom, as in
``affetti.studies.augmentation.intervals``, whose functions are compared with this script's arrays first.
``bench/power.py`` simulates whole studies instead, and few of them.

Printed: the share of studies that call a difference where there is none, by the interval of one difference and by those
of five at once (nominal 5 %), and what they would be by Satterthwaite's degrees of freedom without pooling.

python bench/levels.py [STUDIES]
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from affetti.studies.augmentation.intervals import Levels, one_interval, pooled

ARMS = 5
SONG, NOISE, REFERENCE = 0.015, 0.03, 0.01
"""Standard deviations at 49 songs: of a difference over songs, of a unit's noise, of a seed of the reference."""
CRITICAL = {1: 1.960, ARMS: 2.440}
"""The largest of so many normal values that correlate by 1/2 exceeds this in 5 %."""
Floats = NDArray[np.float64]


def variances(
    songs: int, units: int, spread: list[float], times: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Differences, and their estimated variances over songs and over units, ``[times, A]``."""
    arms, shrink = len(spread), np.sqrt(49 / songs)
    mixing = np.linalg.cholesky(np.full((arms, arms), 0.5) + 0.5 * np.eye(arms))
    of_songs = rng.normal(0, SONG * shrink, (times, arms)) @ mixing.T
    main = rng.normal(size=(times, arms, units)) * np.array(spread)[:, None]
    main = main - rng.normal(0, REFERENCE, (times, 1, units))
    noise = rng.normal(size=(times, arms, units)) - rng.normal(size=(times, 1, units))
    each = main + noise * NOISE * shrink / np.sqrt(2)
    free = songs - 1
    true_noise = (NOISE * shrink) ** 2 / units
    song_variance = ((SONG * shrink) ** 2 + true_noise) * rng.chisquare(free, (times, arms)) / free
    noise_variance = true_noise * rng.chisquare(free * (units - 1), (times, arms)) / (free * (units - 1))
    unit_variance = np.maximum(each.var(axis=2, ddof=1) / units - noise_variance / 2, 0)
    return of_songs + each.mean(axis=2), song_variance, unit_variance


def half_widths(song: Floats, unit: Floats, songs: int, units: int) -> tuple[Floats, Floats]:
    """Half-widths ``[times, A]`` of each difference alone and of all at once; the first, with one arm, is both."""
    tail = norm.sf(CRITICAL[1])
    alone = np.sqrt(t.isf(tail, units - 1) ** 2 * unit + t.isf(tail, songs - 1) ** 2 * song)
    mean = unit.mean(axis=1, keepdims=True)
    freedom = np.where(unit >= mean, units - 1, (units - 1) * ARMS / (1 + (ARMS - 1) / 4))
    raised = np.maximum(unit, mean)
    return alone, satterthwaite(song, raised, songs, freedom, CRITICAL[ARMS])


def satterthwaite(song: Floats, unit: Floats, songs: int, freedom: Floats | float, critical: float) -> Floats:
    """Half-widths by Satterthwaite's degrees of freedom."""
    total = song + unit
    nu = total**2 / (unit**2 / freedom + song**2 / (songs - 1))
    return t.isf(norm.sf(critical), nu) * np.sqrt(total)


def check() -> None:
    """Compare the arrays of this script with the study's functions."""
    _, song, unit = variances(49, 3, [0.02] * ARMS, 3, np.random.default_rng(1))
    alone, every = half_widths(song, unit, 49, 3)
    for row in range(3):
        levels = {str(a): Levels(0.0, 49, float(song[row, a]), 3, float(unit[row, a])) for a in range(ARMS)}
        for a, (name, own) in enumerate(pooled(levels).items()):
            low, high = one_interval(levels[name]).ci
            together = t.isf(norm.sf(CRITICAL[ARMS]), own.satterthwaite()) * own.deviation
            np.testing.assert_allclose((high - low) / 2, alone[row, a], rtol=1e-4)
            np.testing.assert_allclose(together, every[row, a], rtol=1e-4)


def main() -> None:
    """Print the table."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    check()
    error = np.sqrt(0.05 * 0.95 / times)
    print(f"{times} studies a row: the standard error of a share of .05 is {error:.4f}; {ARMS} arms")
    print("| songs | units | SD of a unit | one difference | any of five | one, Satterthwaite | any, Satterthwaite |")
    print("|---|---|---|---|---|---|---|")
    spreads = {".00": [0.0] * ARMS, ".01": [0.01] * ARMS, ".025": [0.025] * ARMS, ".04 in one arm": [0.04, 0, 0, 0, 0]}
    for songs, units in ((24, 3), (49, 3), (114, 3), (150, 3), (200, 3), (49, 5), (200, 5)):
        for name, spread in spreads.items():
            rng = np.random.default_rng([songs, units, list(spreads).index(name)])
            value, song, unit = variances(songs, units, spread, times, rng)
            alone, every = half_widths(song, unit, songs, units)
            plain = satterthwaite(song, unit, songs, units - 1.0, CRITICAL[1])
            pair = satterthwaite(song, unit, songs, units - 1.0, CRITICAL[ARMS])
            shares = [
                (np.abs(value[:, 0]) > alone[:, 0]).mean(),
                (np.abs(value) > every).any(axis=1).mean(),
                (np.abs(value[:, 0]) > plain[:, 0]).mean(),
                (np.abs(value) > pair).any(axis=1).mean(),
            ]
            print(f"| {songs} | {units} | {name} | {' | '.join(f'{share:.3f}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
