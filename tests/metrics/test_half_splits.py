from __future__ import annotations

import numpy as np
import pytest
from prdc import compute_prdc
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import by_halves, clipped_density_coverage, vendi_score
from affetti.metrics.half_splits import MEASURES, N_SPLITS, _Pairs
from affetti.metrics.sample import Sample


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def test_a_split_is_measured_as_the_authors_do(rng):
    x, y = rng.normal(size=(60, 4)), rng.normal(size=(50, 4)) * 1.3
    real, fake = Sample.of(x, None, "x"), Sample.of(y, None, "y")
    a, b = np.arange(10, 40), np.arange(5, 45)
    result = _Pairs(real, fake).measured(a, b, 3, fake=True)
    theirs = compute_prdc(real.rows[a], fake.rows[b], nearest_k=3)
    assert {name: result[name] for name in theirs} == pytest.approx(theirs)
    clipped = clipped_density_coverage(real.rows[a], fake.rows[b], 3)
    ours = result["clipped_density"], result["clipped_coverage"], result["vendi"]
    assert ours == pytest.approx((clipped["density"], clipped["coverage"], vendi_score(fake.rows[b])))


def test_equal_distributions_reach_the_floor_and_distant_ones_do_not(rng):
    x = rng.normal(size=(120, 4))
    near, far = by_halves(x, rng.normal(size=(100, 4))), by_halves(x, rng.normal(size=(100, 4)) + 20)
    for name in MEASURES:
        result = near[name]
        assert result.ci is not None
        assert result.ci[0] <= result.value <= result.ci[1], name
        assert result.ci[0] - 0.05 <= present(result.floor) <= result.ci[1] + 0.05, name
        assert result.n == (50, 50)
        assert far[name].floor == pytest.approx(result.floor, abs=0.3)
    assert [far[name].value for name in ("precision", "recall", "density", "coverage")] == [0, 0, 0, 0]
    assert far["precision"].ci == (0, 0)


def test_clips_of_one_song_are_not_each_others_neighbours(rng):
    song = np.repeat(np.arange(24), 16)
    place = rng.normal(size=(48, 3))
    x, y = (place[part][song] + 1e-3 * rng.normal(size=(384, 3)) for part in (slice(24), slice(24, 48)))
    reported, untold = by_halves(x, y, (song, song)), by_halves(x, y)
    assert present(reported["precision"].floor) > 0.6
    assert reported["precision"].value > 0.6
    assert untold["precision"].value < 0.35  # each ball reaches no further than its own song


def test_the_interval_is_of_the_size_that_new_songs_would_show(rng):
    values, widths = [], []
    for seed in range(25):
        result = by_halves(rng.normal(size=(80, 3)), 0.8 * rng.normal(size=(80, 3)) + 0.3, seed=seed)["density"]
        values.append(result.value)
        widths.append((present(result.ci)[1] - present(result.ci)[0]) / (2 * 1.96))
    assert 0.7 < np.mean(widths) / np.std(values) < 2.0


def test_the_order_of_rows_does_not_matter_and_the_seed_is_kept(rng):
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(30, 3))
    song = np.repeat(np.arange(20), 2)
    first = by_halves(x, y, (song, np.arange(30)), seed=3)
    order = rng.permutation(40)
    assert by_halves(x[order], y[::-1], (song[order], np.arange(30)), seed=3) == first
    assert by_halves(x, y, (song, np.arange(30)), seed=4) != first
    assert N_SPLITS >= 30


@pytest.mark.parametrize(
    ("real", "fake", "groups", "says"),
    [
        (np.zeros((20, 2)), np.zeros((20, 2)), None, "are alike"),
        (np.eye(3), np.eye(20, 3), None, "3 songs cannot be halved"),
        (np.eye(20, 3), np.full((20, 3), np.nan), None, "fake: value nan"),
        (np.eye(20, 3), np.eye(20, 2), None, "2 features against 3"),
        (np.eye(20, 3), np.eye(20, 3), (np.zeros(20), np.arange(20)), "1 songs cannot be halved"),
    ],
)
def test_input_that_cannot_be_measured_is_refused(real, fake, groups, says):
    with pytest.raises(InputError, match=says):
        by_halves(real, fake, groups)
