from __future__ import annotations

import numpy as np
import pytest

from affetti.errors import InputError
from affetti.metrics import frechet_distance, frechet_infinity


def pair(seed, n=300, d=12):
    """Two laws whose distance is D·0.02."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), (1 + np.sqrt(0.02)) * rng.normal(size=(n, d))


def with_replacement(x, y, rng):
    """What later ports of FD∞ do."""
    sizes = np.linspace(100, len(y), 10).astype(int)
    return np.polyfit(1 / sizes, [frechet_distance(x, y[rng.integers(len(y), size=n)]) for n in sizes], 1)[1]


def test_the_extrapolation_finds_the_truth_where_subsets_with_replacement_find_the_bias():
    pairs = [pair(seed) for seed in range(15)]
    results = [frechet_infinity(x, y) for x, y in pairs]
    actual = np.array([result.value for result in results])
    error = np.mean([np.ptp(result.ci) for result in results]) / 2 / 2.262157162740992  # Student's, 9 degrees
    assert 0.6 < error / actual.std(ddof=1) < 2.5
    assert abs(actual.mean() - 12 * 0.02) < 3 * actual.std(ddof=1) / np.sqrt(len(pairs))
    plain = np.mean([frechet_distance(x, y) for x, y in pairs])
    ported = np.mean([with_replacement(x, y, np.random.default_rng(0)) for x, y in pairs])
    assert plain > 0.24 + 0.25
    assert ported > 0.24 + 0.2


def test_the_fitted_line_is_reported():
    x, y = pair(0)
    result = frechet_infinity(x, y, seed=3)
    assert result.r2 > 0.95
    assert result.distances[-1] == pytest.approx(frechet_distance(x, y))
    assert result.shares[-1] == 1.0
    assert result.slope > 0
    assert result.ci[0] < result.value < result.ci[1]
    assert result.to_dict()["n"] == [300, 300]
    assert result.to_dict()["seed"] == 3


def test_songs_stay_whole():
    rng = np.random.default_rng(1)
    song = np.repeat(np.arange(60), 5)
    x, y = (rng.normal(size=(60, 3))[song] + 0.1 * rng.normal(size=(300, 3)) for _ in range(2))
    by_song, by_row = frechet_infinity(x, y, (song, song)), frechet_infinity(x, y)
    assert abs(by_song.value) < abs(by_row.value)
    assert np.ptp(by_song.ci) > 1.2 * np.ptp(by_row.ci)


@pytest.mark.parametrize("d", [4, 8])
def test_order_of_rows_does_not_matter(d):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(50, d)), rng.normal(size=(40, d))
    assert frechet_infinity(x, y).value == pytest.approx(frechet_infinity(x[::-1], rng.permutation(y)).value)


def test_too_few_songs_are_refused():
    x, y = pair(0)
    with pytest.raises(InputError, match="19 songs are too few"):
        frechet_infinity(x[:19], y)
    with pytest.raises(InputError, match="all 300 rows are alike"):
        frechet_infinity(np.ones_like(x), y)
    with pytest.raises(
        InputError, match=r"59 real and 300 synthetic songs are too few for 12 features\. Give 60 and 60"
    ):
        frechet_infinity(x[:59], y)


def test_sets_of_unequal_size_are_compared_at_one():
    """A distribution against itself: subsets that keep the ratio of 50 to 400 songs leave a bias of either sign."""
    results = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        results.append(frechet_infinity(rng.normal(size=(50, 10)), rng.normal(size=(400, 10)), seed=seed))
    values = np.array([result.value for result in results])
    assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(len(values))
    assert sum(result.ci[0] <= 0 <= result.ci[1] for result in results) >= 11
