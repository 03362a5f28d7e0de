"""How often does the analysis of a listening study raise a false alarm, and do its intervals hold the truth?

Studies of two systems are simulated: each listener rates each clip of both, on a continuous scale or rounded to five
points; listeners, listeners × systems, clips and errors are normal, with standard deviations of 0.5, 0.25, 0.55 and
0.8 points. With them the test on pooled ratings (Welch's t, each rating a sample) raises false alarms in about 41 % of
studies of 20 listeners and 10 clips a system, as it does in tools that ship it. Beside it the test on clip means, and
on listener means. ``own``: each system has clips of its own; ``same``: both answered the same requests, whose effect is
shared. Power is at a difference of half a point. Intervals are of the difference, and of a system's mean.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from scipy import stats

from affetti.studies.listening.crossed import Crossed
from affetti.studies.listening.rating_table import Floats, ScaleRatings

LISTENER, BOTH, CLIP, ERROR = 0.5, 0.25, 0.55, 0.8
SHIFT = 0.5
CELLS = (
    (20, 10, "own", False),
    (111, 14, "own", False),
    (12, 30, "own", False),
    (20, 10, "same", False),
    (20, 10, "own", True),
    (8, 6, "own", False),
)


def study(rng: np.random.Generator, n_listeners: int, n_clips: int, same: bool) -> ScaleRatings:
    """Ratings of two systems that are equal."""
    effects = rng.normal(0, LISTENER, (n_listeners, 1, 1)) + rng.normal(0, BOTH, (n_listeners, 2, 1))
    by_clip = rng.normal(0, CLIP, (1, 2, n_clips))
    if same:  # half the variance belongs to the request
        by_clip = np.sqrt(0.5) * by_clip + np.sqrt(0.5) * rng.normal(0, CLIP, (1, 1, n_clips))
    rating = effects + by_clip + rng.normal(0, ERROR, (n_listeners, 2, n_clips))
    listener, system, number = np.indices(rating.shape).reshape(3, -1)
    clip = system * n_clips + number
    listeners, clips = (tuple(map(str, range(n))) for n in (n_listeners, 2 * n_clips))
    condition, conditions = (number, clips[:n_clips]) if same else (clip, clips)
    return ScaleRatings(
        "quality", rating.reshape(-1), listener, clip, condition, system, listeners, clips, conditions, ("a", "b")
    )


def shifted(ratings: ScaleRatings, shift: float, rounded: bool) -> ScaleRatings:
    """The second system better by ``shift``; rounded: on five points about 3."""
    values = ratings.rating + shift * ratings.system
    values = np.clip(np.round(values + 3.0), 1.0, 5.0) if rounded else values
    return replace(ratings, rating=values)


def welch(first: Floats, second: Floats) -> bool:
    """Whether Welch's t test of two samples raises an alarm."""
    return bool(np.asarray(stats.ttest_ind(first, second, equal_var=False))[1] < 0.05)


def cell(n_listeners: int, n_clips: int, requests: str, rounded: bool, studies: int, seed: int) -> str:
    """A row of the table."""
    counts = dict.fromkeys(("alarm", "power", "covers", "mean", "pooled", "clips", "listeners"), 0)
    for number in range(studies):
        rng = np.random.default_rng([seed, n_listeners, n_clips, requests == "same", rounded, number])
        made = study(rng, n_listeners, n_clips, requests == "same")
        equal = shifted(made, 0.0, rounded)
        crossed = Crossed(equal)
        difference = crossed.difference(1, 0)
        low, high = difference.interval() or (np.nan, np.nan)
        mean_low, mean_high = crossed.system_mean(0).interval() or (np.nan, np.nan)
        truth = 3.0 if rounded else 0.0
        counts["alarm"] += (difference.p or 0.0) < 0.05
        counts["covers"] += low <= 0 <= high
        counts["mean"] += mean_low <= truth <= mean_high
        counts["power"] += (Crossed(shifted(made, SHIFT, rounded)).difference(1, 0).p or 0.0) < 0.05
        first, second = equal.system == 0, equal.system == 1
        counts["pooled"] += welch(equal.rating[first], equal.rating[second])
        table = equal.matrix()
        by_clip, by_listener = table.mean(axis=1), [table[:n_clips].mean(axis=0), table[n_clips:].mean(axis=0)]
        counts["clips"] += welch(by_clip[:n_clips], by_clip[n_clips:])
        counts["listeners"] += bool(stats.ttest_rel(*by_listener)[1] < 0.05)
    percent = {name: f"{100 * count / studies:.1f} %" for name, count in counts.items()}
    names = ("alarm", "covers", "mean", "power", "pooled", "listeners", "clips")
    where = f"{n_listeners} × {n_clips}, {requests}{', five points' if rounded else ''}"
    return " | ".join(["", where, *(percent[name] for name in names), ""]).strip()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(
        "| listeners × clips a system | false alarms | interval of the difference holds 0 | of a mean holds it ", end=""
    )
    print("| power at half a point | false alarms: pooled ratings | listener means | clip means |")
    print("|---|---|---|---|---|---|---|---|")
    for listeners, clips, requests, rounded in CELLS:
        print(cell(listeners, clips, requests, rounded, options.studies, options.seed), flush=True)
    error = 100 * np.sqrt(0.05 * 0.95 / options.studies)
    print(f"\n{options.studies} studies a row; standard error of 5 %: {error:.1f} points")


if __name__ == "__main__":
    main()
