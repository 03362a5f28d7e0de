"""The student: a small MobileViT that predicts valence and arousal from a log-mel.

Harmony lies across frequency and rhythm along time, so the stem has wide kernels along both before anything is
pooled. Inverted residuals shrink the grid, most of them where it is small already: on the first, large grid a block
costs more time than it is worth. Attention at the smallest size (of small front-ends at the two smallest) relates what
is far apart. The pooling is over time alone and keeps mean and deviation: which bands sound matters, when they sound
does not. It accepts clips of any length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from affetti.models.layers import is_small, require
from affetti.models.regressors.base import NeuralRegressor, Prediction
from affetti.models.regressors.mobilevit import AttentionBlock, InvertedResidual, over_time
from affetti.models.shared_batch import SharedBatchNorm2d


@dataclass(frozen=True)
class StudentConfig:
    """Sizes of the student; 0 stands for the default of the front-end."""

    width: int = 0
    """Channels of the first stage, four times that in the last; 0: 16 for up to 64 mel bands, else 48."""
    depth: int = 0
    """Blocks of the last stage, ≥ 1, each stage before it has one fewer; 0: 1 for up to 64 mel bands, else 3."""
    dropout: float = 0.2
    """Dropout before the head, in [0, 1)."""


class Student(NeuralRegressor):
    """Regressor over log-mels ``[B, M, F]`` in dB; see :class:`affetti.models.base.Regressor`."""

    def __init__(self, shape: tuple[int, int], config: StudentConfig = StudentConfig()) -> None:
        super().__init__(shape[0])
        require(config.width >= 0, "width", config.width, "1 or more")
        require(config.depth >= 0, "depth", config.depth, "1 or more")
        require(0 <= config.dropout < 1, "dropout", config.dropout, "a share from 0 to below 1")
        small = is_small(shape)
        config = replace(config, width=config.width or (16 if small else 48), depth=config.depth or (1 if small else 3))
        self.config = config
        width, depth = config.width, config.depth
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 7, stride=(2, 4), padding=3, bias=False), SharedBatchNorm2d(width), nn.SiLU()
        )
        self.stages = nn.ModuleList(
            [
                _stage(width, 2 * width, max(1, depth - 2), fused=True),
                _stage(2 * width, 4 * width, max(1, depth - 1), fused=small, attention=small),
                _stage(4 * width, 4 * width, depth, fused=small, attention=True),
            ]
        )
        height = -(-shape[0] // 16)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * 4 * width * height, 64),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(64, 2),
        )

    def predict_normalised(self, x: Tensor) -> Prediction:
        """Predict from log-mels ``[B, M, F]`` that are already normalised."""
        x = self.stem(x.unsqueeze(1))
        for stage in self.stages:
            x = stage(x)
        features = over_time(x)
        return Prediction(self.head(features), features, x.square().mean(dim=1))


def _stage(channels_in: int, channels_out: int, depth: int, *, fused: bool, attention: bool = False) -> nn.Sequential:
    """Halve the grid, ``depth`` blocks in all, and attend to the whole of it."""
    blocks: list[nn.Module] = [InvertedResidual(channels_in, channels_out, stride=2, fused=fused)]
    blocks += [InvertedResidual(channels_out, channels_out, fused=fused) for _ in range(depth - 1)]
    if attention:
        blocks += [AttentionBlock(channels_out) for _ in range((depth + 1) // 2)]
    return nn.Sequential(*blocks)
