from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, t

from affetti.studies.augmentation.intervals import (
    Levels,
    one_interval,
    pooled,
    simultaneous_intervals,
    song_noise,
    songs_needed,
    units_variance,
)

MANY = 10**7
"""Songs or units of which the variance is as good as known."""


def levels(value: float = 0.01, songs: float = 0.02, units: float = 0.0, n: int = MANY, u: int = MANY) -> Levels:
    """A difference by its standard deviations."""
    return Levels(value, n, songs**2, u, units**2)


def half(ci: tuple[float, float]) -> float:
    return (ci[1] - ci[0]) / 2


def test_known_variance_gives_the_normal_interval() -> None:
    alone = one_interval(levels())
    assert half(alone.ci) == pytest.approx(1.96 * 0.02, rel=1e-3)
    assert alone.p == pytest.approx(0.617, abs=0.001), "two-sided normal p at half a standard error"
    assert alone.detectable == pytest.approx(2.80 * 0.02, rel=1e-3)


def test_each_level_has_its_own_quantile() -> None:
    """Banerjee (1961): t of 2 degrees for three units, t of 199 for 200 songs."""
    alone = one_interval(levels(units=0.03, n=200, u=3))
    expected = np.hypot(t.ppf(0.975, 199) * 0.02, t.ppf(0.975, 2) * 0.03)
    assert half(alone.ci) == pytest.approx(expected)
    assert half(one_interval(levels(songs=0.0, units=0.03, u=3)).ci) == pytest.approx(t.ppf(0.975, 2) * 0.03)


def test_p_is_the_level_at_which_the_interval_reaches_zero() -> None:
    both = levels(0.05, units=0.01, n=30, u=3)
    p = one_interval(both).p
    assert both.half_width(p / 2) == pytest.approx(0.05)
    of_songs = levels(0.05, n=30)
    assert one_interval(of_songs).p == pytest.approx(2 * t.sf(2.5, 29))
    assert one_interval(levels(0.0)).p == 1.0
    assert one_interval(levels(1e6)).p < 1e-9


def test_satterthwaites_degrees_of_freedom_are_those_of_what_varies() -> None:
    assert levels(units=0.0, n=200, u=3).satterthwaite() == pytest.approx(199)
    assert levels(songs=0.0, units=1.0, u=3).satterthwaite() == pytest.approx(2)
    assert 2 < levels(songs=0.01, units=0.01, n=200, u=3).satterthwaite() < 199


def test_the_variance_of_a_mean_is_that_of_its_clusters() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=6)
    assert units_variance(values, range(6)) == pytest.approx(values.var(ddof=1) / 6)
    runs = (0, 1, 2, 0, 1, 2)
    means = values.reshape(2, 3).mean(axis=0)
    assert units_variance(values, runs) == pytest.approx(means.var(ddof=1) / 3)
    assert units_variance(values, (1,) * 6) == 0.0


def test_the_variance_over_runs_and_seeds_is_without_bias() -> None:
    rng, runs = np.random.default_rng(1), np.repeat([0, 1, 2], 2)
    drawn = 0.3 * rng.normal(size=(4_000, 3))[:, runs] + 0.1 * rng.normal(size=(4_000, 6))
    estimated = np.mean([units_variance(values, runs.tolist()) for values in drawn])
    assert estimated == pytest.approx(0.09 / 3 + 0.01 / 6, rel=0.05)


def test_the_noise_of_songs_in_units_is_found_and_half_of_it_taken_from_theirs() -> None:
    rng, songs, units = np.random.default_rng(2), 400, 3
    noise = rng.normal(size=(songs, units))
    weights = np.vstack([np.ones(songs), rng.multinomial(songs - 1, np.full(songs, 1 / songs), 4_000)])
    drawn = weights @ noise / weights.sum(axis=1, keepdims=True)
    by_hand = noise.var(axis=0, ddof=1).mean() / songs / units
    assert song_noise(drawn[1:], range(units)) == pytest.approx(by_hand, rel=0.1)
    given = Levels.of(drawn, songs)
    expected = units_variance(drawn[0], range(units)) - song_noise(drawn[1:], range(units)) / 2
    assert given.of_units == pytest.approx(max(expected, 0.0))
    assert given.of_songs == pytest.approx(by_hand, rel=0.1)
    constant = np.tile([[0.1, 0.2, 0.3]], (50, 1))
    assert Levels.of(constant, songs).of_units == pytest.approx(0.01 / 3), "no song weighs on these"
    assert song_noise(drawn[:, :1], range(1)) == 0.0


def test_one_arm_alone_has_its_own_interval_and_many_have_bonferronis_when_independent() -> None:
    rng = np.random.default_rng(0)
    drawn = {f"arm{i}": np.append(0.01, 0.01 + 0.02 * rng.standard_normal(40_000)) for i in range(10)}
    alone = simultaneous_intervals({"arm0": levels()}, drawn)["arm0"]
    assert half(alone.ci) == pytest.approx(1.96 * 0.02, rel=0.02)
    assert alone.p == pytest.approx(0.617, abs=0.01)
    many = simultaneous_intervals({name: levels() for name in drawn}, drawn)["arm3"]
    assert half(many.ci) == pytest.approx(2.80 * 0.02, rel=0.02), "1 - (1 - 2 Φ(-2.80))^10 = 0.05"


def test_arms_that_are_one_arm_need_no_correction() -> None:
    drawn = np.append(0.0, 0.02 * np.random.default_rng(1).standard_normal(40_000))
    names = [f"arm{i}" for i in range(9)]
    many = simultaneous_intervals({name: levels(0.0) for name in names}, dict.fromkeys(names, drawn))["arm4"]
    assert half(many.ci) == pytest.approx(1.96 * 0.02, rel=0.02)
    still = simultaneous_intervals({"same": levels(0.0, songs=0.0)}, {"same": np.zeros(100)})["same"]
    assert (still.p, still.ci) == (1.0, (0.0, 0.0))


def test_a_variance_over_few_units_is_no_less_than_the_mean_of_all() -> None:
    spreads = {"a": 0.01, "b": 0.03, "c": 0.05}
    given = {name: levels(units=spread, n=100, u=3) for name, spread in spreads.items()}
    mean = np.mean([spread**2 for spread in spreads.values()])
    raised = pooled(given)
    assert raised["a"].of_units == raised["b"].of_units == pytest.approx(mean)
    assert raised["a"].units_freedom == pytest.approx(2 * 3 / 1.5)
    assert raised["c"] == given["c"]
    two = {name: given[name] for name in ("a", "b")}
    assert pooled(two) == two, "too few to pool"
    other = {**given, "d": replace(given["a"], units=5)}
    assert pooled(other)["d"] == other["d"], "alone of its kind"


def test_songs_needed_give_eighty_percent_power() -> None:
    """With so many songs the difference is 1.96 + 0.84 standard deviations from zero."""
    known = levels(0.01, songs=0.02, n=100)
    needed = songs_needed(replace(known, songs=100), 1.96 * 0.02)
    assert needed is not None
    spread = 0.02 * np.sqrt(100 / needed)
    assert norm.sf(1.96 - 0.01 / spread) == pytest.approx(0.80, abs=0.003)
    half_as_many = norm.sf(1.96 - 0.01 / (0.02 * np.sqrt(100 / (needed / 2.04))))
    assert half_as_many == pytest.approx(0.5, abs=0.01), "what a z-test just significant has"
    assert songs_needed(levels(0.01, songs=0.02, units=0.02, n=100), 0.05) is None, "seeds alone vary too much"
    assert songs_needed(levels(0.0), 0.05) is None


def test_intervals_for_all_differences_are_never_narrower_than_one_alone_has() -> None:
    # Two test songs, resampled: both, or one of them twice.
    drawn = np.array([-0.08, *[-0.12, -0.08, -0.08, -0.04] * 50])
    two = Levels(-0.08, 2, float(drawn[1:].var(ddof=1)), 1, 0.0)
    alone = one_interval(two)
    for count in (1, 2, 4):
        names = [f"arm{i}" for i in range(count)]
        many = simultaneous_intervals(dict.fromkeys(names, two), dict.fromkeys(names, drawn))["arm0"]
        assert half(many.ci) >= half(alone.ci) * (1 - 1e-9)
        assert many.p >= alone.p * (1 - 1e-9)
