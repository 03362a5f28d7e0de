from __future__ import annotations

import warnings

import krippendorff
import numpy as np
import pandas as pd
import pytest

from affetti.errors import InputError
from affetti.studies.listening.rating_table import Floats
from affetti.studies.listening.reliability import (
    icc_one_way,
    icc_two_way,
    krippendorff_alpha,
    within_listener,
)
from listening_material import simulated


def crossed_ratings(clips: int = 12, listeners: int = 9, seed: int = 0) -> Floats:
    return simulated(listeners, clips, systems=1, seed=seed).matrix()


def pingouin_icc(ratings: Floats) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pingouin

        table = pd.DataFrame(ratings).melt(ignore_index=False).reset_index()
        table.columns = pd.Index(["clip", "listener", "rating"])
        return pingouin.intraclass_corr(table, "clip", "listener", "rating").set_index("Type")


def test_intraclass_correlations_and_their_intervals_are_pingouins() -> None:
    ratings = crossed_ratings()
    expected = pingouin_icc(ratings)
    interval = next(column for column in expected.columns if str(column).startswith("CI95"))
    names = list(expected.index)  # one-way, two-way, fixed; single, then mean
    for made, single, mean in (
        (icc_one_way(ratings), names[0], names[3]),
        (icc_two_way(ratings), names[1], names[4]),
    ):
        for estimate, name in ((made.single, single), (made.mean, mean)):
            assert estimate.value == pytest.approx(expected.loc[name, "ICC"], abs=1e-9)
            assert estimate.ci == pytest.approx(tuple(expected.loc[name, interval]), abs=0.006)
        assert made.k == 9


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_alpha_is_that_of_the_package_krippendorff(missing: float) -> None:
    ratings = crossed_ratings(seed=2)
    ratings[np.random.default_rng(0).random(ratings.shape) < missing] = np.nan
    made = krippendorff_alpha(ratings)
    assert made.value == pytest.approx(krippendorff.alpha(ratings.T, level_of_measurement="interval"), abs=1e-12)
    assert made.ci is not None
    assert made.ci[0] < made.value < made.ci[1]
    assert krippendorff_alpha(ratings) == made
    assert krippendorff_alpha(ratings, seed=1).ci != made.ci


def test_agreement_is_perfect_where_listeners_agree_and_nothing_where_they_guess() -> None:
    equal = np.tile(np.arange(6.0)[:, None], (1, 4))
    assert icc_one_way(equal).single.value == 1.0
    assert icc_two_way(equal).mean.value == 1.0
    assert krippendorff_alpha(equal).value == 1.0
    guesses = np.random.default_rng(0).normal(size=(400, 6))
    assert abs(icc_one_way(guesses).single.value) < 0.03
    assert abs(icc_two_way(guesses).single.value) < 0.03
    assert abs(krippendorff_alpha(guesses).value) < 0.03
    shifted = equal + np.arange(4.0)  # absolute agreement is lost, order is not
    assert icc_two_way(shifted).single.value < 0.8


def test_one_way_takes_different_listeners_and_numbers_of_ratings() -> None:
    ratings = crossed_ratings()
    moved = np.full((12, 20), np.nan)
    for row in range(12):
        moved[row, np.random.default_rng(row).permutation(20)[:9]] = ratings[row]
    assert icc_one_way(moved).single.ci == pytest.approx(icc_one_way(ratings).single.ci)
    moved[0, np.flatnonzero(np.isfinite(moved[0]))[:4]] = np.nan
    made = icc_one_way(moved)
    assert made.k == pytest.approx((104 - (25 + 11 * 81) / 104) / 11)


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_intervals_of_the_one_way_icc_hold_the_truth(level: float) -> None:
    truth = 0.25 / (0.25 + 0.25 + 0.0625 + 0.64)
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        ratings = rng.normal(0, 0.5, (12, 1)) + rng.normal(0, np.sqrt(0.25 + 0.0625 + 0.64), (12, 9))
        low, high = icc_one_way(ratings, level).single.ci or (0, 0)
        held += low <= truth <= high
    assert held == pytest.approx(100 * level, abs=12)


def test_ratings_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InputError, match="every rating is the same"):
        icc_one_way(np.ones((5, 3)))
    with pytest.raises(InputError, match="every rating is the same"):
        krippendorff_alpha(np.ones((5, 3)))
    with pytest.raises(InputError, match="2 clips"):
        icc_one_way(np.ones((2, 3)))
    with pytest.raises(InputError, match="5 clips with 5 ratings"):
        icc_one_way(np.arange(5.0)[:, None])
    with pytest.raises(InputError, match="5 clips by 1 listeners"):
        icc_two_way(np.arange(5.0)[:, None])
    with pytest.raises(InputError, match="0 clips with two ratings"):
        krippendorff_alpha(np.arange(5.0)[:, None])


def repeats(noise: float, listeners: int = 8, clips: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for listener in range(listeners):
        for clip in range(clips):
            true = rng.normal()
            for purpose in ("main", "repeat"):
                rating = true + noise * rng.normal()
                rows.append(
                    {"listener": listener, "clip": clip, "scale": "quality", "purpose": purpose, "rating": rating}
                )
    return pd.DataFrame(rows)


def test_listeners_who_repeat_themselves_agree_with_themselves() -> None:
    exact = within_listener(repeats(0.0), "quality")
    assert exact is not None
    assert exact.correlation is not None
    assert exact.correlation.value == pytest.approx(1.0)
    assert exact.standard_error.value == 0.0
    noisy = within_listener(repeats(0.5, listeners=60), "quality")
    assert noisy is not None
    assert noisy.correlation is not None
    assert noisy.correlation.ci is not None
    assert noisy.correlation.ci[0] < 1 / 1.25 < noisy.correlation.ci[1]
    assert noisy.standard_error.value == pytest.approx(0.5, rel=0.12)
    assert (noisy.repeats, noisy.listeners) == (300, 60)
    assert within_listener(repeats(0.5), "other") is None
