"""Probes: witnesses by scikit-learn, Shapley shares in closed form, nothing read where there is nothing."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affetti.errors import InputError
from affetti.studies.audit.probes import linear_probe, ridge

SONGS = np.repeat([f"song{i:03d}" for i in range(60)], 4)


def features(seed: int, dims: int = 8):
    return np.random.default_rng(seed).normal(size=(len(SONGS), dims))


def test_values_are_those_of_a_ridge_pipeline(monkeypatch):
    monkeypatch.setattr(ridge, "PENALTIES", np.array([10.0]))
    x = features(0) * 7 + 3
    y = x[:, 0] + features(1, 1)[:, 0]
    pipeline = make_pipeline(StandardScaler(), Ridge(10.0))
    theirs = np.asarray(cross_val_predict(pipeline, x, y, groups=SONGS, cv=GroupKFold(5)))
    np.testing.assert_allclose(linear_probe.cross_val_predict(x, y, SONGS), theirs, atol=1e-8)
    assert linear_probe.r2(theirs, y) == pytest.approx(r2_score(y, theirs))


def test_two_targets_are_predicted_as_each_alone():
    x = features(2)
    y = x[:, :2] + features(3, 2) * [0.5, 5.0]
    both = linear_probe.cross_val_predict(x, y, SONGS)
    alone = np.column_stack([linear_probe.cross_val_predict(x, y[:, k], SONGS) for k in (0, 1)])
    np.testing.assert_allclose(both, alone, atol=1e-10)


@pytest.mark.parametrize("kind", ["values", "classes"])
def test_rows_may_come_in_any_order(kind):
    x = features(4)
    order = np.random.default_rng(5).permutation(len(x))
    if kind == "values":
        there, back = (
            linear_probe.cross_val_predict(x, x[:, :1], SONGS),
            linear_probe.cross_val_predict(x[order], x[order, :1], SONGS[order]),
        )
        np.testing.assert_allclose(there[order], back, atol=1e-10)
    else:
        y = np.where(x[:, 0] > 0.5, "up", "down")
        there, back = (
            linear_probe.cross_val_classify(x, y, SONGS),
            linear_probe.cross_val_classify(x[order], y[order], SONGS[order]),
        )
        np.testing.assert_array_equal(there[order], back)


def test_predictive_features_give_classes_and_others_give_chance():
    x, rng = features(6), np.random.default_rng(7)
    there = np.array(["a", "b", "c"])[np.digitize(x[:, 0], [-0.6, 1.2])]  # unequally many
    predicted = linear_probe.cross_val_classify(x, there, SONGS)
    assert linear_probe.balanced_accuracy(predicted, there) == pytest.approx(balanced_accuracy_score(there, predicted))
    assert linear_probe.balanced_accuracy(predicted, there) > 0.6
    absent = rng.permutation(there)
    assert abs(linear_probe.balanced_accuracy(linear_probe.cross_val_classify(x, absent, SONGS), absent) - 1 / 3) < 0.1


def test_a_fitted_probe_predicts_unseen_clips():
    x = features(8)
    y = np.where(x[:, 1] > 0, "up", "down")
    predicted = linear_probe.fit_classifier(x[:160], y[:160], SONGS[:160])(x[160:])
    assert np.mean(predicted == y[160:]) > 0.85
    values = linear_probe.fit_regressor(x[:160], x[:160, 1], SONGS[:160])(x[160:])
    assert values.shape == (80,)
    assert np.corrcoef(values, x[160:, 1])[0, 1] > 0.95


def test_constant_features_predict_nothing():
    still, y = np.full((len(SONGS), 3), 7.0), features(9, 2)
    predicted = linear_probe.cross_val_predict(still, y, SONGS)
    assert all(linear_probe.r2(predicted[:, k], y[:, k]) <= 0 for k in (0, 1))
    classes = np.where(y[:, 0] > 0, "up", "down")
    assert linear_probe.balanced_accuracy(linear_probe.cross_val_classify(still, classes, SONGS), classes) <= 0.6


def test_says_what_cannot_be_read():
    x = features(10)
    few = np.repeat(["a", "b", "c"], 80)
    with pytest.raises(InputError, match="3 songs, fewer than 5 folds"):
        linear_probe.cross_val_predict(x, x[:, 0], few)
    with pytest.raises(InputError, match="does not vary"):
        linear_probe.cross_val_predict(x, np.zeros(len(x)), SONGS)
    with pytest.raises(InputError, match="one class"):
        linear_probe.cross_val_classify(x, np.full(len(x), "a"), SONGS)
    with pytest.raises(InputError, match="one class"):
        linear_probe.balanced_accuracy(SONGS, np.full(len(x), "a"))
    with pytest.raises(InputError, match="does not vary"):
        linear_probe.r2(x[:, 0], np.ones(len(x)))


# Shapley shares


def known(values: dict[tuple[str, ...], float]):
    """Predictions of given R²: the target plus a constant error."""
    target = np.array([-1.0, 1.0] * 50)
    return {chosen: target + np.sqrt(1 - value) for chosen, value in values.items()}, target


def test_shares_of_groups_that_add_up_are_what_each_adds():
    predicted, target = known({(): 0.2, ("a",): 0.3, ("b",): 0.45, ("a", "b"): 0.55})
    assert linear_probe.shapley_r2(predicted, "a", target) == pytest.approx(0.10)
    assert linear_probe.shapley_r2(predicted, "b", target) == pytest.approx(0.25)


def test_shares_of_groups_that_say_the_same_are_halves():
    predicted, target = known({(): 0.1, ("a",): 0.5, ("b",): 0.5, ("a", "b"): 0.5})
    assert (
        linear_probe.shapley_r2(predicted, "a", target)
        == pytest.approx(0.2)
        == linear_probe.shapley_r2(predicted, "b", target)
    )


def test_shares_add_up_to_all_that_is_gained_and_equal_the_mean_over_orders():
    from itertools import permutations

    rng, names = np.random.default_rng(11), ("a", "b", "c")
    values = {chosen: float(rng.uniform(0, 0.9)) for chosen in linear_probe.subsets(names)}
    predicted, target = known(values)
    shares = {name: linear_probe.shapley_r2(predicted, name, target) for name in names}
    assert sum(shares.values()) == pytest.approx(values[names] - values[()])
    for name in names:
        steps = []
        for order in permutations(names):
            before = tuple(sorted(order[: order.index(name)]))
            steps.append(values[tuple(sorted((*before, name)))] - values[before])
        assert shares[name] == pytest.approx(np.mean(steps))


def test_shares_of_independent_groups_are_their_variances():
    base, a, b = features(12, 4), features(13, 1), features(14, 1)
    noise = features(15, 1)
    y = (base[:, :1] + np.sqrt(2) * a + 1.0 * b + noise)[:, 0]
    y = (y - y.mean()) / y.std()
    predicted = linear_probe.cross_val_subsets(base, {"a": a, "b": b, "null": features(16, 3)}, y, SONGS)
    assert linear_probe.shapley_r2(predicted, "a", y) == pytest.approx(2 / 5, abs=0.1)
    assert linear_probe.shapley_r2(predicted, "b", y) == pytest.approx(1 / 5, abs=0.1)
    assert linear_probe.shapley_r2(predicted, "null", y) == pytest.approx(0, abs=0.02)


def test_gain_is_the_difference_of_what_is_explained():
    predicted, target = known({(): 0.2, ("a",): 0.3})
    assert linear_probe.r2_gain(predicted[("a",)], predicted[()], target) == pytest.approx(0.1)
