"""Noise that depends on (seed, index) alone, so that a sample is the same in any batch, order or on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from affetti.random import child_seed


def noise(seed: int, index: Tensor, shape: tuple[int, ...], stream: str = "noise") -> Tensor:
    """Standard normal noise ``[B, *shape]`` for samples number ``index [B]``; float32 on the CPU.

    ``stream`` names what the noise is for, so that two uses in one model do not share it.
    """
    rows = [
        torch.randn(shape, generator=torch.Generator().manual_seed(child_seed(stream, seed, int(i))))
        for i in index.tolist()
    ]
    return torch.stack(rows) if rows else torch.zeros((0, *shape))
