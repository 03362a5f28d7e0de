from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, permutation_test
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import (
    label_error,
    label_response,
    permuted_response,
    relative_to_real,
    response_difference,
)
from affetti.metrics.conditioning import neutral_bias


@pytest.fixture
def condition():
    return np.random.default_rng(2).uniform(-1, 1, size=(300, 2))


def test_a_prediction_that_follows_by_half_has_slope_one_half(condition):
    result = label_response(condition, 0.5 * condition, resamples=100)
    for axis, name in enumerate(("valence", "arousal")):
        spread, mean = condition[:, axis].var(), condition[:, axis].mean()
        assert present(result[name])["slope"].value == pytest.approx(0.5)
        assert present(result[name])["correlation"].value == pytest.approx(1.0)
        assert present(result[name])["ccc"].value == pytest.approx(spread / (1.25 * spread + 0.25 * mean**2))


def test_axes_are_not_mixed_up(condition):
    noise = np.random.default_rng(5).normal(size=300)
    result = label_response(condition, np.column_stack([noise, condition[:, 1]]), resamples=200)
    low, high = present(present(result["valence"])["correlation"].ci)
    assert low < 0 < high
    assert present(result["arousal"])["ccc"].value == pytest.approx(1.0)


def test_permuted_conditions_show_no_response(condition):
    prediction = condition[np.random.default_rng(6).permutation(300)]
    for measures in label_response(condition, prediction, resamples=200).values():
        assert all(abs(present(measures)[key].value) < 0.2 for key in ("correlation", "slope", "ccc"))
        assert present(measures)["mae"].value == pytest.approx(2 / 3, abs=0.1)  # E|u − v| of two uniforms on [−1, 1]


def test_intervals_are_by_song(condition):
    song = np.arange(300) // 10
    requested = condition[song]
    prediction = requested + np.random.default_rng(8).normal(size=(30, 2))[song]
    by_song = present(label_response(requested, prediction, groups=song, resamples=300)["valence"])["slope"].ci
    by_row = present(label_response(requested, prediction, resamples=300)["valence"])["slope"].ci
    assert np.ptp(present(by_song)) > 2 * np.ptp(present(by_row))


def test_relative_to_real_divides_by_the_regressors_result_on_real_clips(condition):
    rng = np.random.default_rng(9)
    real = label_response(condition, 0.6 * condition + 0.1 * rng.normal(size=condition.shape), resamples=100)
    fake = label_response(condition, 0.3 * condition + 0.1 * rng.normal(size=condition.shape), resamples=100)
    relative = relative_to_real(fake, real, (300, 300))
    share = present(relative["valence"])["slope"]
    assert share.value == pytest.approx(0.5, abs=0.05)
    low, high = present(share.ci)
    assert low < share.value < high
    itself = present(relative_to_real(real, real, (300, 300))["arousal"])
    assert {key: its.value for key, its in itself.items()} == {"correlation": 1.0, "slope": 1.0, "ccc": 1.0}


def test_the_interval_of_a_share_holds_the_error_of_both_sides(condition):
    """With few real songs it is wider than that of the synthetic side over the real value."""
    rng = np.random.default_rng(9)
    fake = label_response(condition, 0.3 * condition + 0.1 * rng.normal(size=condition.shape), resamples=300)
    few = condition[:20]
    real = label_response(few, 0.6 * few + 0.2 * rng.normal(size=few.shape), resamples=300)
    ours, theirs = present(fake["valence"])["slope"], present(real["valence"])["slope"]
    alone = np.ptp(present(ours.ci)) / theirs.value
    widths = [
        np.ptp(present(present(relative_to_real(fake, real, (300, songs))["valence"])["slope"].ci)) for songs in (20, 6)
    ]
    of_real = np.ptp(present(theirs.ci)) / theirs.value
    assert widths[0] > 2 * alone
    assert widths[0] > np.hypot(alone, of_real * ours.value / theirs.value)
    assert widths[1] > 1.15 * widths[0], "of fewer songs an interval is wider"


def test_a_regressor_that_fails_on_real_clips_gives_no_result(condition):
    blind = label_response(condition, np.random.default_rng(1).normal(size=condition.shape), resamples=100)
    assert relative_to_real(blind, blind, (300, 300)) == {"valence": None, "arousal": None}


def test_an_axis_never_varied_has_no_response(condition):
    requested = condition * [1, 0]
    result = label_response(requested, condition, resamples=50)
    assert result["arousal"] is None
    assert relative_to_real(result, label_response(condition, condition, resamples=50), (300, 300))["arousal"] is None
    with pytest.raises(InputError, match="every clip has the condition"):
        label_response(np.zeros((10, 2)), condition[:10])


def test_wrong_shapes_are_refused(condition):
    with pytest.raises(InputError, match=r"\[N, 2\]"):
        label_response(condition, condition[:-1])
    with pytest.raises(InputError, match=r"\[N, 2\]"):
        label_response(condition[:, :1], condition[:, :1])


def test_the_label_error_is_the_distance_of_the_prediction(condition):
    result = label_error(condition, condition + np.array([0.25, -0.5]), resamples=50)
    assert result["valence"].value == pytest.approx(0.25)
    assert result["arousal"].ci == pytest.approx((0.5, 0.5))
    assert result["valence"].n == (300,)
    shifted = label_response(condition, condition + np.array([0.25, -0.5]), resamples=50)
    assert present(shifted["valence"])["mae"].value == pytest.approx(0.25)


def test_the_label_error_needs_no_request_that_varies(condition):
    still = np.full((300, 2), 0.5)
    result = label_error(still, condition, resamples=50)
    assert result["valence"].value == pytest.approx(np.abs(condition[:, 0] - 0.5).mean())
    with pytest.raises(InputError, match=r"\[N, 2\]"):
        label_error(still[:, :1], condition[:, :1])


def test_the_bias_towards_neutral_of_a_linear_response_is_in_closed_form(condition):
    for slope in (0.0, 0.4, 1.0, 1.5):
        response = label_response(condition, slope * condition + 1e-9 * condition[::-1], resamples=50)
        for axis, name in enumerate(("valence", "arousal")):
            expected = (1 - slope) * np.abs(condition[:, axis]).mean()
            assert present(response[name])["bias"].value == pytest.approx(expected, abs=1e-6)
    assert neutral_bias([0.3, 5.0], [0.5, 0.0]) == pytest.approx(0.2)
    assert neutral_bias([-0.3, 0.3], [-0.5, 0.5]) == pytest.approx(0.2)
    with pytest.raises(InputError, match="every condition is neutral"):
        neutral_bias([0.1], [0.0])


def test_the_permuted_control_is_that_of_scipy_and_lies_about_zero(condition):
    rng = np.random.default_rng(3)
    prediction = 0.3 * condition + 0.3 * rng.normal(size=condition.shape)
    control = permuted_response(condition, prediction, seed=1)
    for axis, name in enumerate(("valence", "arousal")):
        its = present(control[name])
        assert its.p == 1 / 1000
        assert its.correlation[0] < 0 < its.correlation[2]
        # Of permutations the correlation has the variance 1 / (N − 1).
        assert its.correlation[2] == pytest.approx(1.96 / np.sqrt(299), rel=0.15)
        ratio = prediction[:, axis].std() / condition[:, axis].std()
        assert its.slope[2] == pytest.approx(ratio * its.correlation[2], rel=1e-6)
        null = permuted_response(condition, rng.normal(size=condition.shape), seed=1)[name]
        assert present(null).p > 0.01
        witness = permutation_test(
            (prediction[:, axis], condition[:, axis]),
            lambda p, c: pearsonr(p, c)[0],
            permutation_type="pairings",
            alternative="greater",
            n_resamples=999,
            rng=np.random.default_rng(0),
        )
        assert np.quantile(witness.null_distribution, 0.975) == pytest.approx(its.correlation[2], abs=0.02)


def test_songs_trade_their_conditions_as_a_whole(condition):
    song = np.arange(300) // 10
    requested = condition[song]
    prediction = requested + np.random.default_rng(8).normal(size=(30, 2))[song]
    by_song = present(permuted_response(requested, prediction, song)["valence"])
    by_clip = present(permuted_response(requested, prediction)["valence"])
    assert by_song.correlation[2] > 2 * by_clip.correlation[2]


def test_false_alarms_of_the_permuted_control_are_as_stated():
    """Conditions that play no part: p ≤ .05 in 5 % of sets."""
    rng = np.random.default_rng(0)
    alarms = [
        present(permuted_response(c, rng.normal(size=c.shape), permutations=99, seed=i)["valence"]).p <= 0.05
        for i, c in enumerate(rng.uniform(-1, 1, (300, 40, 2)))
    ]
    assert 0.02 <= np.mean(alarms) <= 0.085


def test_a_difference_of_control_is_that_of_the_responses(condition):
    rng = np.random.default_rng(4)
    first, second = (share * condition + 0.2 * rng.normal(size=condition.shape) for share in (0.8, 0.3))
    difference = response_difference((condition, first, None), (condition, second, None), comparisons=5)
    ours, theirs = (label_response(condition, prediction, resamples=20) for prediction in (first, second))
    for axis in ("valence", "arousal"):
        for name, part in present(difference[axis]).items():
            assert part.value == pytest.approx(present(ours[axis])[name].value - present(theirs[axis])[name].value)
            assert part.simultaneous[0] < part.ci[0] < part.value < part.ci[1] < part.simultaneous[1]
        assert present(difference[axis])["slope"].simultaneous[0] > 0
        assert present(difference[axis])["bias"].simultaneous[1] < 0
        # Slopes with noise of .2 have the standard error .2 / (√N s), s² = 1/3; two of them √2 times as much.
        low, high = present(difference[axis])["slope"].ci
        assert high - low == pytest.approx(2 * 1.96 * 0.2 * np.sqrt(2 / 300 * 3), rel=0.2)


def test_an_axis_that_one_side_never_varies_has_no_difference(condition):
    still = condition * [1, 0]
    difference = response_difference((condition, condition, None), (still, condition, None), resamples=50)
    assert difference["arousal"] is None
    assert present(difference["valence"])["slope"].value == pytest.approx(0)
