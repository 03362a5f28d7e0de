"""How often does the study's verdict raise a false alarm, and how often does it find a gain that is there?

A model of known truth with three levels. A regressor of arm a, generator run r and seed s predicts of clip c of song i

    g[a, r, s] · label[i, c] + hard[i] + own[a, i] + learnt[a, s, i] + noise,
    g[a, r, s] = gain[a] + run[a, r] + N(0, 0.06²),    run[a, r] ~ N(0, σ²),

where ``hard`` is what makes a song hard for all, ``own`` what an arm makes of a song with every seed, ``learnt`` what
one training makes of it. Labels vary between songs and, half as much, within them. The reference has no generator.
Under no difference all arms have gain 0.6; a planted arm has more. Five arms beside the reference, 2 clips a song. A
claim is on the method: its truth is the mean over runs, songs and seeds.

Printed, of many simulated studies: the standard deviation of a run in CCC; the share in which one arm without a
difference, chosen beforehand, is called one by its own interval (nominal 5 %); that in which any arm without a
difference is called one by the intervals that hold for all at once (nominal 5 %); and the share in which each finds the
planted arm, with the mean of the true differences in CCC. The standard error of a share near 5 % is given by the count.

python bench/power.py [STUDIES [SONGS SEEDS RUNS]]

With songs, seeds and runs: that design alone, without a difference and with three planted ones, where a run has the
standard deviation of .020 CCC.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti.studies.augmentation.comparison import REFERENCE, compare_arms, weighted_concordance

ARMS, CLIPS, RESAMPLES = 5, 2, 300
GAIN, SPREAD = 0.6, 0.06
HARD, OWN, LEARNT, NOISE = 0.25, 0.08, 0.08, 0.15
LABEL, WITHIN = 0.4, 0.2
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """What is simulated."""

    songs: int
    seeds: int
    runs: int
    run_spread: float = 0.0
    """σ, of all arms but the reference."""
    planted: float = 0.0
    """Gain of ``arm0`` over the others."""
    one_wild: bool = False
    """Whether runs of ``arm1`` alone vary, and no other arm's."""


def study(s: Setting, rng: np.random.Generator) -> tuple[dict[str, Floats], Floats, NDArray[np.str_]]:
    """Predictions ``[S, N, 2]`` of each arm, labels and songs."""
    of_songs = np.repeat(rng.normal(0, LABEL, (s.songs, 2)), CLIPS, axis=0)
    labels = (of_songs + rng.normal(0, WITHIN, of_songs.shape)).clip(-1, 1)
    hard = rng.normal(0, HARD, (s.songs, 2))
    predictions: dict[str, Floats] = {}
    for arm in (REFERENCE, *(f"arm{i}" for i in range(ARMS))):
        own = rng.normal(0, OWN, (s.songs, 2))
        varies = arm != REFERENCE and (not s.one_wild or arm == "arm1")
        runs = rng.normal(0, s.run_spread if varies else 0.0, s.runs)
        rows: list[Floats] = []
        for seed in range(s.seeds):
            gain = GAIN + (s.planted if arm == "arm0" else 0.0) + runs[seed % s.runs] + rng.normal(0, SPREAD, 2)
            of_song = np.repeat(hard + own + rng.normal(0, LEARNT, (s.songs, 2)), CLIPS, axis=0)
            rows.append(gain * labels + of_song + rng.normal(0, NOISE, labels.shape))
        predictions[arm] = np.stack(rows)
    return predictions, labels, np.repeat([f"song{i}" for i in range(s.songs)], CLIPS)


def truth(s: Setting, times: int = 8) -> tuple[float, float]:
    """The difference in CCC that endless songs, seeds and runs would give, and the standard deviation of a run."""
    rng = np.random.default_rng(0)
    differences: list[float] = []
    for _ in range(times):
        predictions, labels, _ = study(Setting(5_000, 4, 4, 0.0, s.planted), rng)
        ccc = {arm: weighted_concordance(p, labels, np.ones((1, len(labels)))).mean() for arm, p in predictions.items()}
        differences.append(float(ccc["arm0"] - ccc[REFERENCE]))
    # By how much CCC moves with the gain, from a gain that is a little higher.
    predictions, labels, _ = study(Setting(20_000, 1, 1), rng)
    one = np.ones((1, len(labels)))
    slope = weighted_concordance(predictions["arm0"] + 0.05 * labels, labels, one).mean()
    slope = (slope - weighted_concordance(predictions["arm0"], labels, one).mean()) / 0.05
    return float(np.mean(differences)) if s.planted else 0.0, float(slope) * s.run_spread


def rates(s: Setting, times: int) -> tuple[float, float, float, float]:
    """Share of studies with a false alarm, by one interval and by all, and of those that find the planted arm."""
    rng = np.random.default_rng([s.songs, s.seeds, s.runs, round(1_000 * s.run_spread), round(1_000 * s.planted)])
    counts = np.zeros(4)
    runs = {f"arm{i}": [seed % s.runs for seed in range(s.seeds)] for i in range(ARMS)}
    for number in range(times):
        predictions, labels, names = study(s, rng)
        compared = compare_arms(
            predictions, labels, names, REFERENCE, number, runs=runs if s.runs > 1 else {}, resamples=RESAMPLES
        )
        rows = {row.name: row for row in compared.arms}
        same = [f"arm{i}" for i in range(1 if s.planted else 0, ARMS)]
        alone = {arm: row.delta_ci[0] > 0 or row.delta_ci[1] < 0 for arm, row in rows.items()}
        both = {arm: row.delta_ci_simultaneous or (0.0, 0.0) for arm, row in rows.items()}
        counts[0] += alone["arm1"]
        counts[1] += any(both[arm][0] > 0 or both[arm][1] < 0 for arm in same)
        counts[2] += rows["arm0"].delta_ci[0] > 0
        counts[3] += both["arm0"][0] > 0
    one, every, alone_found, found = (counts / times).tolist()
    return one, every, alone_found, found


SETTINGS = (
    *(Setting(songs, 3, 1) for songs in (24, 49, 150, 200)),
    *(Setting(songs, 5, 1) for songs in (49, 200)),
    *(Setting(songs, 3, 3, spread) for songs in (49, 200) for spread in (0.03, 0.06)),
    Setting(114, 6, 3, 0.06),
    Setting(114, 5, 5, 0.06),
    Setting(114, 3, 3, 0.06, one_wild=True),
    *(Setting(49, 5, 1, spread) for spread in (0.03, 0.06)),  # one run is all, and taken for the method
    *(Setting(songs, seeds, 1, 0.0, 0.08) for songs in (49, 150) for seeds in (3, 5)),
    *(Setting(114, seeds, seeds, 0.03, 0.08) for seeds in (3, 5)),
)


PLANTED = (0.0, 0.04, 0.08, 0.12)
"""Gains of a design that is given."""


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    settings = SETTINGS
    if len(sys.argv) > 2:
        songs, seeds, runs = map(int, sys.argv[2:5])
        settings = tuple(Setting(songs, seeds, runs, 0.03, planted) for planted in PLANTED)
    error = np.sqrt(0.05 * 0.95 / times)
    print(f"{times} simulated studies a row: the standard error of a share of .05 is {error:.3f}; {ARMS} arms")
    heads = ["songs", "seeds", "runs", "SD of a run", "true gain"]
    heads += ["alarm, one", "alarm, any", "found, one", "found, all"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    with threadpool_limits(1):
        for setting in settings:
            one, every, alone, found = rates(setting, times)
            gain, run = truth(setting)
            power = (f"{alone:.2f}", f"{found:.2f}") if setting.planted else ("–", "–")
            spread = f"{run:.3f}" + (" (one arm)" if setting.one_wild else "") if setting.run_spread else "–"
            cells = (setting.songs, setting.seeds, setting.runs, spread, f"{gain:+.3f}" if gain else "0")
            print(f"| {' | '.join(map(str, (*cells, f'{one:.3f}', f'{every:.3f}', *power)))} |", flush=True)
