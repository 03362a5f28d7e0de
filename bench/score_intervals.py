"""Do the 95 % intervals of the scorecard's other measures hold the truth, and does a worse set ever look better?

    python bench/score_intervals.py [--sets 60] [--songs 50 120]

For the neighbour measures and the Vendi score: rows of N(0, I) in 8 dimensions, one clip a song or three that share
60 % of their variance. For the distances of log-mels: clips of 8 bands and 64 frames whose levels, swings and onsets
vary from clip to clip. Synthetic sets are of the same distribution, or worse in one respect by about a third of a
standard deviation between clips, as in ``bench/distances.py``. Many pairs of sets are drawn; the truth of each measure
is its mean over them, at the same size. Printed beside the share of intervals that hold it: the value's standard
deviation, the one that the interval implies, and how often the value is better than its floor (half of the time for the
same distribution).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti.metrics import Result, by_halves, spectrogram_distances

D, SHARED, STEP = 8, 0.6, np.sqrt(0.1)
LOWER = ("level", "modulation", "onset_rate", "onset_strength")

Floats = NDArray[np.float64]
Songs = NDArray[np.intp]
Measured = dict[str, Result]


def rows(song: Songs, kind: str, rng: np.random.Generator) -> Floats:
    """Rows of which clips of a song share a part."""
    own, both = rng.normal(size=(len(song), D)), rng.normal(size=(song.max() + 1, D))[song]
    scale = {"wider": 1 + STEP, "narrower": 1 - STEP}.get(kind, 1.0)
    return scale * (np.sqrt(SHARED) * both + np.sqrt(1 - SHARED) * own) + STEP * (kind == "shifted")


def mels(song: Songs, kind: str, rng: np.random.Generator) -> Floats:
    """Log-mels in dB whose levels, swings and onsets vary with the clip."""
    n = len(song)
    level = rng.normal(-40, 4, n) + 4 * STEP * (kind == "louder")
    swing = np.exp(rng.normal(0.4 * STEP * (kind == "livelier"), 0.4, n))
    often = np.clip(rng.normal(0.12 + 0.04 * STEP * (kind == "busier"), 0.04, n), 0.02, 0.4)
    strength = rng.normal(12 + 3 * STEP * (kind == "harder"), 3, n)
    hits = rng.random((n, 64)) < often[:, None]
    course = np.zeros((n, 64))
    for frame in range(64):
        course[:, frame] = 0.6 * course[:, frame - 1] + hits[:, frame] * strength
    noise = rng.normal(size=(n, 8, 64))
    return level[:, None, None] + course[:, None] + swing[:, None, None] * noise


def of_rows(song: Songs, kind: str, seed: int) -> Measured:
    """The measures by halves."""
    rng = np.random.default_rng([1, seed])
    return by_halves(rows(song, "", rng), rows(song, kind, rng), (song, song), seed=seed)


def of_mels(song: Songs, kind: str, seed: int) -> Measured:
    """The distances of log-mels."""
    rng = np.random.default_rng([2, seed])
    distances = spectrogram_distances(mels(song, "", rng), mels(song, kind, rng), (song, song), seed=seed)
    return {
        "level": distances.level,
        "modulation": distances.modulation,
        "onset_rate": distances.onset_rate,
        "onset_strength": distances.onset_strength,
    }


def table(measure: Callable[[Songs, str, int], Measured], kinds: tuple[str, ...], song: Songs, sets: int) -> None:
    """Print a row for each measure and kind of synthetic set."""
    for kind in kinds:
        drawn = [measure(song, kind, seed) for seed in range(sets)]
        for name in drawn[0]:
            values, floors = (
                np.array([getattr(result[name], part) for result in drawn]) for part in ("value", "floor")
            )
            low, high = np.array([result[name].ci for result in drawn]).T
            held = ((low <= values.mean()) & (values.mean() <= high)).mean()
            implied = (high - low).mean() / (2 * 1.96)
            better = (values < floors).mean() if name in LOWER else (values > floors).mean()
            numbers = f"{values.mean():.3f} | {floors.mean():.3f} | {values.std():.3f} | {implied:.3f} | {held:.2f}"
            print(f"| {name} | {kind} | {numbers} | {better:.2f} |", flush=True)


def main() -> None:
    """Print a table for each arrangement of songs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", type=int, default=60, help="pairs of sets a kind")
    parser.add_argument("--songs", type=int, nargs="+", default=[50, 120], help="songs a side")
    flags = parser.parse_args()
    for songs in flags.songs:
        for clips in (1, 3):
            song = np.repeat(np.arange(songs), clips)
            print(f"\n{songs} songs of {clips}\n")
            print("| measure | synthetic set | value | floor | deviation | implied | coverage | better than floor |")
            print("|---|---|---|---|---|---|---|---|")
            table(of_rows, ("the same", "shifted", "wider", "narrower"), song, flags.sets)
            if clips == 1:
                table(of_mels, ("the same", "louder", "livelier", "busier", "harder"), song, flags.sets)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
