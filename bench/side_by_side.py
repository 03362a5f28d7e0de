"""Several generators beside one: do intervals that are to hold for all comparisons at once do so 95 times of 100?

One generator and five others of the same law, so that every true difference is 0. Features: 16 dimensions, real
N(0, I), generators N(.3, I), 60 songs of two clips that share half their variance. Log-mels for the Quality Score:
noise of one spectrum, 24 songs a side. Control: 60 clips a generator, predictions .4 of the condition and noise.
Beside the share of sets in which all K intervals of 95 % contain 0, that of the simultaneous ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti import metrics
from affetti.studies.scorecard.paired import stretched

D, SONGS, CLIPS, MEL_SONGS, REQUESTS = 16, 60, 2, 24, 60
COMPARISONS = (1, 3, 5)
RESAMPLES = 500

Floats = NDArray[np.float64]
Ends = tuple[tuple[float, float], dict[int, tuple[float, float]]]
"""The interval of one comparison, and by their number those for as many at once."""


def features(shift: float, rng: np.random.Generator) -> Floats:
    """Rows ``[SONGS · CLIPS, D]`` of which clips of a song share half the variance."""
    song = np.repeat(rng.normal(size=(SONGS, D)), CLIPS, axis=0)
    return shift + np.sqrt(0.5) * (song + rng.normal(size=song.shape))


def distances(distance: Literal["frechet", "kernel"], rng: np.random.Generator) -> Iterator[Ends]:
    """Differences of distances of one generator and each other."""
    song = np.repeat(np.arange(SONGS), CLIPS)
    real, fake = features(0.0, rng), features(0.3, rng)
    for _ in range(max(COMPARISONS)):
        test = metrics.paired_test(real, fake, features(0.3, rng), (song,) * 3, distance)
        yield test.difference.ci or (np.nan, np.nan), {k: test.simultaneous(k) or (np.nan, np.nan) for k in COMPARISONS}


def log_mels(level: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise with a sloping spectrum, of songs that differ in level, dB ``[N, 16, 64]``."""
    own = rng.normal(level, 3.0, (MEL_SONGS, 1, 1)) - np.linspace(0, 30, 16)[None, :, None]
    return (own + rng.normal(0, 5.0, (MEL_SONGS, 16, 64))).astype(np.float32)


def quality(rng: np.random.Generator) -> Iterator[Ends]:
    """Differences of the Quality Score."""
    real, fake = log_mels(-20, rng), log_mels(-17, rng)
    for _ in range(max(COMPARISONS)):
        result = metrics.quality_difference(real, fake, log_mels(-17, rng)).difference
        ci = result.ci or (np.nan, np.nan)
        yield ci, {k: stretched(result.value, ci, k) for k in COMPARISONS}


def control(measure: str, rng: np.random.Generator) -> Iterator[Ends]:
    """Differences of slope, correlation or bias."""

    def clips() -> tuple[Floats, Floats, None]:
        requested = rng.uniform(-1, 1, (REQUESTS, 2))
        return requested, 0.4 * requested + rng.normal(0, 0.3, requested.shape), None

    fake = clips()
    for _ in range(max(COMPARISONS)):
        other, seed = clips(), int(rng.integers(1 << 31))
        both = {k: metrics.response_difference(fake, other, seed, k, RESAMPLES)["arousal"] or {} for k in COMPARISONS}
        yield both[1][measure].ci, {k: both[k][measure].simultaneous for k in COMPARISONS}


def main() -> None:
    """Print a row for each measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--slow-sets", type=int, default=80, help="of the Quality Score and of control")
    arguments = parser.parse_args()
    ways: dict[str, tuple[Callable[[np.random.Generator], Iterator[Ends]], int]] = {
        "Fréchet distance": (partial(distances, "frechet"), arguments.sets),
        "kernel distance": (partial(distances, "kernel"), arguments.sets),
        "Quality Score": (quality, arguments.slow_sets),
        "slope of arousal": (partial(control, "slope"), arguments.slow_sets),
    }
    heads = [f"{kind}, {k}" for kind in ("each alone", "at once") for k in COMPARISONS]
    print(f"| measure | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name, (way, sets) in ways.items():
        rng = np.random.default_rng(0)
        drawn = [list(way(rng)) for _ in range(sets)]
        cells = [
            np.mean([all(_holds(ends[at_once][k] if at_once else ends[0]) for ends in each[:k]) for each in drawn])
            for at_once in (0, 1)
            for k in COMPARISONS
        ]
        print(f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} |", flush=True)


def _holds(ci: tuple[float, float]) -> bool:
    """Whether the interval contains the truth, 0."""
    return ci[0] <= 0 <= ci[1]


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
