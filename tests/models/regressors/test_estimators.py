from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.svm import SVR

from affetti.models.regressors.estimators import BoostedTrees, Estimator, Perceptron, Ridge, SupportVectors

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 12))
Y = np.stack([np.sin(X[:, 0]) * 0.6, X[:, 1] * X[:, 2] * 0.3], axis=1) + 0.05 * RNG.normal(size=(120, 2))
NEW = RNG.normal(size=(40, 12))
MAKE: dict[str, Any] = {
    "ridge": lambda: Ridge(12),
    "svr": lambda: SupportVectors(12, 2.0, 0.05),
    "boosting": lambda: BoostedTrees(12, 40, 4),
    "mlp": lambda: Perceptron(12, 8, 0.5, seed=3),
}


def witness(kind: str, target: np.ndarray) -> np.ndarray:
    if kind == "ridge":
        return RidgeCV(alphas=np.logspace(0, 5, 16)).fit(X, target).predict(NEW)
    if kind == "svr":
        return SVR(C=2.0, epsilon=0.05, gamma="scale").fit(X, target).predict(NEW)
    trees = GradientBoostingRegressor(
        n_estimators=40,
        max_depth=4,
        learning_rate=0.1,
        subsample=0.5,
        max_features=0.2,
        min_samples_leaf=5,
        random_state=0,
    )
    return trees.fit(X, target).predict(NEW)


@pytest.fixture(params=list(MAKE))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def fitted(kind: str) -> Estimator:
    model = MAKE[kind]()
    model.fit(X, Y)
    return model


def test_it_predicts_what_scikit_learn_predicts(kind: str) -> None:
    result = fitted(kind)(torch.from_numpy(NEW.astype(np.float32) if kind in ("ridge", "mlp") else NEW)).numpy()
    if kind == "ridge":  # one penalty for both targets
        expected = RidgeCV(alphas=np.logspace(0, 5, 16)).fit(X, Y).predict(NEW)
    elif kind == "mlp":  # one network
        network = MLPRegressor(hidden_layer_sizes=(8,), alpha=0.5, max_iter=200, random_state=3)
        with pytest.warns(ConvergenceWarning):
            expected = np.asarray(network.fit(X, Y).predict(NEW), dtype=np.float64)
    else:
        expected = np.stack([witness(kind, target) for target in Y.T], axis=1)
    np.testing.assert_allclose(result, expected, atol=1e-5)
    assert result.std(axis=0).min() > 0.005, "it has learnt something"


def test_it_is_saved_as_arrays_and_loaded_again(kind: str) -> None:
    first, second = fitted(kind), MAKE[kind]()
    x = torch.from_numpy(NEW).float()
    assert not torch.equal(first(x), second(x))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(x), second(x))


def test_the_result_of_a_row_does_not_depend_on_its_batch(kind: str) -> None:
    model, x = fitted(kind), torch.from_numpy(NEW).float()
    torch.testing.assert_close(model(x[3:4]), model(x)[3:4])


def test_weights_of_another_kind_do_not_fit() -> None:
    with pytest.raises(RuntimeError, match="Missing key"):
        Ridge(12).load_state_dict(fitted("svr").state_dict())
