from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affetti.errors import InputError
from affetti.studies.listening.preferences import (
    CHANCE,
    Comparisons,
    bradley_terry,
    mushra_medians,
    strengths,
    triangle,
)
from affetti.studies.listening.rating_table import ScaleRatings
from listening_material import simulated


def comparisons(strength: list[float], listeners: int = 20, conditions: int = 10, seed: int = 0) -> Comparisons:
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a in range(len(strength)) for b in range(a + 1, len(strength))]
    rows = [(a, b, listener, it) for listener in range(listeners) for it in range(conditions) for a, b in pairs]
    first, second, listener, condition = (np.array(column, dtype=np.intp) for column in zip(*rows, strict=True))
    theta = np.array(strength)
    wins = rng.random(len(rows)) < 1 / (1 + np.exp(theta[second] - theta[first]))
    names = tuple(f"s{it}" for it in range(len(strength)))
    return Comparisons(first, second, wins.astype(float), listener, condition, names)


def test_strengths_are_those_of_a_logistic_regression() -> None:
    import statsmodels.api as models

    made = comparisons([0.5, 0.0, -0.5, 0.2])
    design = np.zeros((len(made.preference), 4))
    design[np.arange(len(design)), made.first] += 1
    design[np.arange(len(design)), made.second] -= 1
    fitted = models.GLM(made.preference, design[:, 1:], family=models.families.Binomial()).fit()
    theta = bradley_terry(made)
    assert (theta - theta[0])[1:] == pytest.approx(fitted.params, abs=0.01)  # the ridge is half a comparison
    assert theta.sum() == pytest.approx(0, abs=1e-12)


def test_no_difference_counts_as_half_and_a_system_never_preferred_stays_finite() -> None:
    even = comparisons([0.0, 0.0])
    assert bradley_terry(replace(even, preference=np.full(200, 0.5))) == pytest.approx([0, 0])
    halves = np.tile([1.0, 0.0], 100)
    assert bradley_terry(replace(even, preference=halves)) == pytest.approx([0, 0])
    always = bradley_terry(replace(even, preference=np.ones(200)))
    assert np.isfinite(always).all()
    assert always[0] - always[1] > 4
    flipped = replace(even, first=even.second, second=even.first, preference=1 - even.preference)
    assert bradley_terry(flipped) == pytest.approx(bradley_terry(even))
    with pytest.raises(InputError, match="1 system"):
        bradley_terry(replace(even, systems=("s0",)))


def test_intervals_of_strengths_hold_the_truth() -> None:
    held, alarms = 0, 0
    for seed in range(40):
        _, pairs = strengths(comparisons([0.4, 0.0, -0.4], 12, 8, seed))
        low, high = pairs[0, 2].interval() or (0, 0)
        held += low <= 0.8 <= high
        _, equal = strengths(comparisons([0.0, 0.0], 12, 8, seed))
        alarms += (equal[0, 1].p or 1) < 0.05
    assert held >= 34
    assert alarms <= 6


def test_too_few_listeners_give_strengths_without_intervals() -> None:
    theta, pairs = strengths(comparisons([0.4, -0.4], 2, 8))
    assert theta[0].interval() is None
    assert pairs[0, 1].p is None


def test_medians_of_mushra_hold_the_truth_and_ignore_outliers() -> None:
    held = 0
    for seed in range(20):
        ratings = simulated(12, 8, systems=3, shared=True, seed=seed)
        low, high = mushra_medians(ratings)[0].ci or (0, 0)
        held += low <= 0 <= high
    assert held >= 17
    ratings = simulated(12, 8, systems=3, shared=True)
    medians = [it.value for it in mushra_medians(ratings)]
    wild = ratings.rating.copy()
    wild[0] = 1e6
    assert [it.value for it in mushra_medians(replace(ratings, rating=wild))] == pytest.approx(medians, abs=0.1)
    assert mushra_medians(simulated(2, 8))[0].ci is None


def answers(right: float, seed: int = 0, listeners: int = 15, clips: int = 8) -> ScaleRatings:
    made = simulated(listeners, clips, systems=1, seed=seed)
    return replace(made, rating=(np.random.default_rng(seed).random(len(made)) < right).astype(float))


def test_the_triangle_test_raises_few_false_alarms_and_detects_what_is_heard() -> None:
    alarms = sum((triangle(answers(CHANCE, seed)).p or 1) < 0.05 for seed in range(100))
    assert alarms <= 11
    heard = triangle(answers(0.6))
    assert heard.p is not None
    assert heard.p < 0.01
    assert heard.correct.ci is not None
    assert heard.correct.ci[0] < 0.6 < heard.correct.ci[1]


def test_a_triangle_that_everybody_solves_has_the_exact_interval_of_as_many_listeners() -> None:
    every = answers(2.0)
    made = triangle(every)
    assert made.exact
    assert made.correct.value == 1.0
    assert made.correct.ci == pytest.approx((0.025 ** (1 / 15), 1.0))
    assert made.p == pytest.approx(3.0**-15)
    none = triangle(answers(-1.0))
    assert none.p == 1.0
    assert triangle(answers(0.5, listeners=2)).p is None
