"""The baselines every network must beat: ridge, support vectors and the like, on statistics or an embedding.

Features are :func:`affetti.signal.statistics.mel_statistics`, or vectors that an embedder made of each clip;
standardised. On small corpora they are hard to beat, so they are always in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from affetti.errors import UsageError
from affetti.models.base import Regressor
from affetti.models.layers import require
from affetti.models.regressors.estimators import BoostedTrees, Estimator, Perceptron, Ridge, SupportVectors
from affetti.signal.statistics import mel_statistics


@dataclass(frozen=True)
class BaselineConfig:
    """Which baseline, on what."""

    method: Literal["ridge", "svr", "boosting", "mlp"] = "ridge"
    """Linear, support vectors with a Gaussian kernel, gradient-boosted trees, or a perceptron with a hidden layer."""
    penalty: float = 1.0
    """C of ``svr``, > 0; larger follows the clips more closely."""
    epsilon: float = 0.1
    """Error that ``svr`` does not mind, ≥ 0."""
    trees: int = 300
    """Trees of ``boosting``, ≥ 1."""
    levels: int = 4
    """Levels of a tree, 1 to 8."""
    hidden: int = 64
    """Hidden units of ``mlp``, ≥ 1."""
    decay: float = 1.0
    """Squared penalty on the weights of ``mlp``, ≥ 0, as scikit-learn's ``alpha``; larger is smoother."""
    seed: int = 0
    """Of the weights and batches of ``mlp``, ≥ 0."""
    features: str = "statistics"
    """Its input features, as ``score --features`` names them."""
    version: str = ""
    """The embedder's version; empty for ``statistics``."""
    dimension: int = 0
    """Length of the embedding; 0 for ``statistics``."""


class Baseline(Regressor):
    """A classical regressor over log-mels ``[B, M, F]`` in dB, as a module: it saves and predicts like the others.

    One on an embedding takes vectors ``[B, D]`` instead.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, int], config: BaselineConfig = BaselineConfig()) -> None:
        super().__init__()
        require(config.penalty > 0, "penalty", config.penalty, "more than 0")
        require(config.epsilon >= 0, "epsilon", config.epsilon, "0 or more")
        require(config.trees >= 1, "trees", config.trees, "1 or more")
        require(1 <= config.levels <= 8, "levels", config.levels, "1 to 8")
        require(config.hidden >= 1, "hidden", config.hidden, "1 or more")
        require(config.decay >= 0, "decay", config.decay, "0 or more")
        require(config.seed >= 0, "seed", config.seed, "0 or more")
        self.config = config
        dim = config.dimension or mel_statistics(torch.zeros(1, *shape)).shape[1]
        self.register_buffer("centre", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        makers = {
            "ridge": lambda: Ridge(dim),
            "svr": lambda: SupportVectors(dim, config.penalty, config.epsilon),
            "boosting": lambda: BoostedTrees(dim, config.trees, config.levels),
            "mlp": lambda: Perceptron(dim, config.hidden, config.decay, config.seed),
        }
        self.estimator: Estimator = makers[config.method]()

    def features(self, x: Tensor) -> Tensor:
        """The input features of log-mels ``[B, M, F]``; an embedding ``[B, D]`` is returned as it is.

        Raises:
            UsageError: it takes an embedding, and log-mels were given.
        """
        if x.ndim == 2:
            return x.float()
        if self.config.dimension:
            name = self.config.features
            raise UsageError(
                f"this baseline takes {name}, not log-mels", where="baseline", hint="use affetti predict, or a student"
            )
        return mel_statistics(x)

    def fit(self, features: Tensor, labels: Tensor) -> None:
        """Fit to features ``[N, D]`` and labels ``[N, 2]``."""
        x = features.double()
        self.centre.copy_(x.mean(dim=0))
        self.scale.copy_(x.std(dim=0).clamp_min(1e-6))
        self.estimator.fit(((x - self.centre) / self.scale).numpy(), labels.double().numpy())

    def embedding(self, mel: Tensor) -> Tensor:
        """The standardised features ``[B, D]``."""
        return (self.features(mel) - self.centre) / self.scale

    def forward(self, mel: Tensor) -> Tensor:
        """Predict valence and arousal ``[B, 2]``, clipped to [-1, 1]."""
        return self.estimator(self.embedding(mel)).clamp(-1, 1)
