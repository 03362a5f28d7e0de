"""Does the 95 % interval of neighbour metrics and of the Vendi score hold the truth?

Two laws in 8 dimensions, N(0, I) and N(0.3, 0.64 I): 120 songs of one clip a side, and 60 songs of three that share
60 % of their variance. Many pairs of sets are drawn; the truth of each measure is its mean over them, at the same size.
Told beside the share of intervals that hold it: the value's standard deviation, and what the interval takes it for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti.metrics import by_halves
from affetti.metrics.half_splits import MEASURES

D, SHARED, PAIRS = 8, 0.6, 120
SONGS = {"120 songs of one clip": np.arange(120), "60 songs of three": np.repeat(np.arange(60), 3)}


def clips(song: NDArray[np.intp], scale: float, shift: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Rows of covariance scale² I, of which clips of a song share a part."""
    own = rng.normal(size=(len(song), D))
    both = rng.normal(size=(song.max() + 1, D))[song]
    return (np.sqrt(SHARED) * both + np.sqrt(1 - SHARED) * own) * scale + shift


def main() -> None:
    """Print a table for each arrangement of songs."""
    for name, song in SONGS.items():
        rng = np.random.default_rng(1)
        pairs = [(clips(song, 1, 0, rng), clips(song, 0.8, 0.3, rng)) for _ in range(PAIRS)]
        actual = [by_halves(x, y, (song, song), seed=i) for i, (x, y) in enumerate(pairs)]
        print(f"\n{name}\n\n| measure | truth | standard deviation | as the interval has it | coverage |")
        print("|---|---|---|---|---|")
        for measure in MEASURES:
            values = np.array([result[measure].value for result in actual])
            low, high = np.array([result[measure].ci for result in actual]).T
            held = ((low <= values.mean()) & (values.mean() <= high)).mean()
            spread = (high - low).mean() / (2 * 1.96)
            print(f"| {measure} | {values.mean():.3f} | {values.std():.3f} | {spread:.3f} | {held:.2f} |")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
