"""What every objective needs: the average of weights, the course of the learning rate."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Exponential moving average of weights; the decay grows from 0.1 to ``decay``: early steps are forgotten."""
    rate = 1.0 - min(decay, (1.0 + step) / (10.0 + step))
    for kept, new in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, rate)
    for kept, new in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(new)


def warm_cosine(step: int, steps: int, warm: int = 50, floor: float = 0.05) -> float:
    """Learning-rate factor: linear over ``warm`` steps, then half a cosine down to ``floor``."""
    if step < warm:
        return (step + 1) / warm
    share = (step - warm) / max(1, steps - warm)
    return floor + (1 - floor) * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * share))))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set every group's learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
