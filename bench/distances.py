"""Do the scorecard's distances keep what they promise? A simulation of sets whose true distance is known.

    python bench/distances.py [--sets 200] [--measures frechet kernel ...]

Real rows are drawn from N(0, I) in D dimensions, N songs of them; synthetic rows from the same distribution, or from
one that is worse: shifted, wider or narrower, each at a squared Fréchet distance of D/10. Songs have one clip, or four
that share 70 % of their variance; there are as many synthetic songs as real ones, or four times as many. Of each
measure, in each cell that it does not refuse: the share of 95 % intervals that hold the truth, for fakes of the real
distribution and for the three kinds of worse ones, and P(value < floor) of these three: how often they come out nearer
to real music than real music itself. The truth is in closed form, for the kernel distance at the sample's bandwidth.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti import metrics
from affetti.errors import InputError
from affetti.metrics.kernel_distances import bandwidth
from affetti.metrics.sample import Sample

SONGS = (24, 49, 100, 200, 1_000)
FEATURES = (16, 64, 240)
SHARED = 0.7
STEP = np.sqrt(0.1)
"""A shift, or change of deviation, of each feature: d² is D/10."""
SEED = 15
KEYS = ("frechet", "frechet_infinity", "joint", "kernel", "sliced_wasserstein")

Floats = NDArray[np.float64]
Songs = NDArray[np.intp]


@dataclass(frozen=True)
class Law:
    """N(shift, scale² I)."""

    shift: float = 0.0
    scale: float = 1.0


LAWS = {
    "the same": Law(),
    "shifted": Law(shift=STEP),
    "wider": Law(scale=1 + STEP),
    "narrower": Law(scale=1 - STEP),
}
ARRANGEMENTS = {"one clip a song": (1, 1), "four clips a song": (4, 1), "4 N synthetic songs": (1, 4)}
"""Clips a song, and synthetic songs for each real one."""


def rows(songs: int, clips: int, d: int, law: Law, rng: np.random.Generator) -> tuple[Floats, Songs]:
    """Rows of so many songs, and the song of each."""
    song = np.repeat(np.arange(songs), clips)
    drawn = rng.normal(size=(len(song), d))
    if clips > 1:
        drawn = np.sqrt(SHARED) * rng.normal(size=(songs, d))[song] + np.sqrt(1 - SHARED) * drawn
    return law.scale * drawn + law.shift, song


def gaussian_discrepancy(law: Law, d: int, squared_bandwidth: float) -> float:
    """MMD² of N(0, I) and ``law``: E k = (σ²/(σ² + v))^{D/2} exp(−‖Δ‖²/2(σ² + v)), v the variance of a difference."""

    def mean_kernel(variance: float, shift: float) -> float:
        total = squared_bandwidth + variance
        return (squared_bandwidth / total) ** (d / 2) * np.exp(-d * shift**2 / (2 * total))

    return mean_kernel(2, 0) + mean_kernel(2 * law.scale**2, 0) - 2 * mean_kernel(1 + law.scale**2, law.shift)


def distances(
    x: tuple[Floats, Songs], y: tuple[Floats, Songs], law: Law, seed: int, names: tuple[str, ...]
) -> Iterator[tuple[str, Any, float]]:
    """Each measure that does not refuse, with the truth."""
    (real, of_real), (fake, of_fake) = x, y
    d = real.shape[1]
    given = real, fake, (of_real, of_fake)
    squared = d * (law.shift**2 + (law.scale - 1) ** 2)

    def joint() -> Any:
        # The last two columns pose as conditions, of weight 1.
        conditions = real[:, -2:], fake[:, -2:]
        return metrics.frechet_joint_distance(
            real[:, :-2], fake[:, :-2], conditions, given[2], 1.0, permutations=19, seed=seed
        ).joint

    measures: dict[str, tuple[Callable[[], Any], Callable[[], float]]] = {
        "frechet": (lambda: metrics.frechet(*given, seed=seed), lambda: squared),
        "frechet_infinity": (lambda: metrics.frechet_infinity(*given, seed=seed), lambda: squared),
        "joint": (joint, lambda: squared),
        "kernel": (
            lambda: metrics.kernel(*given, seed=seed),
            lambda: gaussian_discrepancy(law, d, bandwidth(Sample.of(real, of_real, "x")) ** 2),
        ),
        "sliced_wasserstein": (lambda: metrics.sliced_wasserstein(*given, seed=seed), lambda: squared / d),
    }
    for name in names:
        measure, truth = measures[name]
        try:
            result = measure()
        except InputError:
            continue
        if result is not None:
            yield name, result, truth()


def cell(songs: int, d: int, clips: int, times: int, sets: int, names: tuple[str, ...]) -> dict[str, list[list[float]]]:
    """For each measure: coverage of the truth by kind of fakes, and P(value < floor) by kind that is worse."""
    held: dict[str, dict[str, list[bool]]] = {}
    below: dict[str, dict[str, list[bool]]] = {}
    for kind, law in LAWS.items():
        for number in range(sets):
            rng = np.random.default_rng([SEED, songs, d, clips, times, number])
            x, y = rows(songs, clips, d, Law(), rng), rows(times * songs, clips, d, law, rng)
            for name, result, truth in distances(x, y, law, number, names):
                held.setdefault(name, {}).setdefault(kind, []).append(result.ci[0] <= truth <= result.ci[1])
                if law != Law() and getattr(result, "floor", None) is not None:
                    below.setdefault(name, {}).setdefault(kind, []).append(result.value < result.floor)
    return {
        name: [[float(np.mean(flags)) for flags in part.get(name, {}).values()] for part in (held, below)]
        for name in names
        if name in held
    }


def main() -> None:
    """Print a line for each cell, arrangement of songs and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", type=int, default=200, help="pairs of sets a kind; fewer of the largest")
    parser.add_argument(
        "--measures", nargs="+", default=["frechet", "frechet_infinity", "joint", "kernel"], help="keys"
    )
    parser.add_argument("--features", nargs="+", type=int, default=FEATURES, help="D")
    parser.add_argument("--songs", nargs="+", type=int, default=SONGS, help="N")
    flags = parser.parse_args()
    print("| D | N | arrangement | sets | measure | coverage: the same, shifted, wider, narrower | P(value < floor) |")
    print("|---|---|---|---|---|---|---|")
    for d in flags.features:
        for songs in flags.songs:
            for arrangement, (clips, times) in ARRANGEMENTS.items():
                sets = max(10, flags.sets // max(1, songs * d * clips // 10_000))
                by_measure = cell(songs, d, clips, times, sets, tuple(flags.measures))
                for name in flags.measures:
                    held, below = by_measure.get(name, ([], []))
                    coverage = " ".join(f"{share:.2f}" for share in held) or "refused"
                    chances = " ".join(f"{share:.3f}" for share in below)
                    print(f"| {d} | {songs} | {arrangement} | {sets} | {name} | {coverage} | {chances} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
