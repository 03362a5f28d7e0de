"""Regressors that are trained step by step: what they share, and what they give to their training.

A network takes normalised log-mels and gives a :class:`Prediction`: two numbers before they saturate, the features
beneath them and where their energy lies. The emotion is the hyperbolic tangent of the first; the rest is for
distillation.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from affetti.models.base import Regressor
from affetti.models.layers import BandNorm


class Prediction(NamedTuple):
    """What a network predicts of a batch of clips, with its features."""

    logits: Tensor
    """``[B, 2]``, any real number; valence and arousal are their hyperbolic tangent."""
    features: Tensor
    """``[B, D]``: the input of the head."""
    map: Tensor
    """``[B, H, W]``, ≥ 0: mean square activation by frequency and time, low bands first."""


class NeuralRegressor(Regressor):
    """A regressor trained step by step; subclasses implement :meth:`predict_normalised`."""

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        self.normalise = BandNorm(n_mels)

    @torch.no_grad()
    def fit_statistics(self, mel: Tensor, labels: Tensor) -> dict[str, float]:  # noqa: ARG002 - the generators need them
        """Fit the normaliser to the training clips ``[N, M, F]``, dB, of labels ``[N, 2]``."""
        self.normalise.fit(mel)
        return {}

    @abstractmethod
    def predict_normalised(self, x: Tensor) -> Prediction:
        """Predict from log-mels ``[B, M, F]`` that are already normalised."""

    def emotion_of_normalised(self, x: Tensor) -> Tensor:
        """Valence and arousal ``[B, 2]`` in (-1, 1) of log-mels ``[B, M, F]`` that are already normalised."""
        return torch.tanh(self.predict_normalised(x).logits)

    def embedding(self, mel: Tensor) -> Tensor:
        """The input ``[B, D]`` of the head, of log-mels ``[B, M, F]`` in dB."""
        return self.predict_normalised(self.normalise(mel)).features

    def forward(self, mel: Tensor) -> Tensor:
        """Predict valence and arousal ``[B, 2]`` of log-mels ``[B, M, F]`` in dB."""
        return self.emotion_of_normalised(self.normalise(mel))
