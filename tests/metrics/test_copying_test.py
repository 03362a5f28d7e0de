from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from affetti.errors import InputError
from affetti.metrics import data_copying, nearest_pairs
from affetti.metrics.nearest_training import nearest_rows


@pytest.fixture
def sets():
    rng = np.random.default_rng(8)
    return rng.normal(size=(300, 5)), rng.normal(size=(300, 5)), rng.normal(size=(300, 5)), rng


def test_with_one_cell_it_is_the_mann_whitney_test(sets):
    fake, train, holdout, _ = sets
    result = data_copying(fake * 1.1, train, holdout, cells=1)
    away = [nearest_rows(rows, train)[0] for rows in (fake * 1.1, holdout)]
    witness = mannwhitneyu(*away, alternative="less", method="asymptotic", use_continuity=False)
    assert result.p == pytest.approx(witness.pvalue)
    assert norm.cdf(result.c_t) == pytest.approx(witness.pvalue)


def test_ties_are_corrected_for(sets):
    rng = sets[-1]
    fake, train, holdout = rng.integers(0, 4, size=(3, 200, 2)).astype(float)
    train[:, 0] += 0.4
    away = [nearest_rows(rows, train)[0] for rows in (fake, holdout)]
    witness = mannwhitneyu(*away, alternative="less", method="asymptotic", use_continuity=False)
    assert data_copying(fake, train, holdout, cells=1).p == pytest.approx(witness.pvalue)


def test_fresh_draws_copies_and_strangers(sets):
    fake, train, holdout, rng = sets
    assert abs(data_copying(fake, train, holdout).c_t) < 1.5
    copies = data_copying(train + 0.1 * rng.normal(size=train.shape), train, holdout)
    assert copies.c_t < -3
    assert copies.p < 1e-6
    assert data_copying(fake * 2, train, holdout).c_t > 2


def test_under_equal_laws_p_is_uniform():
    p = [data_copying(*np.random.default_rng(seed).normal(size=(3, 100, 3))).p for seed in range(80)]
    assert 0.4 < np.mean(p) < 0.6
    assert np.mean(np.array(p) < 0.05) < 0.15


def test_copying_in_one_region_is_not_hidden_by_strangeness_in_another(sets):
    _, train, holdout, rng = sets
    away = np.array([20.0, 0, 0, 0, 0])
    train, holdout = (np.concatenate([rows, rng.normal(size=rows.shape) + away]) for rows in (train, holdout))
    copies, strange = train[:300] + 0.05 * rng.normal(size=(300, 5)), 2 * rng.normal(size=(300, 5)) + away
    both = data_copying(np.concatenate([copies, strange]), train, holdout, cells=2)
    assert (both.left_out, both.cells) == (0, 2)
    assert both.c_t < data_copying(strange, train, holdout, cells=2).c_t - 5
    near = data_copying(copies, train, holdout, cells=2)
    assert near.left_out == 1  # the region that is never generated
    assert near.c_t < -5


def test_clips_of_a_song_count_as_one():
    song = np.repeat(np.arange(30), 10)
    by_song, by_clip = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        holdout, fake = (rng.normal(size=(30, 5))[song] + 0.01 * rng.normal(size=(300, 5)) for _ in range(2))
        result = data_copying(fake, train := rng.normal(size=(300, 5)), holdout, (song, song))
        assert result.n == (30, 30)
        by_song.append(result.p < 0.05)
        by_clip.append(data_copying(fake, train, holdout, cells=1).p < 0.05)
    assert np.mean(by_song) < 0.2 < np.mean(by_clip)


def test_order_does_not_matter(sets):
    fake, train, holdout, rng = sets
    one = data_copying(fake, train, holdout, seed=2)
    assert data_copying(fake[::-1], rng.permutation(train), holdout[::-1], seed=2) == one
    assert one.to_dict()["n"] == [300, 300]


def test_inputs_without_a_result_are_refused(sets):
    fake, train, holdout, _ = sets
    with pytest.raises(InputError, match="none of 1 cells"):
        data_copying(fake[:4], train, holdout)
    with pytest.raises(InputError, match="400 cells of 300 training rows"):
        data_copying(fake, train, holdout, cells=400)
    with pytest.raises(InputError, match="holdout"):
        data_copying(fake, train, holdout[:, :2])
    assert data_copying(fake, np.ones((10, 5)), holdout, cells=3).left_out == 2  # all of train is one point


def test_the_nearest_pairs_are_named_with_their_distance_and_how_rare_it_is(sets):
    fake, train, holdout, _ = sets
    fake[7], fake[9] = train[3], train[5] + 0.001
    names = [f"made{i}.flac" for i in range(300)], [f"song{i}.flac" for i in range(300)]
    pairs = nearest_pairs(fake, train, *names, holdout, n=3)
    assert [(pair.fake, pair.train) for pair in pairs[:2]] == [
        ("made7.flac", "song3.flac"),
        ("made9.flac", "song5.flac"),
    ]
    assert pairs[0].distance == 0.0
    assert pairs[1].distance == pytest.approx(0.001 * np.sqrt(5))
    assert pairs[1].quantile == 0.0
    away, held = nearest_rows(fake, train)[0], nearest_rows(holdout, train)[0]
    assert pairs[2].distance == pytest.approx(np.sort(away)[2])
    assert pairs[2].quantile == pytest.approx((held <= pairs[2].distance).mean())
    assert pairs == nearest_pairs(fake[::-1], train, names[0][::-1], names[1], holdout, n=3)


def test_nearest_pairs_without_holdout_and_of_few(sets):
    fake, train, _, _ = sets
    pairs = nearest_pairs(fake[:2], train, ["a", "b"], [str(i) for i in range(300)])
    assert len(pairs) == 2
    assert pairs[0].quantile is None
    assert pairs[0].to_dict()["fake"] in ("a", "b")
    with pytest.raises(InputError, match="1 names for 2 rows"):
        nearest_pairs(fake[:2], train, ["a"], [str(i) for i in range(300)])
    with pytest.raises(InputError, match="0 pairs"):
        nearest_pairs(fake[:2], train, ["a", "b"], [str(i) for i in range(300)], n=0)


def test_a_held_out_clip_as_near_counts():
    pairs = nearest_pairs([[1.0], [9.0]], [[0.0], [0.0]], ["a", "b"], ["x", "y"], [[1.0], [2.0]], n=1)
    assert pairs[0].quantile == 0.5


def test_no_row_is_its_own_neighbour_however_rows_are_cut(sets, monkeypatch):
    x = sets[0][:40]
    apart = np.linalg.norm(x[:, None] - x, axis=2) + np.diag(np.full(40, np.inf))
    monkeypatch.setattr("affetti.metrics.pairs.BATCH_ROWS", 7)
    away, which = nearest_rows(x, x, others=True)
    assert away == pytest.approx(apart.min(axis=1))
    assert which.tolist() == apart.argmin(axis=1).tolist()
