"""Emotion by genre: planted differences are detected, and compared with chance."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from tests.material import present

from affetti import metrics
from affetti.errors import InputError
from affetti.studies.audit.probes import genre_ccc as module

SONGS = np.repeat([f"s{i:02d}" for i in range(60)], 4)
GENRE = np.repeat(np.tile(["pop", "rock", "jazz"], 20), 4)


def material(worse: float = 0.0, seed: int = 0):
    """Labels and predictions, in jazz with so much more error."""
    rng = np.random.default_rng(seed)
    labels = rng.uniform(-0.8, 0.8, (len(SONGS), 2))
    error = np.where(GENRE == "jazz", 0.2 + worse, 0.2)[:, None]
    return labels + error * rng.standard_normal(labels.shape), labels


def by_name(predicted, labels, genre=GENRE, deals=100):
    rows = module.ccc_by_genre(predicted, labels, genre, SONGS, np.random.default_rng(0), deals)
    return {row.name: row for row in rows}


def test_names_are_plain():
    names = module.clip_genres(pd.DataFrame({"genre": ["Hip-Hop", " hip hop ", None, "", "R&B"]}))
    assert names.tolist() == ["hip_hop", "hip_hop", "", "", "r_b"]


def test_ccc_of_each_genre():
    predicted, labels = material()
    rows = by_name(predicted, labels)
    here = GENRE == "rock"
    assert rows["ccc_rock"].value == pytest.approx(metrics.concordance(predicted[here], labels[here]))
    assert rows["ccc_rock"].n == 20
    each = [present(rows[f"ccc_{name}"].value) for name in ("pop", "rock", "jazz")]
    assert rows["spread_ccc"].value == pytest.approx(max(each) - min(each))


def test_a_genre_that_is_predicted_worse_is_detected():
    rows = by_name(*material(worse=0.5))
    assert present(rows["spread_ccc"].value) > present(rows["spread_ccc_by_chance"].ci)[1]
    assert present(rows["genres_alike"].value) < 0.01


def test_genres_of_equal_ccc_are_rarely_distinguished():
    codes = np.unique(GENRE, return_inverse=True)[1]
    shares = []
    for seed in range(20):
        predicted, labels = material(seed=seed)
        dealt = module.permuted_spread(predicted, labels, codes, SONGS, np.random.default_rng(seed), 40)
        shares.append(float(np.mean(dealt >= module.ccc_spread(predicted, labels, codes))))
    assert sum(share <= 0.025 for share in shares) <= 2
    assert 0.3 < np.mean(shares) < 0.7  # where there is no difference the share is even over [0, 1]


def test_genres_are_permuted_by_song():
    """Songs keep one genre: what a song has in common is no difference between genres."""
    predicted, labels = material()
    codes = np.unique(GENRE, return_inverse=True)[1]
    rng = np.random.default_rng(1)
    by_song = module.permuted_spread(predicted, labels, codes, SONGS, rng, 20)
    assert by_song.shape == (20,)
    one = np.full(len(SONGS), "one song")
    np.testing.assert_raises(InputError, module.permuted_spread, predicted, labels, codes, one, rng, 1)


def test_genres_of_few_songs_and_unknown_ones_are_left_out():
    genre = GENRE.copy().astype("<U5")
    genre[GENRE == "jazz"] = ""
    genre[:8] = "polka"  # two songs
    rows = by_name(*material(), genre=genre)
    assert {name for name in rows if name.startswith("ccc_")} == {"ccc_pop", "ccc_rock"}
    alone = by_name(*material(), genre=np.where(GENRE == "pop", "pop", ""))
    assert alone["ccc_pop"].value is not None
    assert alone["spread_ccc"].value is None
    assert "two genres or more" in alone["genres_alike"].note


def test_order_of_rows_does_not_matter():
    predicted, labels = material(0.2)
    order = np.random.default_rng(2).permutation(len(SONGS))
    there = by_name(predicted, labels)
    rows = module.ccc_by_genre(
        predicted[order], labels[order], GENRE[order], SONGS[order], np.random.default_rng(0), 100
    )
    for row in rows:
        assert row.value == pytest.approx(there[row.name].value)


def test_interval_of_eighteen_songs_in_closed_form():
    low, high = (present(measurement.value) for measurement in module.fisher_interval())
    assert (round(low, 2), round(high, 2)) == (0.31, 0.87)
    # scipy's interval of a sample whose r is .68
    rng = np.random.default_rng(0)
    x, e = rng.standard_normal((2, 18))
    e -= e.mean() + (x - x.mean()) * np.cov(x, e)[0, 1] / x.var(ddof=1)
    y = 0.68 * (x - x.mean()) / x.std() + np.sqrt(1 - 0.68**2) * e / e.std()
    theirs = pearsonr(x, y).confidence_interval(0.95)
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-4)
