from __future__ import annotations

import numpy as np
import pytest
import torch

from affetti.models.regressors.student import Student, StudentConfig
from affetti.training.calibration import COVERAGE, calibrate, half_width, interval_coverage


def guess() -> Student:
    return Student((8, 8), StudentConfig(4))


def names(count: int, each: int = 1) -> np.ndarray:
    return np.repeat([f"song{i}" for i in range(count)], each)


@pytest.mark.parametrize(("n", "rank"), [(9, 9), (19, 18), (20, 19), (99, 90), (100, 91)])
def test_with_one_clip_a_song_it_is_the_conformal_rank_of_the_errors(n: int, rank: int) -> None:
    errors = np.stack([np.arange(1, n + 1) / (n + 1), np.arange(n, 0, -1) / (2 * n)], axis=1)
    model = guess()
    result = calibrate(model, np.zeros((n, 2)), errors, names(n))
    assert result.half_width["valence"] == pytest.approx(rank / (n + 1))
    assert result.half_width["arousal"] == pytest.approx(rank / (2 * n))
    torch.testing.assert_close(model.half_width, torch.tensor([rank / (n + 1), rank / (2 * n)]))
    assert result.coverage == pytest.approx(COVERAGE)


def test_few_songs_promise_less() -> None:
    result = calibrate(guess(), np.zeros((8, 2)), np.full((8, 2), 0.3), names(2, 4))
    assert (result.coverage, result.songs, result.n) == (2 / 3, 2, 8)
    assert result.half_width["valence"] == pytest.approx(0.3)


def test_a_song_counts_once_however_many_clips_it_gives() -> None:
    errors, songs = np.linspace(0.1, 0.9, 20), names(20)
    before = half_width(errors, songs, 0.8)
    many = half_width(np.append(errors, [5.0] * 99), np.append(songs, ["song19"] * 99), 0.8)
    assert many == before, "one song's hundred bad clips move no quantile that it alone does not reach"
    order = np.random.default_rng(0).permutation(20)
    assert half_width(errors[order], songs[order], 0.8) == before


def test_it_covers_clips_of_new_songs_as_promised_where_single_clips_would_not() -> None:
    rng = np.random.default_rng(0)
    inside, naive = [], []
    songs = names(12, 8)
    for _ in range(1500):
        scale = np.repeat(rng.gamma(1.0, 0.3, 13), 8)  # of errors: a song is hard or easy as a whole
        errors = scale * np.abs(rng.normal(size=104))
        half = half_width(errors[:96], songs, 0.9)
        inside.append(errors[-1] <= half)
        naive.append(errors[-1] <= np.quantile(errors[:96], 0.9))
    assert np.mean(inside) >= 0.9 - 3 * (0.09 / 1500) ** 0.5
    assert np.mean(inside) < 0.99
    assert np.mean(naive) < np.mean(inside)


def test_measured_coverage_is_the_share_inside() -> None:
    model = guess()
    model.half_width.copy_(torch.tensor([0.25, 0.5]))
    target = np.stack([np.linspace(-1, 1, 40)] * 2, axis=1)
    result = interval_coverage(model, np.zeros((40, 2)), target, names(10, 4), 0)
    for axis, half in (("valence", 0.25), ("arousal", 0.5)):
        assert result[axis].value == pytest.approx((np.abs(target[:, 0]) <= half).mean())
        assert result[axis].ci[0] <= result[axis].value <= result[axis].ci[1]
