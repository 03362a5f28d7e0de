from __future__ import annotations

import numpy as np
import pytest
from tests.material import present

from affetti.emotion import quadrant
from affetti.errors import InputError
from affetti.metrics import Result, by_stratum, frechet, label_error


@pytest.fixture
def rng():
    return np.random.default_rng(6)


def sizes(rows, seed):
    """A measure that returns the number of rows it was given."""
    return Result(float(len(rows[0])), (0.0, float(seed)), None, tuple(len(r) for r in rows), seed)


def test_every_stratum_is_measured_on_as_many_songs_as_the_smallest():
    genre = np.repeat(["jazz", "rock", "folk"], [30, 12, 20])
    result = by_stratum(sizes, [genre, genre])
    assert list(result) == ["folk", "jazz", "rock"]
    assert {name: present(stratum.result).n for name, stratum in result.items()} == dict.fromkeys(result, (12, 12))
    assert result["jazz"].songs == (30, 30)
    assert all(stratum.drawn == 12 and stratum.reason is None for stratum in result.values())


def test_a_stratum_too_small_has_a_reason_and_no_number_and_does_not_count_as_smallest():
    real, fake = np.repeat(["jazz", "rock"], [30, 20]), np.repeat(["jazz", "rock"], [30, 7])
    result = by_stratum(sizes, [real, fake])
    assert result["rock"].result is None
    assert result["rock"].reason == "7 songs are too few: at least 8 of each set are needed"
    assert result["rock"].songs == (20, 7)
    assert result["jazz"].drawn == 30
    assert by_stratum(sizes, [real, np.repeat(["jazz"], 20)])["rock"].to_dict()["result"] is None


def test_songs_count_not_clips():
    song = np.arange(40) // 5
    genre = np.where(song < 4, "jazz", "rock")
    assert by_stratum(sizes, [genre], [song])["jazz"].reason is not None
    assert present(by_stratum(sizes, [genre], [song], fewest=4)["jazz"].result).n == (20,)


def test_distances_by_quadrant_are_near_their_floor_where_nothing_is_wrong(rng):
    labels, requests = rng.uniform(-1, 1, size=(2, 400, 2))
    x, y = rng.normal(size=(2, 400, 2))
    wrong = quadrant(*requests.T) == "Q3"
    y[wrong] += 2
    result = by_stratum(
        lambda rows, seed: frechet(x[rows[0]], y[rows[1]], seed=seed), [quadrant(*labels.T), quadrant(*requests.T)]
    )
    assert present(result["Q3"].result).value == pytest.approx(8, abs=1.5)
    for name in ("Q1", "Q2", "Q4"):
        assert abs(present(result[name].result).value) < 0.5
        assert present(present(result[name].result).ci)[0] < 0.1
        assert abs(present(present(result[name].result).floor)) < 0.5


def test_label_error_by_quadrant(rng):
    requests = rng.uniform(-1, 1, size=(80, 2))
    prediction = requests + np.where(quadrant(*requests.T) == "Q1", 0.5, 0.1)[:, None]
    result = by_stratum(
        lambda rows, seed: label_error(requests[rows[0]], prediction[rows[0]], seed=seed, resamples=50)["valence"],
        [quadrant(*requests.T)],
    )
    assert present(result["Q1"].result).value == pytest.approx(0.5)
    assert present(result["Q2"].result).value == pytest.approx(0.1)


def test_order_does_not_matter_with_songs_named_and_the_seed_does(rng):
    genre, song, value = np.repeat(["a", "b"], [30, 10]), np.arange(40), rng.normal(size=40)
    p = rng.permutation(40)

    def mean(of):
        return lambda rows, seed: Result(float(of[rows[0]].mean()), None, None, (len(rows[0]),), seed)

    one = present(by_stratum(mean(value), [genre], [song])["a"].result)
    assert present(by_stratum(mean(value[p]), [genre[p]], [song[p]])["a"].result).value == pytest.approx(one.value)
    assert present(by_stratum(mean(value), [genre], [song], seed=1)["a"].result).value != one.value
    assert one.ci is None


def test_unnamed_rows_belong_nowhere():
    assert list(by_stratum(sizes, [np.repeat(["", "a"], 10)])) == ["a"]
    with pytest.raises(InputError, match="no row has a stratum"):
        by_stratum(sizes, [np.repeat([""], 10)])
    with pytest.raises(InputError, match="1 songs and 5 draws"):
        by_stratum(sizes, [np.repeat(["a"], 10)], fewest=1)
    with pytest.raises(InputError, match=r"9,.* song ids for 10 rows"):
        by_stratum(sizes, [np.repeat(["a"], 10)], [np.arange(9)])
