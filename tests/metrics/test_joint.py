from __future__ import annotations

import numpy as np
import pytest
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import frechet, frechet_distance, frechet_joint_distance
from affetti.metrics.joint import condition_permutation


def music(rng, n=150, d=4, noise=0.3):
    """Clips whose first two features follow valence and arousal."""
    labels = rng.uniform(-1, 1, size=(n, 2))
    features = rng.normal(size=(n, d))
    features[:, :2] = labels + noise * features[:, :2]
    return features, labels


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.mark.parametrize("d", [4, 200])  # by roots, and by inner products
def test_it_is_the_distance_of_features_and_weighted_conditions_side_by_side(rng, d):
    (x, h), (y, c) = music(rng, 60, d), music(rng, 50, d)
    result = frechet_joint_distance(x, y, (h, c), permutations=19)
    alpha = np.linalg.norm(x, axis=1).mean() / np.linalg.norm(h, axis=1).mean()
    real, fake = (np.concatenate([f, alpha * k], axis=1) for f, k in ((x, h), (y, c)))
    assert result.alpha == pytest.approx(alpha)
    assert result.plain == pytest.approx(frechet_distance(real, fake))
    if d == 4:
        assert present(result.joint).value == pytest.approx(frechet(real, fake).value)
    else:  # p needs no more songs than it has
        assert result.joint is None
        assert result.reason == (
            "Fréchet distance: 60 real and 50 synthetic songs are too few for 202 features. Give 404 and 202 or more, "
            "or fewer features, or read the kernel distance"
        )
        assert result.to_dict()["joint"] is None
    assert result.null[0] < result.null[1] < result.null[2]


def test_without_weight_it_is_the_distance_of_the_features(rng):
    (x, h), (y, c) = music(rng), music(rng)
    result = frechet_joint_distance(x, y, (h, c), alpha=0, permutations=19)
    assert present(result.joint).value == pytest.approx(present(result.features).value)
    assert result.p == 1.0


def test_shuffled_conditions_change_the_joint_distance_and_not_that_of_features(rng):
    (x, h), (y, c) = music(rng), music(rng)
    follows, ignores = (
        frechet_joint_distance(x, y, (h, requested), permutations=99) for requested in (c, c[::-1] * [1, -1])
    )
    assert present(follows.features).value == pytest.approx(present(ignores.features).value, abs=0.05)
    assert present(follows.joint).value < 0.3 < present(ignores.joint).value
    assert follows.plain < follows.null[0]
    assert follows.p == pytest.approx(0.01)
    assert ignores.p > 0.05
    assert abs(present(present(follows.joint).floor)) < 0.3


def test_where_conditions_are_ignored_p_is_uniform():
    result = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        (x, h), (y, c) = music(rng, 40, 3), music(rng, 24, 3)
        result.append(frechet_joint_distance(x, y, (h, rng.permutation(c)), permutations=19).p)
    assert 0.35 < np.mean(result) < 0.65
    assert np.mean(np.array(result) <= 0.1) < 0.25


def test_a_song_trades_its_condition_as_a_whole(rng):
    song = np.repeat(np.arange(12), 10)
    x, h = music(rng)
    requested = rng.uniform(-1, 1, size=(12, 2))[song]
    fake = rng.normal(size=(12, 4))[song] + 0.1 * rng.normal(size=(120, 4))  # clips of a song sound alike
    by_song = [
        frechet_joint_distance(x, fake, (h, requested), (np.arange(150), song), permutations=19, seed=s).p
        for s in range(3)
    ]
    assert min(by_song) > 0.05


def test_songs_whose_conditions_change_trade_clip_for_clip(rng):
    (x, h), (y, c) = music(rng, 60), music(rng, 60)
    song = np.repeat(np.arange(20), 3)
    assert frechet_joint_distance(x, y, (h, c), (song, song), permutations=19).p == 0.05
    donors = condition_permutation(song, c)(rng)
    assert sorted(donors) == list(range(60))
    assert (donors % 3 == np.arange(60) % 3).all()
    assert all(len(set(song[donors[song == s]])) == 1 for s in range(20))
    lengths = np.repeat(np.arange(4), [12, 14, 16, 18])
    with pytest.raises(InputError, match="no two songs have equally many clips"):
        frechet_joint_distance(x, y, (h, c), (song, lengths), permutations=19)


def test_order_of_rows_does_not_matter_and_json_is_plain(rng):
    (x, h), (y, c) = music(rng, 60), music(rng, 50)
    p = rng.permutation(50)
    one = frechet_joint_distance(x, y, (h, c), permutations=19, seed=5).to_dict()
    two = frechet_joint_distance(x[::-1], y[p], (h[::-1], c[p]), permutations=19, seed=5).to_dict()
    assert one["p"] == two["p"]
    assert one["null"] == pytest.approx(two["null"])
    assert one["joint"]["value"] == pytest.approx(two["joint"]["value"])
    assert one["seed"] == 5


def test_invalid_input_is_refused(rng):
    (x, h), (y, c) = music(rng, 30), music(rng, 30)
    with pytest.raises(InputError, match="29 conditions for 30 clips"):
        frechet_joint_distance(x, y, (h, c[:-1]))
    with pytest.raises(InputError, match="every condition is 0"):
        frechet_joint_distance(x, y, (h * 0, c))
    with pytest.raises(InputError, match="10 permutations are too few"):
        frechet_joint_distance(x, y, (h, c), permutations=10)
    with pytest.raises(InputError, match="weight of -1"):
        frechet_joint_distance(x, y, (h, c), alpha=-1)
    with pytest.raises(InputError, match="all 30 rows are alike"):
        frechet_joint_distance(np.ones_like(x), y, (h, c))
    with pytest.raises(InputError, match="nan at row 0"):
        frechet_joint_distance(x, y, (h, c * np.nan))
