"""A small convolutional regressor: log-mel to valence and arousal.

Harmony lies across frequency and rhythm along time, so the stem looks at wide pieces of both before anything is
pooled. The pooling is over time alone and keeps mean and deviation: which bands sound matters, when they sound does
not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.blocks import BandNorm, require


@dataclass(frozen=True)
class StudentConfig:
    """Sizes of the small regressor."""

    width: int = 16
    """Channels of the first stage; twice and four times that in the next."""
    dropout: float = 0.5
    """Dropout before the head, in [0, 1)."""


class Student(nn.Module):
    """Regressor over log-mels ``[B, M, F]`` in dB.

    :meth:`forward` gives ``[B, 2]`` in [-1, 1]; :meth:`predict` adds the half-width of the calibrated interval.
    """

    half_width: Tensor

    def __init__(self, shape: tuple[int, int], config: StudentConfig = StudentConfig()) -> None:
        super().__init__()
        require(config.width >= 1, "width", config.width, "1 or more")
        require(0 <= config.dropout < 1, "dropout", config.dropout, "a share from 0 to below 1")
        self.config = config
        width = config.width
        self.normalise = BandNorm(shape[0])
        self.stem = nn.Conv2d(1, width, 7, stride=(2, 4), padding=3)
        self.stages = nn.ModuleList(
            [
                nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)),
                nn.Sequential(
                    nn.BatchNorm2d(2 * width), nn.ReLU(), nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1)
                ),
                nn.Sequential(
                    nn.BatchNorm2d(4 * width), nn.ReLU(), nn.Conv2d(4 * width, 4 * width, 3, stride=2, padding=1)
                ),
            ]
        )
        height = -(-shape[0] // 16)
        self.norm = nn.BatchNorm2d(4 * width)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * 4 * width * height, 64),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(64, 2),
        )
        self.register_buffer("half_width", torch.full((2,), torch.nan))

    @torch.no_grad()
    def fit_statistics(self, mel: Tensor, labels: Tensor) -> dict[str, float]:  # noqa: ARG002 - the generators need them
        """Fit the normaliser to the training clips ``[N, M, F]``, dB."""
        self.normalise.fit(mel)
        return {}

    def forward(self, mel: Tensor) -> Tensor:
        """Predict valence and arousal ``[B, 2]``."""
        return self.from_normal(self.normalise(mel))

    def from_normal(self, x: Tensor) -> Tensor:
        """The same from log-mels already normalised."""
        x = self.stem(x.unsqueeze(1))
        for stage in self.stages:
            x = stage(x)
        x = F.relu(self.norm(x))
        pooled = torch.cat([x.mean(dim=3), x.std(dim=3, unbiased=False)], dim=1).flatten(1)
        return torch.tanh(self.head(pooled))

    @torch.inference_mode()
    def predict(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Valence and arousal ``[B, 2]``, and the half-width of their 90 % interval (NaN: not calibrated)."""
        emotion = self(mel)
        return emotion, self.half_width.expand_as(emotion)
