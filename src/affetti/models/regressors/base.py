"""What all regressors share: log-mel in; valence, arousal and their interval out.

A network reads normalised log-mels and gives a :class:`Prediction`: two numbers before they saturate, the features beneath
them and where it looked. The emotion is the hyperbolic tangent of the first; the rest is for distillation.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from affetti.models.layers import BandNorm


class Prediction(NamedTuple):
    """What a network makes of a batch of clips."""

    logits: Tensor
    """``[B, 2]``, any real number; valence and arousal are their hyperbolic tangent."""
    features: Tensor
    """``[B, D]``: what the head reads."""
    map: Tensor
    """``[B, H, W]``, ≥ 0: mean square activation by frequency and time, low bands first."""


class Regressor(nn.Module):
    """Regressor over log-mels ``[B, M, F]`` in dB.

    :meth:`forward` gives ``[B, 2]`` in [-1, 1]; :meth:`predict` adds the half-width of the calibrated interval.
    """

    half_width: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("half_width", torch.full((2,), torch.nan))

    def forward(self, mel: Tensor) -> Tensor:
        """Predict valence and arousal ``[B, 2]``."""
        raise NotImplementedError

    @torch.inference_mode()
    def predict(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Valence and arousal ``[B, 2]``, and the half-width of their 90 % interval (NaN: not calibrated)."""
        emotion = self(mel)
        return emotion, self.half_width.expand_as(emotion)


class NeuralRegressor(Regressor):
    """A regressor trained step by step; subclasses give :meth:`read`."""

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        self.normalise = BandNorm(n_mels)

    @torch.no_grad()
    def fit_statistics(self, mel: Tensor, labels: Tensor) -> dict[str, float]:  # noqa: ARG002 - the generators need them
        """Fit the normaliser to the training clips ``[N, M, F]``, dB."""
        self.normalise.fit(mel)
        return {}

    def read(self, x: Tensor) -> Prediction:
        """Read normalised log-mels ``[B, M, F]``."""
        raise NotImplementedError

    def from_normal(self, x: Tensor) -> Tensor:
        """Valence and arousal ``[B, 2]`` of log-mels already normalised."""
        return torch.tanh(self.read(x).logits)

    def forward(self, mel: Tensor) -> Tensor:
        """Predict valence and arousal ``[B, 2]``."""
        return self.from_normal(self.normalise(mel))
