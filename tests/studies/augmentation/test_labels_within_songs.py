"""The study's statistics where the windows of a song have targets of their own: songs stay what is drawn.

Simulated studies with a known truth: predictions are gain · target + what an arm makes of the song + noise, and targets
vary between songs and, as much or more, within them.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affetti.studies.augmentation.arm_results import ArmResult
from affetti.studies.augmentation.comparison import ResampleWeights, compare_arms, weighted_concordance
from affetti.studies.augmentation.intervals import Levels, songs_needed

WINDOWS, SEEDS, RESAMPLES = 6, 6, 120
Study = tuple[dict[str, NDArray[np.float64]], NDArray[np.float64], NDArray[np.str_]]


def study(songs: int, gain: float, within: float, rng: np.random.Generator, own: float = 0.2) -> Study:
    """Predictions of ``real`` and ``flow`` ``[S, N, 2]``, targets ``[N, 2]`` and songs."""
    middle = np.repeat(rng.normal(0, 0.25, (songs, 2)), WINDOWS, axis=0)
    target = middle + rng.normal(0, within, middle.shape)
    predictions = {}
    for arm, more in (("real", 0.0), ("flow", gain)):
        of_song = np.repeat(rng.normal(0, own, (songs, 2)), WINDOWS, axis=0)
        each = [
            (0.6 + more + rng.normal(0, 0.01)) * target + of_song + rng.normal(0, 0.15, target.shape)
            for _ in range(SEEDS)
        ]
        predictions[arm] = np.stack(each)
    return predictions, target, np.repeat([f"song{i}" for i in range(songs)], WINDOWS)


def compared(drawn: Study, seed: int, groups: NDArray[np.str_] | None = None) -> ArmResult:
    predictions, target, songs = drawn
    return compare_arms(
        predictions, target, songs if groups is None else groups, "real", seed, resamples=RESAMPLES
    ).arms[1]


def alarm(row: ArmResult) -> bool:
    return row.delta_ci[0] > 0 or row.delta_ci[1] < 0


@pytest.mark.parametrize("within", [0.0, 0.25, 0.5])
def test_false_alarms_stay_at_their_level_however_targets_vary(within: float) -> None:
    rng, times = np.random.default_rng(0), 150
    alarms = sum(alarm(compared(study(60, 0.0, within, rng), number)) for number in range(times))
    assert alarms <= 0.05 * times + 3 * np.sqrt(0.05 * 0.95 * times)


def test_windows_counted_as_songs_raise_false_alarms() -> None:
    """The same studies, every window taken for a song: what an arm makes of a song is then taken for many findings."""
    rng, times = np.random.default_rng(0), 100
    alarms = 0
    for number in range(times):
        drawn = study(60, 0.0, 0.25, rng)
        alarms += alarm(compared(drawn, number, np.arange(60 * WINDOWS).astype(str)))
    assert alarms > 0.15 * times


@pytest.mark.parametrize("within", [0.0, 0.5])
def test_so_many_songs_as_are_needed_find_the_difference_four_times_of_five(within: float) -> None:
    """The number that a study of 30 songs reports, with the mean of its variances; then studies of that number."""
    rng, gain = np.random.default_rng(1), 0.12
    first = [levels(study(30, gain, within, rng), number) for number in range(40)]
    expected = float(np.mean([each.value for each in first]))
    of_songs, of_units = (float(np.mean([getattr(each, name) for each in first])) for name in ("of_songs", "of_units"))
    typical = Levels(expected, 30, of_songs, SEEDS, of_units)
    needed = songs_needed(typical, typical.half_width(0.025))
    assert needed is not None
    times = 120
    found = sum(compared(study(needed, gain, within, rng), number).delta_ci[0] > 0 for number in range(times))
    assert 0.68 < found / times < 0.92


def levels(drawn: Study, seed: int) -> Levels:
    """The levels that the study's interval is made of."""
    predictions, target, songs = drawn
    weights = ResampleWeights.draw(songs, SEEDS, np.random.default_rng(seed), RESAMPLES)
    ccc = {arm: weighted_concordance(p, target, weights.clips).mean(axis=2) for arm, p in predictions.items()}
    return Levels.of(ccc["flow"] - ccc["real"], np.unique(songs).size)


def test_targets_that_vary_within_songs_leave_fewer_songs_to_be_needed() -> None:
    """Windows with targets of their own tell more of a regressor than windows that share one."""
    rng = np.random.default_rng(2)
    deviation = {
        within: np.mean([levels(study(30, 0.0, within, rng), number).of_songs for number in range(20)])
        for within in (0.0, 0.5)
    }
    assert deviation[0.5] < 0.7 * deviation[0.0]
