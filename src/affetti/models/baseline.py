"""The baseline every network must beat: ridge regression on log-mel statistics.

Features are :func:`affetti.signal.statistics.mel_statistics`, standardised; the penalty is chosen by generalised
cross-validation (scikit-learn's ``RidgeCV``). On small corpora it is hard to beat.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from torch import Tensor, nn

from affetti.signal.statistics import mel_statistics


class Baseline(nn.Module):
    """Ridge regression over log-mels ``[B, M, F]`` in dB, as a module so that it files and predicts like the others."""

    centre: Tensor
    scale: Tensor
    weight: Tensor
    intercept: Tensor
    half_width: Tensor

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        dim = mel_statistics(torch.zeros(1, *shape)).shape[1]
        self.register_buffer("centre", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.register_buffer("weight", torch.zeros(dim, 2))
        self.register_buffer("intercept", torch.zeros(2))
        self.register_buffer("half_width", torch.full((2,), torch.nan))

    def fit(self, features: Tensor, labels: Tensor) -> None:
        """Fit to statistics ``[N, D]`` and labels ``[N, 2]``."""
        x = features.double()
        self.centre.copy_(x.mean(dim=0))
        self.scale.copy_(x.std(dim=0).clamp_min(1e-6))
        standard = ((x - self.centre) / self.scale).numpy()
        ridge = RidgeCV(alphas=np.logspace(0, 5, 16)).fit(standard, labels.double().numpy())
        self.weight.copy_(torch.from_numpy(np.asarray(ridge.coef_).T))
        self.intercept.copy_(torch.from_numpy(np.asarray(ridge.intercept_)))

    def forward(self, mel: Tensor) -> Tensor:
        """Predict valence and arousal ``[B, 2]``, clipped to [-1, 1]."""
        standard = (mel_statistics(mel) - self.centre) / self.scale
        return (standard @ self.weight + self.intercept).clamp(-1, 1)

    @torch.inference_mode()
    def predict(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`affetti.models.student.Student.predict`."""
        emotion = self(mel)
        return emotion, self.half_width.expand_as(emotion)
