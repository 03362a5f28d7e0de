"""How often does the study's verdict cry wolf, and how often does it find a gain that is there?

A two-level model of known truth: a regressor of arm a and seed s reads of clip c of song i

    g[a, s] · label + hard[i] + own[a, i] + learnt[a, s, i] + noise,   g[a, s] ~ N(gain[a], 0.06²),

where ``hard`` is what makes a song hard for all, ``own`` what an arm makes of a song with every seed, ``learnt`` what
one training run makes of it. Under no difference all arms have gain 0.6; a planted arm has more. Five arms beside the
reference, 4 clips a song. Printed, of many simulated studies: the share in which any arm without a difference is called
one ("helps" or "harms"; nominal 5 %) by each arm's own interval and by the verdict, which holds for all arms at once;
and the share in which the verdict finds the planted arm, with the mean of the true differences in CCC.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti.studies.augmentation.comparison import REFERENCE, compare_arms, verdict, weighted_concordance

ARMS, CLIPS = 5, 4
GAIN, SPREAD = 0.6, 0.06
HARD, OWN, LEARNT, NOISE = 0.25, 0.08, 0.08, 0.15


def study(
    songs: int, seeds: int, planted: float, rng: np.random.Generator
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64], NDArray[np.str_]]:
    """Predictions ``[S, N, 2]`` of each arm, labels and songs; ``arm0`` has the planted gain."""
    labels = np.repeat(rng.uniform(-0.8, 0.8, (songs, 2)), CLIPS, axis=0)
    hard = rng.normal(0, HARD, (songs, 2))
    predictions: dict[str, NDArray[np.float64]] = {}
    for arm in (REFERENCE, *(f"arm{i}" for i in range(ARMS))):
        own = rng.normal(0, OWN, (songs, 2))
        middle = GAIN + (planted if arm == "arm0" else 0.0)
        rows: list[NDArray[np.float64]] = []
        for _ in range(seeds):
            of_song = np.repeat(hard + own + rng.normal(0, LEARNT, (songs, 2)), CLIPS, axis=0)
            rows.append(rng.normal(middle, SPREAD, 2) * labels + of_song + rng.normal(0, NOISE, labels.shape))
        predictions[arm] = np.stack(rows)
    return predictions, labels, np.repeat([f"song{i}" for i in range(songs)], CLIPS)


def truth(planted: float) -> float:
    """The difference in CCC that a study of endless songs and seeds would find."""
    predictions, labels, _ = study(20_000, 5, planted, np.random.default_rng(0))
    ccc = {arm: weighted_concordance(p, labels, np.ones((1, len(labels)))).mean() for arm, p in predictions.items()}
    return float(ccc["arm0"] - ccc[REFERENCE])


def rates(songs: int, seeds: int, planted: float, times: int) -> tuple[float, float, float]:
    """Share of studies with a false alarm by plain intervals and by the verdict, and that find the planted arm."""
    rng = np.random.default_rng([songs, seeds, round(1_000 * planted)])
    plain = alarm = power = 0
    for number in range(times):
        predictions, labels, names = study(songs, seeds, planted, rng)
        rows = {row.name: row for row in compare_arms(predictions, labels, names, REFERENCE, number)}
        reported = {arm: verdict(row, songs, seeds, 2).split()[0] for arm, row in rows.items()}
        same = [f"arm{i}" for i in range(1 if planted else 0, ARMS)]
        plain += any(rows[arm].delta_ci[0] > 0 or rows[arm].delta_ci[1] < 0 for arm in same)
        alarm += any(reported[arm] in ("helps", "harms") for arm in same)
        power += reported["arm0"] == "helps"
    return plain / times, alarm / times, power / times


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{times} simulated studies a row, {ARMS} arms, {CLIPS} clips a song")
    print(f"{'songs':>6}{'seeds':>6}{'true gain':>11}{'alarms, plain':>15}{'alarms, verdict':>17}{'power':>8}")
    with threadpool_limits(1):
        for songs in (24, 48, 200):
            for seeds in (3, 5, 10):
                for planted in (0.0, 0.05, 0.15) if seeds == 5 else (0.0,):
                    plain, alarm, power = rates(songs, seeds, planted, times)
                    gain, shown = (truth(planted), f"{power:.2f}") if planted else (0.0, "–")
                    print(f"{songs:>6}{seeds:>6}{gain:>+11.3f}{plain:>15.2f}{alarm:>17.2f}{shown:>8}", flush=True)
