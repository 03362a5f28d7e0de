from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import nhypergeom

from affetti.errors import InputError
from affetti.metrics.pairs import distance_blocks
from affetti.metrics.smallest_distances import at_least, distinct_places, relative_nearest, tail_test


def test_the_law_of_counts_is_that_of_all_orders():
    orders = list(permutations(range(5)))  # ranks of 3 synthetic values, then of 2 held-out ones
    for a in (1, 2):
        for k in range(5):
            share = np.mean([sum(f < sorted(order[3:])[a - 1] for f in order[:3]) >= k for order in orders])
            assert at_least(k, a, 3, 2) == pytest.approx(share)


def test_the_law_of_counts_is_that_of_scipy():
    n, h, a = 250, 200, 10
    for k in (0, 5, 12, 40):
        assert at_least(k, a, n, h) == pytest.approx(float(nhypergeom.sf(k - 1, n + h, n, a)), rel=1e-6)


def test_copies_are_found_with_their_share():
    rng = np.random.default_rng(0)
    fake = np.concatenate([0.01 * rng.random(25), 1 + rng.random(225)])
    result = tail_test(fake, 1 + rng.random(200))
    assert result.copying
    assert result.share == pytest.approx(0.1, abs=0.02)
    assert result.ci[0] < 0.1 < result.ci[1]
    assert result.n == (250, 200)
    assert result.beneath == pytest.approx(25 + result.expected, abs=6)


def test_false_alarms_keep_to_the_level():
    rng = np.random.default_rng(1)
    p = np.array([tail_test(rng.random(250), rng.random(100)).p for _ in range(200)])
    assert (p < 0.005).mean() <= 0.01
    assert (p < 0.1).mean() <= 0.13


def test_from_the_detectable_share_on_copies_are_found_for_certain():
    rng = np.random.default_rng(2)
    for n, h in ((250, 200), (40, 12), (1_000, 24)):
        share = tail_test(rng.random(n), rng.random(h)).detectable
        assert share is not None
        copies = round(share * n)
        for count, found in ((copies, True), (copies - 1, False)):
            fake = np.concatenate(
                [np.zeros(count), np.full(n - count, 9.0)]
            )  # the others lie farther than any real song
            assert tail_test(fake, 1 + rng.random(h)).copying is found
    assert tail_test(rng.random(2), rng.random(8)).detectable is None


def test_clips_of_one_song_count_once():
    rng = np.random.default_rng(3)
    held = 1 + rng.random(100)
    fake = np.concatenate([np.zeros(20), 1 + rng.random(180)])
    assert tail_test(fake, held).copying
    one_song = np.concatenate([np.zeros(20, int), np.arange(1, 181)])
    assert not tail_test(fake, held, (one_song, np.arange(100))).copying
    five_clips = np.repeat(np.arange(100), 5)
    result = tail_test(fake, np.repeat(held, 5), (np.arange(200), five_clips))
    assert result.n == (200, 100)
    assert result.copying


def test_order_does_not_matter_and_the_seed_decides_the_draws():
    rng = np.random.default_rng(4)
    fake, held, songs = rng.random(90), rng.random(60), np.repeat(np.arange(30), 3)
    other = rng.permutation(90), rng.permutation(60)
    groups = songs, np.repeat(np.arange(20), 3)
    shuffled = groups[0][other[0]], groups[1][other[1]]
    assert tail_test(fake, held, groups, seed=5) == tail_test(fake[other[0]], held[other[1]], shuffled, seed=5)


def test_too_few_held_out_songs_are_refused():
    with pytest.raises(InputError, match="7 held-out songs are too few to distinguish copies from chance"):
        tail_test(np.ones(50), np.ones(7))
    with pytest.raises(InputError, match="not finite"):
        tail_test([np.nan], np.ones(9))


def test_the_unit_of_distance_is_the_fifth_nearest_song():
    train = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [50.0]])
    away, which, relative = relative_nearest(distance_blocks(np.array([[0.2]]), train), np.arange(6), 1)
    assert (away[0], which[0], relative[0]) == pytest.approx((0.2, 0, 0.2 / 3.8))
    # Three clips of one song are one neighbour.
    songs = np.array([0, 0, 0, 1, 2, 3])
    assert relative_nearest(distance_blocks(np.array([[0.2]]), train), songs, 1)[2][0] == pytest.approx(0.2 / 49.8)
    # Duplicates within the training set do not hide a copy, and identical clips are no evidence.
    doubled = np.repeat(train, 2, axis=0)
    assert relative_nearest(distance_blocks(np.array([[0.2]]), doubled), np.arange(12), 1)[2][0] == pytest.approx(1 / 9)
    assert relative_nearest(distance_blocks(np.zeros((1, 1)), np.zeros((6, 1))), np.arange(6), 1)[2][0] == 1


def test_clips_in_one_place_have_one_code_and_noisy_copies_of_a_clip_do_not():
    rng = np.random.default_rng(5)
    place = np.full(16, 0.5) + 0.01 * rng.normal(size=(30, 16))
    copies = 0.05 * rng.normal(size=(30, 16))
    for rows, distinct in ((place, 1), (copies, 30)):
        away = np.linalg.norm(rows, axis=1)
        codes = distinct_places(
            np.zeros(30, dtype=int),
            away,
            away,
            np.full(5, 9.0),
            lambda row, others, rows=rows: np.linalg.norm(rows[others] - rows[row], axis=1),
        )
        assert len(np.unique(codes)) == pytest.approx(distinct, abs=2)
