"""Does the 95 % interval of a share "of real" hold the truth 95 times of 100?

A regressor shrinks towards the mean, so what its predictions show of synthetic clips (slope, correlation, CCC against
the requested emotion) is divided by what they show of held-out real songs. Both sides have error, and real songs are
few. Drawn are N real songs of eight clips, whose labels and errors are partly the song's, and K synthetic clips, each
by itself. The truth of each share is that of 400,000 clips a side.

Four intervals: MOVER-R of the two sides' own percentile intervals, each as wide as Student's for its number of songs,
as affetti reports it; the same of the percentile intervals as they are; percentiles of the ratio over draws of both
sides; the interval of the synthetic side divided by the real value, which takes that for known. Real songs whose own
interval reaches 0 have no share, and are not counted.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from affetti.metrics.conditioning import RATIO_MEASURES
from affetti.metrics.ratio import ratio_interval, widen_percentiles

Floats = NDArray[np.float64]
CLIPS = 8
REAL_SLOPE, FAKE_SLOPE = 0.5, 0.4
SONG_SHARE = 0.5
"""Of the variance of real labels, and of the regressor's error on real clips."""
NOISE = {"faithful": 0.25, "noisy": 0.5}
"""Deviation of the regressor's error, of labels of deviation 0.5."""
RESAMPLES = 500
WAYS = ("both sides, Student's", "both sides, percentiles", "ratios of draws", "synthetic side alone")


def draw(songs: int, clips: int, slope: float, noise: float, rng: np.random.Generator) -> Floats:
    """Sums over the clips of each song of 1, p, c, p², c², pc for predictions p and labels c: ``[songs, 6]``."""

    def values(deviation: float) -> Floats:
        share = SONG_SHARE if clips > 1 else 0.0
        common, own = rng.normal(size=(songs, 1)), rng.normal(size=(songs, clips))
        return deviation * (np.sqrt(share) * common + np.sqrt(1 - share) * own)

    label = values(0.5)
    prediction = 0.05 + slope * label + values(noise)
    each = [np.ones_like(label), prediction, label, prediction**2, label**2, prediction * label]
    return np.stack([part.sum(axis=1) for part in each], axis=1)


def measured(sums: Floats) -> Floats:
    """Correlation, slope and CCC from sums ``[..., 6]``: ``[..., 3]``."""
    n, p, c, pp, cc, pc = np.moveaxis(sums, -1, 0)
    p, c, pp, cc, pc = p / n, c / n, pp / n, cc / n, pc / n
    shared, of_p, of_c = pc - p * c, pp - p**2, cc - c**2
    return np.stack([shared / np.sqrt(of_p * of_c), shared / of_c, 2 * shared / (of_p + of_c + (p - c) ** 2)], axis=-1)


def resampled(sums: Floats, rng: np.random.Generator) -> Floats:
    """The measures under draws of songs ``[R, 3]``."""
    counts = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), RESAMPLES)
    return measured(counts @ sums)


def main() -> None:
    """Print the coverage of each interval by number of songs and noise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=2_000)
    parser.add_argument("--songs", type=int, nargs="+", default=[10, 20, 50, 100])
    parser.add_argument("--clips", type=int, default=200, help="synthetic clips")
    arguments = parser.parse_args()
    heads = " | ".join(f"{way}: {', '.join(RATIO_MEASURES)}" for way in WAYS)
    print(f"| regressor | real songs | {heads} | without a share |")
    print("|---" * (3 + len(WAYS)) + "|")
    for name, noise in NOISE.items():
        rng = np.random.default_rng(0)
        whole = [draw(50_000 if clips > 1 else 400_000, clips, slope, noise, rng).sum(axis=0)
                 for clips, slope in ((CLIPS, REAL_SLOPE), (1, FAKE_SLOPE))]  # fmt: skip
        truth = measured(whole[1]) / measured(whole[0])
        for songs in arguments.songs:
            rng = np.random.default_rng(songs)
            inside = np.zeros((len(WAYS), 3))
            counted = np.zeros(3)
            for _ in range(arguments.replicates):
                real, fake = (
                    draw(songs, CLIPS, REAL_SLOPE, noise, rng),
                    draw(arguments.clips, 1, FAKE_SLOPE, noise, rng),
                )
                below, above = measured(real.sum(axis=0)), measured(fake.sum(axis=0))
                drawn = resampled(real, rng), resampled(fake, rng)
                of_real, of_fake = (np.quantile(values, [0.025, 0.975], axis=0) for values in drawn)
                of_ratio = np.quantile(drawn[1] / drawn[0], [0.025, 0.975], axis=0)
                for k in range(3):
                    ends = tuple(of_fake[:, k]), tuple(of_real[:, k])
                    wide = (
                        widen_percentiles(above[k], ends[0], arguments.clips),
                        widen_percentiles(below[k], ends[1], songs),
                    )
                    ways = [ratio_interval(above[k], its, below[k], other) for its, other in (wide, ends)]
                    ways += [tuple(of_ratio[:, k]), tuple(of_fake[:, k] / below[k])]
                    known = [way for way in ways if way is not None]
                    if len(known) == len(WAYS):
                        counted[k] += 1
                        inside[:, k] += [low <= truth[k] <= high for low, high in known]
            cells = [", ".join(f"{share:.3f}" for share in row / counted.clip(1)) for row in inside]
            without = 100 * (1 - counted.min() / arguments.replicates)
            print(f"| {name} | {songs} | {' | '.join(cells)} | {without:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
