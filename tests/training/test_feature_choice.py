from __future__ import annotations

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from affetti import metrics
from affetti.corpus.splits import Fold
from affetti.training.feature_choice import validation_ccc


def test_features_that_carry_the_labels_score_higher_and_the_score_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = rng.uniform(-0.8, 0.8, (120, 2))
    good = labels @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(120, 5))
    part = Fold(0, np.arange(60), np.arange(60, 90), np.arange(90, 120))
    scores = validation_ccc({"noise": rng.normal(size=(120, 5)), "good": good}, labels, part, {"method": "ridge"})
    assert scores["good"] > 0.9 > 0.5 > scores["noise"]
    scaler = StandardScaler().fit(good[:60])
    ridge = RidgeCV(alphas=np.logspace(0, 5, 16)).fit(scaler.transform(good[:60]), labels[:60])
    predictions = ridge.predict(scaler.transform(good[60:90])).clip(-1, 1)
    expected = np.mean([metrics.concordance(predictions[:, a], labels[60:90, a]) for a in range(2)])
    assert abs(scores["good"] - expected) < 0.01


def test_test_songs_are_not_looked_at() -> None:
    rng = np.random.default_rng(1)
    labels, x = rng.uniform(-0.8, 0.8, (60, 2)), rng.normal(size=(60, 3))
    part = Fold(0, np.arange(30), np.arange(30, 45), np.arange(45, 60))
    plain = validation_ccc({"x": x}, labels, part, {})
    x[45:], labels[45:] = np.nan, np.nan
    assert validation_ccc({"x": x}, labels, part, {}) == plain


def test_labels_that_do_not_vary_score_zero() -> None:
    part = Fold(0, np.arange(10), np.arange(10, 15), np.arange(15, 20))
    x = np.random.default_rng(2).normal(size=(20, 3))
    assert validation_ccc({"x": x}, np.zeros((20, 2)), part, {}) == {"x": 0.0}
