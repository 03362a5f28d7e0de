"""Classical regressors as tensors: fitted by scikit-learn, saved as plain arrays, evaluated here.

scikit-learn saves its models by pickling, which runs code on loading. Their parameters are a few arrays, and the
sums are short; they are held to scikit-learn's own predictions by the tests. All take standardised features ``[N, D]``
and two targets, fitted one by one unless the class says otherwise.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.svm import SVR
from torch import Tensor, nn

Floats = NDArray[np.float64]
CHUNK = 256
"""Rows compared with all support vectors at a time."""
EPOCHS = 200
"""Epochs that a perceptron is trained for, at most."""


class Estimator(nn.Module, ABC):
    """Arrays that grow with what is fitted: loading takes the shapes of the file."""

    @abstractmethod
    def fit(self, x: Floats, y: Floats) -> None:
        """Fit to standardised features ``[N, D]`` and targets ``[N, 2]``."""

    def hold(self, **arrays: Any) -> None:
        """Keep arrays as buffers of the same name."""
        for name, value in arrays.items():
            setattr(self, name, torch.from_numpy(np.ascontiguousarray(value)))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any) -> None:
        for name, value in self.named_buffers(recurse=False):
            given = state_dict.get(prefix + name)
            if given is not None and given.dtype == value.dtype and given.ndim == value.ndim:
                setattr(self, name, torch.empty_like(given))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class Ridge(Estimator):
    """Linear regression with the penalty chosen by generalised cross-validation (``RidgeCV``)."""

    weight: Tensor
    intercept: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(dim, 2))
        self.register_buffer("intercept", torch.zeros(2))

    def fit(self, x: Floats, y: Floats) -> None:
        """Fit."""
        ridge = RidgeCV(alphas=np.logspace(0, 5, 16)).fit(x, y)
        self.weight.copy_(torch.from_numpy(np.asarray(ridge.coef_).T))
        self.intercept.copy_(torch.from_numpy(np.asarray(ridge.intercept_)))

    def forward(self, x: Tensor) -> Tensor:
        """Predict ``[N, 2]``."""
        return x @ self.weight + self.intercept


class SupportVectors(Estimator):
    """Support vector regression with a Gaussian kernel, Σᵢ αᵢ exp(-γ ‖x - sᵢ‖²) + b, one a target."""

    support: Tensor
    dual: Tensor
    bias: Tensor
    gamma: Tensor

    def __init__(self, dim: int, penalty: float = 1.0, epsilon: float = 0.1) -> None:
        super().__init__()
        self.penalty, self.epsilon = penalty, epsilon
        self.register_buffer("support", torch.zeros(0, dim, dtype=torch.float64))
        self.register_buffer("dual", torch.zeros(0, 2, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("gamma", torch.ones(1, dtype=torch.float64))

    def fit(self, x: Floats, y: Floats) -> None:
        """Fit; γ = 1 / (D · Var(x))."""
        gamma = 1.0 / (x.shape[1] * max(float(x.var()), 1e-12))
        fitted = [SVR(C=self.penalty, epsilon=self.epsilon, gamma=gamma).fit(x, target) for target in y.T]
        used = np.unique(np.concatenate([svr.support_ for svr in fitted]))
        dual = np.zeros((len(used), 2))
        for axis, svr in enumerate(fitted):
            dual[np.searchsorted(used, svr.support_), axis] = svr.dual_coef_[0]
        bias = np.concatenate([svr.intercept_ for svr in fitted])
        self.hold(support=x[used], dual=dual, bias=bias, gamma=np.array([gamma]))

    def forward(self, x: Tensor) -> Tensor:
        """Predict ``[N, 2]``."""
        parts = [
            torch.exp(-self.gamma * torch.cdist(part, self.support).square()) @ self.dual + self.bias
            for part in x.double().split(CHUNK)
        ]
        return torch.cat(parts).to(x.dtype)


class BoostedTrees(Estimator):
    """Gradient boosting (Friedman 2001): shallow trees, each fitted to what those before it leave, added up.

    Each tree sees half of the clips and each split a fifth of the features, drawn with seed 0. A node goes left where
    ``x[feature] ≤ threshold``; both children of a leaf are the leaf, so that ``levels`` steps reach every leaf.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor
    start: Tensor

    def __init__(self, dim: int, trees: int = 300, levels: int = 4, rate: float = 0.1) -> None:  # noqa: ARG002
        super().__init__()
        self.trees, self.levels, self.rate = trees, levels, rate
        for name in ("feature", "left", "right"):
            self.register_buffer(name, torch.zeros(2, 0, 0, dtype=torch.int64))
        for name in ("threshold", "value"):
            self.register_buffer(name, torch.zeros(2, 0, 0, dtype=torch.float64))
        self.register_buffer("start", torch.zeros(2, dtype=torch.float64))

    def fit(self, x: Floats, y: Floats) -> None:
        """Fit."""
        settings: dict[str, Any] = {"n_estimators": self.trees, "max_depth": self.levels, "learning_rate": self.rate}
        settings |= {"subsample": 0.5, "max_features": 0.2, "min_samples_leaf": 5, "random_state": 0}
        fitted = [GradientBoostingRegressor(**settings).fit(x, target) for target in y.T]
        size = 2 ** (self.levels + 1) - 1
        shape = (2, self.trees, size)
        arrays: dict[str, NDArray[Any]] = {name: np.zeros(shape, np.int64) for name in ("feature", "left", "right")}
        arrays |= {name: np.zeros(shape) for name in ("threshold", "value")}
        for axis, boosted in enumerate(fitted):
            for number, tree in enumerate(boosted.estimators_[:, 0]):
                inner = tree.tree_
                n, here = inner.node_count, (axis, number, slice(None, inner.node_count))
                leaf, itself = inner.children_left < 0, np.arange(n)
                arrays["feature"][here] = np.where(leaf, 0, inner.feature)
                arrays["threshold"][here] = inner.threshold
                arrays["left"][here] = np.where(leaf, itself, inner.children_left)
                arrays["right"][here] = np.where(leaf, itself, inner.children_right)
                arrays["value"][here] = self.rate * inner.value[:, 0, 0]
        start = [float(target.mean()) for target in y.T]  # what scikit-learn begins with for squared error
        self.hold(**arrays, start=np.array(start))

    def forward(self, x: Tensor) -> Tensor:
        """Predict ``[N, 2]``."""
        outputs: list[Tensor] = []
        x = x.float()  # as the trees were grown
        for axis in range(2):
            tree = torch.arange(self.feature.shape[1], device=x.device)
            node = torch.zeros(len(x), len(tree), dtype=torch.int64, device=x.device)
            for _ in range(self.levels):
                seen = x.gather(1, self.feature[axis][tree, node]).double()
                goes_left = seen <= self.threshold[axis][tree, node]
                node = torch.where(goes_left, self.left[axis][tree, node], self.right[axis][tree, node])
            outputs.append(self.value[axis][tree, node].sum(dim=1) + self.start[axis])
        return torch.stack(outputs, dim=1).to(x.dtype)


class Perceptron(Estimator):
    """A perceptron with one hidden layer of rectified units: W₂ max(W₁ x + b₁, 0) + b₂, both targets at once.

    Trained by Adam on the squared error and the penalty ``decay`` for at most :data:`EPOCHS` epochs.
    """

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor

    def __init__(self, dim: int, hidden: int = 64, decay: float = 1.0, seed: int = 0) -> None:
        super().__init__()
        self.hidden, self.decay, self.seed = hidden, decay, seed
        self.register_buffer("first", torch.zeros(dim, hidden))
        self.register_buffer("first_bias", torch.zeros(hidden))
        self.register_buffer("second", torch.zeros(hidden, 2))
        self.register_buffer("second_bias", torch.zeros(2))

    def fit(self, x: Floats, y: Floats) -> None:
        """Fit."""
        network = MLPRegressor(
            hidden_layer_sizes=(self.hidden,), alpha=self.decay, max_iter=EPOCHS, random_state=self.seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs are what it is given
            network.fit(x, y)
        for weight, value in zip((self.first, self.second), network.coefs_, strict=True):
            weight.copy_(torch.from_numpy(value))
        for bias, value in zip((self.first_bias, self.second_bias), network.intercepts_, strict=True):
            bias.copy_(torch.from_numpy(value))

    def forward(self, x: Tensor) -> Tensor:
        """Predict ``[N, 2]``."""
        return (x @ self.first + self.first_bias).relu() @ self.second + self.second_bias
