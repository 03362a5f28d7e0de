"""Predictions over time scored as curves."""

from __future__ import annotations

import numpy as np
import pytest

from affetti import metrics
from affetti.training.curve_report import curve_agreement
from affetti.training.result import CurveAgreement


@pytest.fixture
def curves() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratings of 20 songs of 3 to 8 windows, their songs, and predictions that follow them with an error."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 9, 20)
    songs = np.repeat([f"s{i:02d}" for i in range(20)], lengths)
    rated = np.concatenate(
        [rng.uniform(-0.5, 0.5, 2) + rng.normal(0, 0.2, (count, 2)).cumsum(axis=0) * 0.5 for count in lengths]
    )
    return rated, songs, 0.6 * rated + 0.1 + rng.normal(0, 0.05, rated.shape)


def of(axis: str, *given: np.ndarray) -> CurveAgreement:
    result = curve_agreement(*given, seed=0)[axis]
    assert result is not None
    return result


def test_measures_are_means_over_songs_of_those_within(curves: tuple[np.ndarray, ...]) -> None:
    """Witness: a loop over songs with numpy alone."""
    rated, songs, predicted = curves
    result = of("arousal", predicted, rated, songs)
    ccc, rmse, flat, own = [], [], [], []
    for song in np.unique(songs):
        y, p = rated[songs == song, 1], predicted[songs == song, 1]
        covariance = ((p - p.mean()) * (y - y.mean())).mean()
        ccc.append(2 * covariance / (p.var() + y.var() + (p.mean() - y.mean()) ** 2))
        rmse.append(np.sqrt(((p - y) ** 2).mean()))
        flat.append(np.sqrt(((y.mean() - y) ** 2).mean()))
        own.append(np.sqrt(((p.mean() - y) ** 2).mean()))
    assert result.ccc is not None
    assert result.songs == 20
    assert result.ccc.value == pytest.approx(np.mean(ccc))
    assert result.rmse.value == pytest.approx(np.mean(rmse))
    assert result.rmse_song_mean.value == pytest.approx(np.mean(flat))
    assert result.rmse_flat.value == pytest.approx(np.mean(own))
    assert result.gain.value == pytest.approx(np.mean(own) - np.mean(rmse))
    assert result.gain.ci[0] > 0  # it moves as the ratings do
    low, high = result.ccc.ci
    assert low < result.ccc.value < high
    half = 1.96 * np.std(ccc) / np.sqrt(20)
    assert high - low == pytest.approx(2 * half, rel=0.2)


def test_a_flat_curve_has_no_ccc_and_gains_nothing(curves: tuple[np.ndarray, ...]) -> None:
    rated, songs, _ = curves
    means = np.stack([rated[songs == song].mean(axis=0) for song in songs])
    result = of("valence", means, rated, songs)
    assert result.ccc is not None
    assert result.ccc.value == pytest.approx(0.0, abs=1e-12)
    assert result.rmse.value == pytest.approx(result.rmse_song_mean.value)
    assert result.gain.value == pytest.approx(0.0, abs=1e-12)
    moving_wrongly = of("valence", 2 * means - rated, rated, songs)
    assert moving_wrongly.gain.ci[1] < 0


def test_short_songs_are_left_out_and_ratings_that_do_not_move_have_no_ccc() -> None:
    songs = np.array(["a"] * 4 + ["b"] * 4 + ["c"] * 2)
    rated, predicted = np.zeros((10, 2)), np.random.default_rng(0).normal(size=(10, 2))
    result = of("valence", predicted, rated, songs)
    assert (result.songs, result.ccc) == (2, None)
    assert result.rmse.value == pytest.approx(
        np.mean([metrics.rmse(predicted[:4, 0], rated[:4, 0]), metrics.rmse(predicted[4:8, 0], rated[4:8, 0])])
    )
    assert curve_agreement(predicted[4:], rated[4:], songs[4:], 0) == {"valence": None, "arousal": None}
