"""The study's own networks, so that its claims can be rerun.

Generator: latent → linear → a grid of a sixteenth → four transposed convolutions of 4 × 4 and stride 2 with batch norm
and ReLU, self-attention with a residual; tanh. At 128 × 1,292 the grids are 8 × 81, 16 × 162, 32 × 323, 64 × 646,
128 × 1,292. Discriminator: the condition as a map beside the spectrogram, four strided convolutions of 32-64-128-256
channels with spectral norm and leaky ReLU, one logit.

The grids are those of the study's public code, not of its report. What neither says is chosen here: channels halve from
256, attention follows the first convolution, the condition's map is a linear layer on an embedding of 16, and tanh
spans the range of the normalised log-mel. When not to
use: for anything but the comparison; ``recipe="modern"`` is the default for a reason.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from affetti.models.generators.conditioning import ConditionEmbedding, Fields
from affetti.models.layers import SelfAttention
from affetti.models.shared_batch import SharedBatchNorm2d

STAGES = 4
GENERATOR = (256, 128, 64, 32, 1)
"""Channels of the generator's grids, the coarsest first."""
DISCRIMINATOR = (2, 32, 64, 128, 256)
"""Channels of the discriminator; two come in: spectrogram and condition."""
LIMIT = 4.0
"""Standard deviations that tanh's ±1 stand for: the normaliser's own limit."""


def grids(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """The five grids from a sixteenth of ``shape`` up to it; each is half the next, rounded up."""
    return [(-(-shape[0] >> k), -(-shape[1] >> k)) for k in range(STAGES, -1, -1)]


class PublishedGenerator(nn.Module):
    """Latent ``[B, latent]`` → normalised log-mel ``[B, M, F]``."""

    def __init__(self, shape: tuple[int, int], latent: int) -> None:
        super().__init__()
        self.grids = grids(shape)
        self.enter = nn.Linear(latent, GENERATOR[0] * math.prod(self.grids[0]))
        pairs = list(pairwise(GENERATOR))
        self.ups = nn.ModuleList([nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairs])
        self.norms = nn.ModuleList([SharedBatchNorm2d(b) for _, b in pairs[:-1]])
        self.attention = SelfAttention(GENERATOR[1])

    def forward(self, latent: Tensor) -> Tensor:
        """Generate."""
        x = F.relu(self.enter(latent)).reshape(len(latent), GENERATOR[0], *self.grids[0])
        for stage, (up, grid) in enumerate(zip(self.ups, self.grids[1:], strict=True)):
            x = up(x)[:, :, : grid[0], : grid[1]]
            if stage < STAGES - 1:
                x = F.relu(self.norms[stage](x))
            if stage == 0:
                x = self.attention(x)
        return LIMIT * torch.tanh(x.squeeze(1))


class PublishedDiscriminator(nn.Module):
    """Normalised log-mel ``[B, M, F]`` and condition ``[B, K]`` → logits ``[B]``."""

    def __init__(self, shape: tuple[int, int], fields: Fields = Fields(), embedding: int = 16) -> None:
        super().__init__()
        self.shape = shape
        self.embed = ConditionEmbedding(embedding, fields)
        self.map = nn.Linear(embedding, math.prod(shape))
        pairs = list(pairwise(DISCRIMINATOR))
        self.convs = nn.ModuleList([spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in pairs])
        # A convolution of stride 2, width 4 and padding 1 halves, rounding down.
        flat = DISCRIMINATOR[-1] * math.prod(size >> STAGES for size in shape)
        self.out = nn.Linear(flat, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Logits ``[B]``; above 0: real."""
        beside = self.map(self.embed(condition)).reshape(-1, *self.shape)
        x = torch.stack([x, beside], dim=1)
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
        return self.out(x.flatten(1)).squeeze(1)
