"""Ridge: the same fit as scikit-learn's, penalties chosen across songs."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from affetti.studies.audit.probes import ridge

SONGS = np.repeat([f"song{i}" for i in range(20)], 6)


def material(features: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(SONGS), features))
    y = x[:, :2] @ np.array([[1.0, 0.2], [-0.5, 0.1]]) + rng.normal(size=(len(SONGS), 2)) + 3
    return x, y


@pytest.mark.parametrize("features", [5, 300])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scikit_learn(features, weighted):
    x, y = material(features)
    weights = np.random.default_rng(1).uniform(0.5, 2, len(x)) if weighted else None
    result = ridge.fit(x, y, SONGS, weights)
    for column in range(2):
        theirs = Ridge(result.penalty[column]).fit(x, y[:, column], sample_weight=weights)
        np.testing.assert_allclose(result.predict(x)[:, column], theirs.predict(x), atol=1e-8)
        np.testing.assert_allclose(result.slopes[:, column], theirs.coef_, atol=1e-8)


def test_the_penalty_with_the_least_error_on_held_out_songs_is_chosen():
    from sklearn.model_selection import GridSearchCV, GroupKFold

    x, y = material(40)
    search = GridSearchCV(Ridge(), {"alpha": ridge.PENALTIES}, cv=GroupKFold(ridge.N_INNER_FOLDS), scoring=squares)
    for column in range(2):
        theirs = search.fit(x, y[:, column], groups=SONGS).best_params_["alpha"]
        assert ridge.fit(x, y, SONGS).penalty[column] == theirs


def squares(model, x, y):
    return -float(((model.predict(x) - y) ** 2).sum())


def test_features_that_only_identify_the_song_get_no_weight():
    """Each song has a label and features of its own, unrelated: leaving out clips would find them useful."""
    rng = np.random.default_rng(0)
    own, label = rng.normal(size=(20, 15)), rng.normal(size=(20, 1))
    song = np.repeat(np.arange(20), 6)
    x = own[song] + 0.1 * rng.normal(size=(120, 15))
    assert ridge.fit(x, label[song], SONGS).penalty[0] > 100
    clips = ridge.fit(x, label[song], np.arange(120).astype(str))
    assert clips.penalty[0] < 10


def test_does_not_depend_on_the_order_of_rows():
    x, y = material(10)
    order = np.random.default_rng(2).permutation(len(x))
    there, back = ridge.fit(x, y, SONGS), ridge.fit(x[order], y[order], SONGS[order])
    np.testing.assert_allclose(there.slopes, back.slopes, atol=1e-10)


def test_one_song_and_no_features():
    x, y = material(3)
    alone = ridge.fit(x, y, np.full(len(x), "one"))
    assert alone.penalty.tolist() == [ridge.PENALTIES[5]] * 2
    nothing = ridge.fit(x[:, :0], y, SONGS)
    np.testing.assert_allclose(nothing.predict(x[:, :0]), np.broadcast_to(y.mean(axis=0), y.shape))
