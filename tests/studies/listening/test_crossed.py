from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affetti.studies.listening.crossed import Crossed
from affetti.studies.listening.rating_table import ScaleRatings
from affetti.studies.listening.variance import component_intervals, components, precision
from listening_material import simulated


def mixed_model(ratings: ScaleRatings) -> Any:
    """The same model by statsmodels: crossed random effects as variance components of one group."""
    import statsmodels.formula.api as formulas

    table = pd.DataFrame(
        {"y": ratings.rating, "listener": ratings.listener, "clip": ratings.clip, "system": ratings.system}
    )
    table["both"] = table["listener"] * 100 + table["system"]
    parts = {name: f"0 + C({name})" for name in ("listener", "both", "clip")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = formulas.mixedlm("y ~ C(system)", table, groups=np.ones(len(table)), vc_formula=parts)
        return model.fit(reml=True)


def test_differences_and_variances_agree_with_a_mixed_model() -> None:
    ratings = simulated(listeners=14, clips=8, seed=3, shift=0.4)
    fitted = mixed_model(ratings)
    difference = Crossed(ratings).difference(1, 0)
    assert difference.value == pytest.approx(fitted.params["C(system)[T.1]"], abs=1e-4)
    assert difference.error == pytest.approx(fitted.bse["C(system)[T.1]"], rel=0.03)
    made = components(ratings)
    by_name = dict(zip(fitted.model.exog_vc.names, fitted.vcomp, strict=True))
    assert made.error == pytest.approx(fitted.scale, rel=0.02)
    assert made.clip == pytest.approx(by_name["clip"], rel=0.1)
    assert made.listener == pytest.approx(by_name["listener"], rel=0.15)
    assert made.listener_by_system == pytest.approx(by_name["both"], abs=0.02)


def test_a_complete_study_of_paired_requests_is_a_paired_test_of_means() -> None:
    """Where listeners do not differ, the test is that of the differences by request."""
    from scipy import stats

    rng = np.random.default_rng(0)
    ratings = simulated(listeners=9, clips=7, shared=True, seed=1)
    by_clip = rng.normal(size=14)
    still = replace(ratings, rating=by_clip[ratings.clip])
    difference = Crossed(still).difference(1, 0)
    expected = stats.ttest_rel(by_clip[7:], by_clip[:7])
    assert difference.p == pytest.approx(float(expected.pvalue), rel=1e-9)
    assert difference.interval() == pytest.approx(tuple(expected.confidence_interval()), rel=1e-9)


def test_where_clips_do_not_differ_the_test_is_that_of_listeners_means() -> None:
    from scipy import stats

    ratings = simulated(listeners=9, clips=7, seed=1)
    effects = np.random.default_rng(0).normal(size=(9, 2))
    still = replace(ratings, rating=effects[ratings.listener, ratings.system])
    expected = stats.ttest_rel(effects[:, 1], effects[:, 0])
    assert Crossed(still).difference(1, 0).p == pytest.approx(float(expected.pvalue), rel=1e-9)


def test_estimates_do_not_depend_on_the_order_of_rows_and_scale_with_the_ratings() -> None:
    ratings = simulated(listeners=8, clips=6, systems=3, per_listener=4, seed=2)
    whole = Crossed(ratings).difference(0, 2)
    shuffled = Crossed(ratings.rows(np.random.default_rng(0).permutation(len(ratings)))).difference(0, 2)
    assert (shuffled.value, shuffled.error) == pytest.approx((whole.value, whole.error))
    doubled = Crossed(replace(ratings, rating=2 * ratings.rating + 5)).difference(0, 2)
    assert (doubled.value, doubled.error, doubled.p) == pytest.approx(
        (2 * whole.value, 2 * (whole.error or 0), whole.p)
    )
    opposite = Crossed(ratings).difference(2, 0)
    assert (opposite.value, opposite.p) == pytest.approx((-whole.value, whole.p))


def test_simultaneous_intervals_are_wider_and_agree_with_the_adjusted_p() -> None:
    ratings = simulated(listeners=12, clips=9, systems=3, shift=0.5, seed=4)
    crossed = Crossed(ratings)
    for (a, b), it in crossed.differences().items():
        low, high = it.interval() or (0, 0)
        wide_low, wide_high = it.simultaneous_interval(3) or (0, 0)
        assert wide_low < low < high < wide_high
        assert it.p is not None
        adjusted = it.adjusted_p(3)
        assert adjusted is not None
        assert adjusted > it.p
        assert (adjusted < 0.05) == (wide_low > 0 or wide_high < 0)
        assert (a, b) == tuple(sorted((a, b)))
    two = crossed.difference(0, 1)
    assert two.simultaneous_interval(2) == two.interval()


def test_equal_systems_raise_few_false_alarms_where_pooled_ratings_raise_many() -> None:
    from scipy import stats

    alarms, pooled, covered = 0, 0, 0
    for seed in range(150):
        ratings = simulated(listeners=20, clips=10, seed=seed)
        difference = Crossed(ratings).difference(1, 0)
        low, high = difference.interval() or (1.0, 0.0)
        alarms += (difference.p or 1.0) < 0.05
        covered += low <= 0 <= high
        first, second = (ratings.rating[ratings.system == system] for system in (0, 1))
        pooled += int(np.asarray(stats.ttest_ind(first, second))[1] < 0.05)
    assert alarms <= 14  # 150 × 5 % and 2.5 standard errors
    assert covered == 150 - alarms
    assert pooled > 35


def test_too_few_listeners_or_clips_give_no_interval() -> None:
    for listeners, clips in ((2, 8), (8, 2), (1, 1), (1, 8), (8, 1)):
        crossed = Crossed(simulated(listeners=listeners, clips=clips))
        it = crossed.difference(0, 1)
        assert it.error is None
        assert (it.interval(), it.simultaneous_interval(2), it.p, it.adjusted_p(3)) == (None,) * 4
        assert np.isfinite(it.value)
        assert np.isfinite(components(crossed.ratings).values()).all()
    assert component_intervals(simulated(listeners=3, clips=3)) == (None,) * 4


def test_constant_ratings_have_no_error() -> None:
    ratings = simulated(listeners=6, clips=5)
    it = Crossed(replace(ratings, rating=np.full(len(ratings), 3.0))).difference(0, 1)
    assert (it.value, it.error, it.p) == (0.0, 0.0, 1.0)


def test_variance_components_are_recovered_from_incomplete_designs() -> None:
    estimates = np.array(
        [
            components(simulated(listeners=40, clips=12, systems=3, per_listener=4, seed=seed)).values()
            for seed in range(25)
        ]
    )
    assert np.sqrt(estimates.mean(axis=0)) == pytest.approx([0.5, 0.25, 0.5, 0.8], rel=0.12)


def test_intervals_of_components_hold_the_truth() -> None:
    truth = np.array([0.5, 0.25, 0.5, 0.8]) ** 2
    held = np.zeros(4)
    for seed in range(6):
        intervals = component_intervals(simulated(listeners=20, clips=10, seed=seed), seed)
        held += [it is not None and it[0] <= value <= it[1] for it, value in zip(intervals, truth, strict=True)]
    assert (held >= 4).all()


def test_the_precision_that_is_promised_is_reached() -> None:
    made = components(simulated(listeners=40, clips=14, seed=0))
    now = precision(made, 20, 10, 10)
    assert sum(now.shares.values()) == pytest.approx(1)
    assert now.limit == "clips"
    assert now.clips is not None
    assert precision(made, 20, now.clips, now.clips).half_width <= now.target
    assert precision(made, 20, now.clips - 1, now.clips - 1).half_width > now.target
    assert now.listeners is None  # no number of listeners makes ten clips more
    assert now.both is not None
    assert precision(made, now.both[0], now.both[1], now.both[1]).half_width <= now.target
    assert precision(made, 20, 10, 10, target=1e-6).both is None, "no study of 1,000 times the size reaches that"
    easy = precision(made, 20, 10, 10, target=2 * now.half_width)
    assert (easy.listeners, easy.clips) == (20, 10)
    incomplete = precision(replace(made, clip=1e-4), 20, 10, 3)
    assert incomplete.limit == "error"
    assert incomplete.listeners is not None
    assert incomplete.listeners > 60
