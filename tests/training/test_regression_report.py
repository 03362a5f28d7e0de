from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.material import present

from affetti import metrics, results
from affetti.corpus.ceiling import AxisCeiling, LabelCeiling
from affetti.results import Estimate
from affetti.training.regression_report import (
    add_ceiling,
    agreement_by_genre,
    agreement_by_song,
    agreement_measures,
    correlation_within_songs,
    quadrant_accuracy,
    song_means,
    worst_songs,
)


@pytest.fixture
def predictions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    target = rng.uniform(-1, 1, (60, 2))
    return 0.5 * target + 0.1 * rng.normal(size=(60, 2)), target, np.repeat([f"s{i:02}" for i in range(20)], 3)


def test_every_measure_comes_with_an_interval(predictions: tuple[np.ndarray, ...]) -> None:
    prediction, target, songs = predictions
    result = agreement_measures(prediction, target, songs, 0)
    assert present(result["valence"].mae).value == pytest.approx(np.abs(prediction - target)[:, 0].mean())
    assert present(result["arousal"].pearson).value == pytest.approx(stats.pearsonr(prediction[:, 1], target[:, 1])[0])
    for axis in result.values():
        for measure in (axis.ccc, axis.r2, axis.pearson, axis.rmse, axis.mae):
            assert measure is not None
            assert measure.ci[0] <= measure.value <= measure.ci[1]
    assert agreement_measures(prediction, target, songs, 0) == result


def test_undefined_values_are_none(predictions: tuple[np.ndarray, ...]) -> None:
    result = agreement_measures(np.zeros((60, 2)), predictions[1], predictions[2], 0)
    assert result["valence"].pearson is None
    assert present(result["valence"].ccc).value == 0


def test_shares_of_the_ceiling(predictions: tuple[np.ndarray, ...]) -> None:
    top = AxisCeiling(r2=results.Estimate(0.64, (0.5, 0.8)), ccc=results.Estimate(0.8, (0.7, 0.9)))
    prediction, target, songs = predictions
    result = add_ceiling(agreement_measures(prediction, target, songs, 0), LabelCeiling(valence=top))
    ccc, arousal = present(result["valence"].ccc), present(result["arousal"].ccc)
    share = present(ccc.of_ceiling)
    assert share.value == pytest.approx(ccc.value / 0.8)
    assert share.ci == pytest.approx([bound / 0.8 for bound in ccc.ci])
    assert ccc.ceiling == Estimate(0.8, (0.7, 0.9))
    assert arousal.of_ceiling is None
    assert arousal.ceiling is None


def test_quadrants() -> None:
    target = np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5], [0.4, 0.4], [0.3, 0.2]])
    songs = np.array(["a", "a", "b", "b", "c", "c"])
    result = quadrant_accuracy(target * [1, -1], target, songs, 0)
    assert result.accuracy.value == 0
    assert (result.chance, result.n) == (0.5, 6)
    assert quadrant_accuracy(target, target, songs, 0).accuracy == Estimate(1.0, (1.0, 1.0))


def test_genres_are_counted_and_small_ones_have_no_interval(predictions: tuple[np.ndarray, ...]) -> None:
    prediction, target, songs = predictions
    genre = np.repeat(["rock"] * 12 + ["jazz"] * 2 + [""] * 6, 3)
    jazz, rock = agreement_by_genre(prediction, target, pd.DataFrame({"song_id": songs, "genre": genre}), 0)
    assert (jazz.genre, jazz.n, jazz.songs, jazz.valence) == ("jazz", 6, 2, None)
    assert (rock.n, rock.songs) == (36, 12)
    assert present(rock.arousal).value == pytest.approx(metrics.concordance(prediction[:36, 1], target[:36, 1]))


def test_the_worst_songs_come_first(predictions: tuple[np.ndarray, ...]) -> None:
    prediction, target, songs = predictions
    prediction = target.copy()
    prediction[9:12] += 0.5
    prediction[3:6] += 0.2
    prediction[4] += 0.3
    clips = pd.DataFrame({"song_id": songs, "genre": "rock", "clip_id": [f"c{i}" for i in range(60)]})
    worst = worst_songs(prediction, target, clips, 2)
    assert [entry.song_id for entry in worst] == ["s03", "s01"]
    assert worst[0].error == pytest.approx(0.5 * 2**0.5)
    assert worst[1].worst_clip == "c4"
    assert worst[0].label == pytest.approx(target[9:12].mean(axis=0).tolist())


def test_agreement_by_song_is_that_of_the_means(predictions: tuple[np.ndarray, ...]) -> None:
    prediction, target, songs = predictions
    frame = pd.DataFrame({"song": songs, "p": prediction[:, 0], "t": target[:, 0]}).groupby("song").mean()
    order = np.random.default_rng(1).permutation(60)
    by_song = agreement_by_song(prediction[order], target[order], songs[order], 0)
    assert present(by_song["valence"].pearson).value == pytest.approx(stats.pearsonr(frame["p"], frame["t"])[0])
    assert present(by_song["valence"].ccc).value == pytest.approx(metrics.concordance(frame["p"], frame["t"]))
    means, member = song_means(target, songs)
    np.testing.assert_allclose(means[member][:3], target[:3].mean(axis=0)[None].repeat(3, axis=0))


def test_correlation_within_songs_leaves_the_songs_out(predictions: tuple[np.ndarray, ...]) -> None:
    _, target, songs = predictions
    moved = np.repeat(np.random.default_rng(2).normal(size=(20, 2)), 3, axis=0)
    within = correlation_within_songs(target + 5 * moved, target, songs, 0)
    assert present(within["valence"]).value == pytest.approx(1)
    frame = pd.DataFrame(target[:, :1], columns=["t"]).assign(song=songs)
    noisy = target + np.random.default_rng(3).normal(size=target.shape)
    centred = (
        noisy[:, 0] - pd.Series(noisy[:, 0]).groupby(songs).transform("mean"),
        frame["t"] - frame.groupby("song")["t"].transform("mean"),
    )
    result = correlation_within_songs(noisy, target, songs, 0)
    assert present(result["valence"]).value == pytest.approx(stats.pearsonr(*centred)[0])
    assert correlation_within_songs(noisy, moved, songs, 0) == {"valence": None, "arousal": None}
