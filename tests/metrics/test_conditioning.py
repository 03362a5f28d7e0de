from __future__ import annotations

import numpy as np
import pytest
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import label_error, label_response, relative_to_real


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
    relative = relative_to_real(fake, real)
    assert present(relative["valence"])["slope"] == pytest.approx(0.5, abs=0.05)
    assert relative_to_real(real, real)["arousal"] == pytest.approx({"correlation": 1.0, "slope": 1.0, "ccc": 1.0})


def test_a_regressor_that_fails_on_real_clips_gives_no_result(condition):
    blind = label_response(condition, np.random.default_rng(1).normal(size=condition.shape), resamples=100)
    assert relative_to_real(blind, blind) == {"valence": None, "arousal": None}


def test_an_axis_never_varied_has_no_response(condition):
    requested = condition * [1, 0]
    result = label_response(requested, condition, resamples=50)
    assert result["arousal"] is None
    assert relative_to_real(result, label_response(condition, condition, resamples=50))["arousal"] is None
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
