"""What looking at a verdict again and again costs, beside a number of songs that is fixed beforehand.

A claim says "at most 0" of a mean over songs of deviation 1. The truth is 0, so that any verdict is a false alarm
(5 % of 95 % intervals exclude it), or .2, so that "contradicted" is right. Ways: one measurement of 40 songs; songs
added 40 at a time until there is a verdict, ten looks at most; a first measurement of 40 that sets the number by
``units_needed`` (400 songs at most) and one measurement of so many fresh ones; the same with the first 40 counted in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.sample_size import units_needed

FIRST, LOOKS, TIMES = 40, 10, 5_000
TRUTHS = (0.0, 0.2)


def interval(songs: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the mean."""
    reach = 1.96 * songs.std(ddof=1) / np.sqrt(len(songs))
    return float(songs.mean() - reach), float(songs.mean() + reach)


def decided(songs: NDArray[np.float64]) -> bool:
    """Whether the interval excludes the end of the range."""
    low, high = interval(songs)
    return low > 0 or high < 0


def number(songs: NDArray[np.float64]) -> int:
    """Songs that the first measurement asks for."""
    pilot = Measurement("mean", "mean", float(songs.mean()), interval(songs), len(songs))
    return min(FIRST * LOOKS, units_needed(-np.inf, 0.0, pilot) or FIRST * LOOKS)


def once(truth: float, rng: np.random.Generator) -> tuple[bool, int]:
    """One measurement."""
    return decided(rng.normal(truth, 1, FIRST)), FIRST


def again(truth: float, rng: np.random.Generator) -> tuple[bool, int]:
    """Songs added until there is a verdict."""
    songs = rng.normal(truth, 1, FIRST * LOOKS)
    for n in range(FIRST, FIRST * LOOKS + 1, FIRST):
        if decided(songs[:n]):
            return True, n
    return False, FIRST * LOOKS


def fixed(truth: float, rng: np.random.Generator) -> tuple[bool, int]:
    """A number set beforehand, fresh songs."""
    n = number(rng.normal(truth, 1, FIRST))
    return decided(rng.normal(truth, 1, n)), n + FIRST


def counted_in(truth: float, rng: np.random.Generator) -> tuple[bool, int]:
    """A number set beforehand, of which the first measurement is part, and decides where it can."""
    first = rng.normal(truth, 1, FIRST)
    if decided(first):
        return True, FIRST
    n = number(first)
    return decided(np.concatenate([first, rng.normal(truth, 1, n - FIRST)])), n


def main() -> None:
    """Print the share of verdicts and the mean number of songs of each way."""
    ways: dict[str, Callable[[float, np.random.Generator], tuple[bool, int]]] = {
        f"once, {FIRST} songs": once,
        f"again and again, up to {FIRST * LOOKS}": again,
        "number fixed by a first measurement, fresh songs": fixed,
        "the same, the first measurement counted in": counted_in,
    }
    print("| way | false alarms | songs | verdicts where the truth is .2 | songs |\n|---|---|---|---|---|")
    for name, way in ways.items():
        cells: list[str] = []
        for truth in TRUTHS:
            rng = np.random.default_rng(0)
            results = np.array([way(truth, rng) for _ in range(TIMES)])
            cells += [f"{results[:, 0].mean():.3f}", f"{results[:, 1].mean():.0f}"]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
