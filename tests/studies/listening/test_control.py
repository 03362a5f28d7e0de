from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affetti.errors import UsageError
from affetti.studies.listening.control import control, rank_agreement
from affetti.studies.listening.sequential import next_analysis, spent
from listening_material import simulated


def requests(clips: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.8, 0.8, clips)


def test_control_without_noise_is_exact() -> None:
    ratings = simulated(6, 10, systems=1)
    target = requests(10)
    made = control(replace(ratings, rating=0.6 * target[ratings.clip] + 0.1), target)
    assert made is not None
    assert made.slope.value == pytest.approx(0.6)
    assert made.bias.value == pytest.approx(0.1 - 0.4 * target.mean())
    assert made.correlation is not None
    assert made.correlation.value == pytest.approx(1.0)
    assert made.slope.ci == pytest.approx((0.6, 0.6))
    assert (made.clips, made.listeners) == (10, 6)


def test_intervals_of_slope_and_bias_hold_the_truth() -> None:
    held = np.zeros(2)
    for seed in range(60):
        ratings = simulated(12, 14, systems=1, seed=seed, spreads=(0.2, 0.1, 0.2, 0.3))
        target = requests(14, seed)
        made = control(replace(ratings, rating=ratings.rating + 0.5 * target[ratings.clip]), target)
        assert made is not None
        truth = (0.5, -0.5 * target.mean())
        for index, estimate in enumerate((made.slope, made.bias)):
            low, high = estimate.ci or (1, 0)
            held[index] += low <= truth[index] <= high
    assert (held >= 52).all()


def test_control_is_not_defined_without_requests_that_differ() -> None:
    ratings = simulated(6, 10, systems=1)
    assert control(ratings, np.full(10, np.nan)) is None
    assert control(ratings, np.full(10, 0.3)) is None
    some = np.where(np.arange(10) < 2, 0.1 * np.arange(10), np.nan)
    assert control(ratings, some) is None
    still = control(replace(ratings, rating=np.full(len(ratings), 0.2)), requests(10))
    assert still is not None
    assert still.slope.value == 0.0
    assert still.correlation is None
    few = control(simulated(2, 10, systems=1), requests(10))
    assert few is not None
    assert few.slope.ci is None


def test_three_systems_show_nothing_about_the_order() -> None:
    made = rank_agreement(np.array([3.0, 2.0, 1.0]), np.array([60.0, 50.0, 40.0]))
    assert made is not None
    assert made[0].ci == (-1.0, 1.0)
    assert made[1] == pytest.approx(1 / 3)  # one order of six, and its reverse
    many = rank_agreement(np.arange(12.0), np.arange(12.0) ** 2)
    assert many is not None
    assert many[0].value == pytest.approx(1.0)
    assert many[0].ci is not None
    assert 0.9 < many[0].ci[0] < many[0].ci[1] == many[0].value
    assert rank_agreement(np.arange(2.0), np.arange(2.0)) is None
    assert rank_agreement(np.ones(4), np.arange(4.0)) is None


def test_analyses_of_a_study_in_progress_share_the_five_percent() -> None:
    assert spent(1.0) == pytest.approx(0.05)
    assert spent(0.5) == pytest.approx(0.00557, abs=1e-4)  # Lan & DeMets 1983
    once = next_analysis([], 20, 0)
    assert (once.number, once.alpha, once.interim) == (1, 0.05, False)
    assert next_analysis([], 20, 20).alpha == 0.05
    assert next_analysis([20], 20, 0).alpha == 0.05  # made again
    looks = [next_analysis([10, 20, 30][:k], count, 40) for k, count in enumerate((10, 20, 30, 40))]
    assert sum(look.alpha for look in looks) == pytest.approx(0.05)
    assert [look.interim for look in looks] == [True, True, True, False]
    with pytest.raises(UsageError, match="analysed before with 20 listeners, now has 25"):
        next_analysis([20], 25, 0)
    with pytest.raises(UsageError, match="all 40 planned listeners"):
        next_analysis([40], 44, 40)


def test_looking_often_raises_false_alarms_unless_it_is_corrected() -> None:
    rng = np.random.default_rng(0)
    walks = rng.normal(size=(4000, 40)).cumsum(axis=1) / np.sqrt(np.arange(1, 41))
    from scipy import stats

    p = 2 * stats.norm.sf(np.abs(walks[:, [9, 19, 29, 39]]))
    looks = [next_analysis([10, 20, 30][:k], count, 40).alpha for k, count in enumerate((10, 20, 30, 40))]
    assert (p < 0.05).any(axis=1).mean() > 0.1
    assert (p < np.array(looks)).any(axis=1).mean() <= 0.055
