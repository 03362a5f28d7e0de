"""Integration of a velocity from noise, at t = 1, to data, at t = 0, by Heun's method.

Two evaluations a step, one in the last: the error falls with the square of the step.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor


def heun(velocity: Callable[[Tensor, float], Tensor], noise: Tensor, steps: float) -> Tensor:
    """Integrate ``velocity(x, t)`` from ``noise`` in equal steps; their number is rounded, and at least 1.

    Example:
        >>> heun(lambda x, t: torch.full_like(x, 2.0), torch.tensor([5.0]), 4)
        tensor([3.])
    """
    x = noise
    times = torch.linspace(1.0, 0.0, max(1, round(steps)) + 1).tolist()
    for now, after in pairwise(times):
        slope = velocity(x, now)
        if after > 0:
            slope = (slope + velocity(x + (after - now) * slope, after)) / 2
        x = x + (after - now) * slope
    return x
