from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import sliced_wasserstein, sliced_wasserstein_distance
from affetti.metrics.sliced import unit_directions
from affetti.metrics.transport import column_distances, left_out, left_out_together


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def test_a_shift_costs_its_square_over_the_dimensions(rng):
    x, shift = rng.normal(size=(40, 6)), rng.normal(size=6)
    assert sliced_wasserstein_distance(x, x + shift, directions=12) == pytest.approx((shift**2).sum() / 6)


def test_a_change_of_scale_costs_the_square_of_the_difference(rng):
    x = np.linalg.qr(rng.normal(size=(50, 4)))[0] * np.sqrt(50)  # second moments are exactly those of the identity
    assert sliced_wasserstein_distance(x, 1.7 * x, directions=8) == pytest.approx(0.7**2)


def test_in_one_dimension_it_is_the_mean_square_of_the_sorted_differences(rng):
    x, y = rng.normal(size=(30, 1)), rng.exponential(size=(30, 1))
    expected = ((np.sort(x, axis=0) - np.sort(y, axis=0)) ** 2).mean()
    assert sliced_wasserstein_distance(x, y, directions=1) == pytest.approx(expected)


@pytest.mark.parametrize("n", [(7, 7), (7, 12), (30, 4)])
def test_transport_on_the_line_agrees_with_scipy_for_unequal_sets(rng, n):
    x, y = rng.normal(size=(n[0], 3)), rng.normal(size=(n[1], 3)) + 0.5
    expected = [wasserstein_distance(a, b) for a, b in zip(x.T, y.T, strict=True)]
    assert column_distances(x, y, 1) == pytest.approx(expected)
    every = np.lcm(*n)
    repeated = [np.repeat(z, every // len(z), axis=0) for z in (x, y)]
    assert column_distances(x, y, 2) == pytest.approx(
        ((np.sort(repeated[0], 0) - np.sort(repeated[1], 0)) ** 2).mean(axis=0)
    )


def test_leaving_out_is_leaving_out(rng):
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(9, 3))
    blocks = [np.array([0, 5]), np.array([1]), np.array([2, 3, 4])]
    result = left_out(x, y, blocks, blocks, 2)
    for i, block in enumerate(blocks):
        assert result.without[0][i] == pytest.approx(column_distances(np.delete(x, block, axis=0), y, 2))
        assert result.without[1][i] == pytest.approx(column_distances(x, np.delete(y, block, axis=0), 2))


def test_leaving_a_block_out_of_both_sets_keeps_them_of_one_size(rng):
    x, y = rng.normal(size=(2, 9, 3))
    blocks = (
        [np.array([0, 5]), np.array([1, 8]), np.array([2, 3])],
        [np.array([4, 7]), np.array([0, 3]), np.array([1, 2])],
    )
    result = left_out_together(x, y, *blocks, 2)
    assert result.whole == pytest.approx(((np.sort(x, 0) - np.sort(y, 0)) ** 2).mean(axis=0))
    for i, (a, b) in enumerate(zip(*blocks, strict=True)):
        rest = np.delete(x, a, axis=0), np.delete(y, b, axis=0)
        assert result.without[0][i] == pytest.approx(column_distances(*rest, 2))


@pytest.mark.parametrize(("songs", "made"), [(24, 24), (24, 96)])
def test_few_songs_are_no_more_biased_than_the_interval_allows(songs, made):
    held = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        low, high = present(sliced_wasserstein(rng.normal(size=(songs, 16)), rng.normal(size=(made, 16)), seed=seed).ci)
        held += low <= 0 <= high
    assert held >= 18


def test_directions_are_unit_vectors_orthogonal_by_runs():
    theta = unit_directions(5, 12, seed=0)
    assert theta.shape == (5, 12)
    assert theta[:, :5].T @ theta[:, :5] == pytest.approx(np.eye(5))
    assert np.linalg.norm(theta, axis=0) == pytest.approx(np.ones(12))
    assert unit_directions(50, 7, seed=0).shape == (50, 7)
    # Uniform: each coordinate of a direction is on either side of 0 alike.
    signs = [np.sign(unit_directions(3, 3, seed)[0, 0]) for seed in range(200)]
    assert abs(np.sum(signs)) < 45


def test_the_jackknife_removes_bias_and_its_interval_covers_the_truth():
    plain, actual = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(80, 3)), 1.4 * rng.normal(size=(80, 3))
        plain.append(sliced_wasserstein_distance(x, y, 12))
        actual.append(sliced_wasserstein(x, y, directions=12))
    values = np.array([result.value for result in actual])
    assert np.mean(plain) - 0.16 > 2 * abs(values.mean() - 0.16)
    assert sum(result.ci[0] <= 0.16 <= result.ci[1] for result in actual) >= 34


def test_the_same_distribution_is_at_its_floor_and_songs_count_but_order_does_not(rng):
    song = np.repeat(np.arange(40), 4)
    x, y = (rng.normal(size=(40, 3))[song] + 0.1 * rng.normal(size=(160, 3)) for _ in range(2))
    by_song, by_row = (sliced_wasserstein(x, y, groups, 12) for groups in ((song, song), None))
    assert np.ptp(present(by_song.ci)) > 1.5 * np.ptp(present(by_row.ci))
    assert present(by_song.ci)[0] < 0.02 < present(by_song.ci)[1] + 0.02
    assert abs(present(by_song.floor)) < 0.2
    p = rng.permutation(160)
    again = sliced_wasserstein(x[p], y[::-1], (song[p], song[::-1]), 12)
    assert again.value == pytest.approx(by_song.value)
    assert again.ci == pytest.approx(by_song.ci)


def test_many_rows_are_projected_a_few_directions_at_a_time(rng, monkeypatch):
    x, y = rng.normal(size=(2, 30, 4))
    whole = sliced_wasserstein(x, y, directions=10)
    monkeypatch.setattr("affetti.metrics.sliced.MAX_PROJECTIONS", 90)
    assert sliced_wasserstein(x, y, directions=10).value == pytest.approx(whole.value)
    assert sliced_wasserstein_distance(x, y, 10) >= 0


def test_no_direction_is_refused(rng):
    with pytest.raises(InputError, match="0 directions"):
        sliced_wasserstein(*rng.normal(size=(2, 10, 3)), directions=0)
