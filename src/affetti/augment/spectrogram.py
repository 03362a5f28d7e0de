"""SpecAugment (Park et al. 2019): bands and stretches of time replaced by the mean.

Time warping is left out: tempo is an emotion cue. Masking keeps the label.
"""

from __future__ import annotations

import torch
from torch import Tensor


def spec_augment(x: Tensor, band_share: float = 0.15, time_share: float = 0.2, masks: int = 2) -> Tensor:
    """Mask bands and frames of normalised log-mels ``[B, M, F]``, differently for each item.

    Args:
        x: log-mels whose mean is zero; masked places become 0.
        band_share: greatest share of bands one mask may hide, in [0, 1].
        time_share: greatest share of frames one mask may hide, in [0, 1].
        masks: masks of each kind, ≥ 0.

    Returns:
        ``[B, M, F]``. Uses torch's global generator.
    """
    for _ in range(masks):
        x = x * _keep(len(x), x.shape[1], band_share, x.device).unsqueeze(2)
        x = x * _keep(len(x), x.shape[2], time_share, x.device).unsqueeze(1)
    return x


def _keep(items: int, size: int, share: float, device: torch.device) -> Tensor:
    """1 where kept, 0 inside one random span of up to ``share · size``: ``[items, size]``."""
    length = torch.randint(0, int(share * size) + 1, (items, 1), device=device)
    start = (torch.rand(items, 1, device=device) * (size - length + 1)).long()
    position = torch.arange(size, device=device)
    return ((position < start) | (position >= start + length)).float()
