"""The condition: what a generator is asked for.

A condition is a point on the valence-arousal plane, ``[B, 2]`` in [-1, 1]. A row of NaN asks for nothing: it becomes a
learned null, which is what classifier-free guidance (Ho & Salimans 2022) compares with. A condition is a wish, not a
label: whether a clip follows it is measured afterwards.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from affetti.errors import InputError

OCTAVES = 4


class EmotionEmbedding(nn.Module):
    """Valence and arousal to a vector: Fourier features of four octaves, then two linear layers.

    Shape: ``[B, 2]`` → ``[B, dim]``.
    """

    def __init__(self, dim: int = 256) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2 + 4 * OCTAVES, 128), nn.SiLU(), nn.Linear(128, dim))
        self.null = nn.Parameter(torch.randn(dim) / math.sqrt(dim))

    def forward(self, condition: Tensor) -> Tensor:
        """Embed; rows of NaN become the null."""
        asked = condition.isfinite().all(dim=1, keepdim=True)
        point = torch.where(asked, condition, 0.0)
        angles = torch.cat([point * (math.pi / 2 * 2**octave) for octave in range(OCTAVES)], dim=1)
        features = torch.cat([point, angles.sin(), angles.cos()], dim=1)
        return torch.where(asked, self.net(features), self.null)


def drop(condition: Tensor, probability: float) -> Tensor:
    """Replace each row by "nothing asked" with the given probability, using torch's global generator."""
    dropped = torch.rand(len(condition), 1, device=condition.device) < probability
    return torch.where(dropped, torch.nan, condition)


def require_on_plane(condition: Tensor) -> None:
    """Refuse conditions off the plane.

    Raises:
        InputError: the shape is not ``[B, 2]``, or a value lies outside [-1, 1].
    """
    if condition.ndim != 2 or condition.shape[1] != 2:
        raise InputError(f"conditions of shape {tuple(condition.shape)}", hint="give [B, 2]: valence and arousal")
    bad = (condition.abs() > 1).any(dim=1) | condition.isinf().any(dim=1)
    if bool(bad.any()):
        row = int(bad.int().argmax())
        v, a = condition[row].tolist()
        raise InputError(
            f"condition {row} is ({v:g}, {a:g}), outside [-1, 1]", hint="valence and arousal run from -1 to 1"
        )
