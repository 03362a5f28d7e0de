"""Numbers and curves of songs beside those of real songs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from affetti.errors import InputError
from affetti.metrics.song_means import curve_distance, mean_beside_real, share_as_high


def test_intervals_are_those_of_student_and_welch() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0, 1, 20), rng.normal(0.5, 3, 9)
    result = mean_beside_real([*real, np.nan], fake)
    assert result.n == (20, 9)
    assert result.real_ci == pytest.approx(tuple(stats.ttest_1samp(real, 0).confidence_interval()))
    assert result.ci == pytest.approx(tuple(stats.ttest_1samp(fake, 0).confidence_interval()))
    welch = stats.ttest_ind(fake, real, equal_var=False).confidence_interval()
    assert result.difference_ci == pytest.approx((welch.low, welch.high))
    assert result.difference == pytest.approx(fake.mean() - real.mean())


def test_constants_have_intervals_of_no_width_and_two_songs_none() -> None:
    result = mean_beside_real([1.0] * 4, [2.0] * 4)
    assert result.difference_ci == (1.0, 1.0)
    with pytest.raises(InputError, match="known of 2 of the synthetic songs"):
        mean_beside_real([1.0] * 4, [2.0, 2.0, np.nan])


def test_curves_are_as_far_apart_as_their_means() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0, 0.1, (30, 6)), rng.normal(0, 0.1, (20, 6)) + 1.0
    result = curve_distance(real, fake)
    assert result.value == pytest.approx(np.sqrt(((real.mean(axis=0) - fake.mean(axis=0)) ** 2).mean()))
    assert result.ci is not None
    assert result.ci[0] < 1.0 < result.ci[1]
    assert result.floor is not None
    assert result.floor < 0.1
    alike = curve_distance(real, rng.normal(0, 0.1, (20, 6)))
    assert alike.floor is not None
    assert alike.value < 3 * alike.floor


def test_a_share_is_a_conformal_p_value() -> None:
    """Of exchangeable numbers it is at most α in a share of at most α."""
    rng = np.random.default_rng(0)
    values = [share_as_high(rng.normal(size=39), rng.normal()) for _ in range(2_000)]
    assert np.mean(np.array(values) <= 0.05) == pytest.approx(0.05, abs=0.015)
    assert share_as_high([1.0, np.nan], 0.0) == 1.0
