from __future__ import annotations

import numpy as np
import pytest
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import label_error, label_response, relative_to_real


@pytest.fixture
def asked():
    return np.random.default_rng(2).uniform(-1, 1, size=(300, 2))


def test_a_prediction_that_follows_by_half_has_slope_one_half(asked):
    found = label_response(asked, 0.5 * asked, resamples=100)
    for axis, name in enumerate(("valence", "arousal")):
        spread, mean = asked[:, axis].var(), asked[:, axis].mean()
        assert present(found[name])["slope"].value == pytest.approx(0.5)
        assert present(found[name])["correlation"].value == pytest.approx(1.0)
        assert present(found[name])["ccc"].value == pytest.approx(spread / (1.25 * spread + 0.25 * mean**2))


def test_axes_are_not_mixed_up(asked):
    noise = np.random.default_rng(5).normal(size=300)
    found = label_response(asked, np.column_stack([noise, asked[:, 1]]), resamples=200)
    low, high = present(present(found["valence"])["correlation"].ci)
    assert low < 0 < high
    assert present(found["arousal"])["ccc"].value == pytest.approx(1.0)


def test_permuted_conditions_show_no_response(asked):
    reading = asked[np.random.default_rng(6).permutation(300)]
    for measures in label_response(asked, reading, resamples=200).values():
        assert all(abs(present(measures)[key].value) < 0.2 for key in ("correlation", "slope", "ccc"))
        assert present(measures)["mae"].value == pytest.approx(2 / 3, abs=0.1)  # E|u − v| of two uniforms on [−1, 1]


def test_intervals_are_by_song(asked):
    song = np.arange(300) // 10
    requested = asked[song]
    reading = requested + np.random.default_rng(8).normal(size=(30, 2))[song]
    by_song = present(label_response(requested, reading, groups=song, resamples=300)["valence"])["slope"].ci
    by_row = present(label_response(requested, reading, resamples=300)["valence"])["slope"].ci
    assert np.ptp(present(by_song)) > 2 * np.ptp(present(by_row))


def test_relative_to_real_divides_by_the_regressors_result_on_real_clips(asked):
    rng = np.random.default_rng(9)
    real = label_response(asked, 0.6 * asked + 0.1 * rng.normal(size=asked.shape), resamples=100)
    fake = label_response(asked, 0.3 * asked + 0.1 * rng.normal(size=asked.shape), resamples=100)
    relative = relative_to_real(fake, real)
    assert present(relative["valence"])["slope"] == pytest.approx(0.5, abs=0.05)
    assert relative_to_real(real, real)["arousal"] == pytest.approx({"correlation": 1.0, "slope": 1.0, "ccc": 1.0})


def test_a_regressor_that_fails_on_real_clips_gives_no_result(asked):
    blind = label_response(asked, np.random.default_rng(1).normal(size=asked.shape), resamples=100)
    assert relative_to_real(blind, blind) == {"valence": None, "arousal": None}


def test_an_axis_never_varied_has_no_response(asked):
    requested = asked * [1, 0]
    found = label_response(requested, asked, resamples=50)
    assert found["arousal"] is None
    assert relative_to_real(found, label_response(asked, asked, resamples=50))["arousal"] is None
    with pytest.raises(InputError, match="every clip has the condition"):
        label_response(np.zeros((10, 2)), asked[:10])


def test_wrong_shapes_are_refused(asked):
    with pytest.raises(InputError, match=r"\[N, 2\]"):
        label_response(asked, asked[:-1])
    with pytest.raises(InputError, match=r"\[N, 2\]"):
        label_response(asked[:, :1], asked[:, :1])


def test_the_label_error_is_the_distance_of_the_prediction(asked):
    found = label_error(asked, asked + np.array([0.25, -0.5]), resamples=50)
    assert found["valence"].value == pytest.approx(0.25)
    assert found["arousal"].ci == pytest.approx((0.5, 0.5))
    assert found["valence"].n == (300,)
    shifted = label_response(asked, asked + np.array([0.25, -0.5]), resamples=50)
    assert present(shifted["valence"])["mae"].value == pytest.approx(0.25)


def test_the_label_error_needs_no_request_that_varies(asked):
    still = np.full((300, 2), 0.5)
    found = label_error(still, asked, resamples=50)
    assert found["valence"].value == pytest.approx(np.abs(asked[:, 0] - 0.5).mean())
    with pytest.raises(InputError, match=r"\[N, 2\]"):
        label_error(still[:, :1], asked[:, :1])
