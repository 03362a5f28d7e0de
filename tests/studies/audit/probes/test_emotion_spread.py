"""Spread within songs: closed forms, and what is left when the raters' noise is taken away."""

import numpy as np
import pandas as pd
import pytest
from tests.material import present

from affetti.studies.audit.probes import emotion_spread

NORMAL_RANGES = {3: 1.6926, 8: 2.8472}
"""Expected range of so many standard normals (Tippett 1925; Pearson & Hartley's table 27)."""


def test_half_range_of_songs_with_three_clips_or_more():
    values = np.array([0.1, 0.5, -0.3, 0.9, 0.8, 0.2])
    songs = np.array(["b", "b", "b", "a", "a", "c"])
    ranges, names = emotion_spread.half_ranges(values, songs)
    assert names.tolist() == ["b"]
    assert ranges.tolist() == [pytest.approx(0.4)]
    assert emotion_spread.half_ranges(values, songs, 2)[1].tolist() == ["a", "b"]


@pytest.mark.parametrize("clips", NORMAL_RANGES)
def test_noise_alone_gives_the_expected_range_of_normals(clips):
    songs = np.repeat(np.arange(50), clips).astype(str)
    result = emotion_spread.noise_half_ranges(np.full(len(songs), 0.1), songs, np.random.default_rng(0))
    assert result.shape == (50,)
    assert result.mean() == pytest.approx(0.1 * NORMAL_RANGES[clips] / 2, rel=0.01)


def labelled(moves: float, raters: int = 10, each: int = 8, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Songs whose valence moves so much, as a panel of raters would label them; and the true valence."""
    rng = np.random.default_rng(seed)
    songs = np.repeat([f"s{i}" for i in range(150)], each)
    true = moves * rng.standard_normal(len(songs))
    ratings = true + 0.35 * rng.standard_normal((raters, len(songs)))
    said = {"valence": ratings.mean(axis=0), "valence_std": ratings.std(axis=0, ddof=1)}
    return pd.DataFrame({"song_id": songs, "raters": raters, **said}), true


@pytest.mark.parametrize("moves", [0.1, 0.3])
def test_spread_beyond_noise_is_that_of_the_truth(moves):
    clips, true = labelled(moves)
    by_name = {m.name: m for m in emotion_spread.label_spread(clips, "valence", "", np.random.default_rng(0), "")}
    songs = clips["song_id"].to_numpy(dtype=str)
    truth = emotion_spread.half_ranges(true, songs)[0].mean()
    assert by_name["spread_beyond_noise"].value == pytest.approx(truth, rel=0.06)
    assert by_name["spread_labels"].value == pytest.approx(
        emotion_spread.half_ranges(clips["valence"].to_numpy(), songs)[0].mean()
    )
    assert by_name["spread_labels"].n == 150


def test_songs_that_do_not_move_have_next_to_no_spread_beyond_noise():
    clips, _ = labelled(0.0)
    *_, noise, beyond = emotion_spread.label_spread(clips, "valence", "", np.random.default_rng(0), "")
    assert noise.value == pytest.approx(0.35 / np.sqrt(10) * NORMAL_RANGES[8] / 2, rel=0.05)
    assert present(beyond.value) < 0.05
    assert present(beyond.ci)[0] < 0.02


def test_without_raters_nothing_is_said_of_their_noise():
    clips, _ = labelled(0.2)
    result = emotion_spread.label_spread(clips.assign(raters=0), "valence", "", np.random.default_rng(0), "")
    assert [m.value is None for m in result] == [False, True, True]
    assert all("raters" in m.note for m in result[1:])


def test_the_course_of_a_song_is_relative_to_its_mean():
    songs = np.repeat(["a", "b", "c"], 5)
    position = np.tile([0.1, 0.3, 0.5, 0.7, 0.9], 3)
    values = np.tile([-0.2, -0.1, 0.0, 0.1, 0.2], 3) + np.repeat([5.0, -3.0, 0.0], 5)
    result = emotion_spread.mean_course("labels", values, position, songs)
    np.testing.assert_allclose(
        [point[:2] for point in result.points],
        list(zip(position[:5], [-0.2, -0.1, 0, 0.1, 0.2], strict=True)),
        atol=1e-12,
    )
    order = np.random.default_rng(0).permutation(15)
    again = emotion_spread.mean_course("labels", values[order], position[order], songs[order])
    np.testing.assert_allclose([p[:2] for p in again.points], [p[:2] for p in result.points], atol=1e-12)
    unknown = np.where(songs == "a", np.nan, position)
    assert len(emotion_spread.mean_course("labels", values, unknown, songs).points) == 5
    assert emotion_spread.mean_course("labels", values, np.full(15, np.nan), songs).points == ()
