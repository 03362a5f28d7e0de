"""Clips of any length for networks with a fixed input length.

The network is applied to windows of its input length, spread evenly so that they cover every sample, and the clip's
vector is the mean over windows. A clip shorter than one window is repeated until it fills it, without smoothing the
seams; if it is much shorter, the repetition affects the vector.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BATCH_WINDOWS = 8
"""Windows a network is given at a time: bounds the memory of its activations."""


def cut_windows(waveform: Tensor, length: int) -> Tensor:
    """Cut ``[B, T]`` into windows ``[B, W, length]``, W = ⌈T / length⌉; neighbours overlap where T is no multiple."""
    samples = waveform.shape[-1]
    if samples < length:
        return waveform.repeat(1, -(-length // samples))[:, None, :length]
    count = -(-samples // length)
    starts = torch.linspace(0, samples - length, count).round().int().tolist()
    return torch.stack([waveform[:, start : start + length] for start in starts], dim=1)


def mean_over_windows(network: Callable[[Tensor], Tensor], waveform: Tensor, length: int) -> Tensor:
    """Mean over windows of what ``network`` (``[B, length]`` to ``[B, D]``) gives: ``[B, T]`` to ``[B, D]``."""
    windows = cut_windows(waveform, length)
    given = torch.cat([network(part) for part in windows.flatten(0, 1).split(BATCH_WINDOWS)])
    return given.unflatten(0, windows.shape[:2]).mean(dim=1)
