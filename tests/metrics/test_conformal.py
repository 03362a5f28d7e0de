from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import kstest

from affetti.errors import InputError
from affetti.metrics.conformal import LOW, typicality


def by_definition(real, clip, song):
    """The p-value with all scores taken anew among the real songs and the clip."""
    rows, songs = np.concatenate([real, [clip]]), np.append(song, song.max() + 1)
    apart = cdist(rows, rows)

    def score(row):
        by_song = [apart[row, songs == other].min() for other in np.unique(songs) if other != songs[row]]
        return np.sort(by_song)[4]

    own = score(len(real))
    shares = [np.mean([score(row) >= own for row in np.flatnonzero(song == one)]) for one in np.unique(song)]
    return (1 + sum(shares)) / (len(shares) + 1)


@pytest.mark.parametrize("each", [1, 3])
def test_values_are_those_of_the_definition(each: int):
    rng = np.random.default_rng(0)
    song = rng.permutation(np.repeat(np.arange(12), each))
    real, fake = rng.normal(size=(len(song), 3)), 1.5 * rng.normal(size=(9, 3))
    result = typicality(real, fake, song)
    assert result.p == pytest.approx([by_definition(real, clip, song) for clip in fake])
    assert result.nearest.tolist() == cdist(fake, real).argmin(axis=1).tolist()
    assert result.songs == 12
    own = [
        by_definition(real[song != song[row]], real[row], _renumbered(song[song != song[row]]))
        for row in range(len(real))
    ]
    assert result.real_low == pytest.approx(np.mean(np.array(own) < LOW))


def _renumbered(song):
    return np.unique(song, return_inverse=True)[1]


@pytest.mark.parametrize("each", [1, 3])
def test_the_share_of_real_clips_is_that_of_the_definition(each: int):
    rng = np.random.default_rng(7)
    song = np.repeat(np.arange(30), each)
    real = rng.normal(size=(len(song), 2)) * rng.choice([1, 4], (len(song), 1))
    own = [
        by_definition(real[song != song[row]], real[row], _renumbered(song[song != song[row]]))
        for row in range(len(real))
    ]
    assert typicality(real, real[:1], song).real_low == pytest.approx(np.mean(np.array(own) < LOW))
    assert np.mean(np.array(own) < LOW) > 0


def test_values_of_real_clips_are_uniform():
    rng = np.random.default_rng(1)
    values = []
    for _ in range(300):
        songs = rng.normal(size=(41, 1, 6)) * rng.choice([0.5, 2], (41, 1, 1))  # two styles, of unequal spread
        clips = songs + 0.4 * rng.normal(size=(41, 3, 6))
        values.append(typicality(clips[:40].reshape(-1, 6), clips[40, :1], np.repeat(np.arange(40), 3)).p[0])
    assert kstest(values, "uniform").pvalue > 0.001
    assert np.mean(np.array(values) < 0.05) == pytest.approx(0.05, abs=0.04)


def test_each_clip_is_compared_on_its_own_and_order_does_not_matter():
    rng = np.random.default_rng(2)
    real, fake, song = rng.normal(size=(60, 5)), rng.normal(size=(600, 5)), np.repeat(np.arange(20), 3)
    whole, shuffled = typicality(real, fake, song).p, rng.permutation(60)
    assert typicality(real, fake[7:9], song).p == pytest.approx(whole[7:9])
    assert typicality(real[shuffled], fake, song[shuffled]).p == pytest.approx(whole)
    assert typicality(real * 7, fake * 7, song).p == pytest.approx(whole)


def test_a_clip_far_from_music_is_least_typical_and_its_middle_most():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(50, 4))
    values = typicality(real, [np.full(4, 50.0), real.mean(axis=0)]).p
    assert values == pytest.approx([1 / 51, 1], abs=0.1)


def test_songs_count_once_however_many_clips_they_have():
    rng = np.random.default_rng(4)
    real, fake = rng.normal(size=(30, 4)), 2 * rng.normal(size=(20, 4))
    doubled = np.concatenate([real, *[real[:3]] * 20])
    song = np.concatenate([np.arange(30), np.tile(np.arange(3), 20)])
    assert typicality(doubled, fake, song).p == pytest.approx(typicality(real, fake).p)


def test_too_few_songs_and_bad_rows_are_refused():
    with pytest.raises(InputError, match="7 real songs are too few to say what is typical"):
        typicality(np.zeros((14, 2)), np.zeros((3, 2)), np.repeat(np.arange(7), 2))
    with pytest.raises(InputError, match="fake"):
        typicality(np.zeros((9, 2)), np.full((3, 2), np.nan))
