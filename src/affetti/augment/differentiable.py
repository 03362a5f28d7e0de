"""Augmentation that a GAN's discriminator sees, of real and fake clips alike, and that gradients pass through.

Zhao et al. (2020, DiffAugment), kept to what leaves an emotion as it was: clips roll in time, move by up to two mel
bands, tilt by up to 3 dB from the lowest to the highest band, and lose a stretch of time or of bands. Tempo is an
emotion cue and so is loudness: nothing is stretched, flipped or turned up. A discriminator that sees only augmented
clips teaches the distribution of clips before augmentation as long as each change is left out often enough (Karras et
al. 2020). The roll is not: it is always made and wraps around, so that the
position where a clip begins is not learned; for clips cut from songs it does not matter.

Conventions: normalised log-mels ``[B, M, F]`` whose mean is 0 in each band. Every item is changed on its own, by
torch's global generator. When not to use: on clips whose place in time matters, for the roll wraps around.
"""

from __future__ import annotations

import torch
from torch import Tensor

MAX_SHIFT_BANDS = 2
"""Greatest shift in frequency, mel bands."""
MAX_TILT_DB = 3.0
"""Greatest difference between the change of the lowest and of the highest band, dB."""
MAX_TIME_SHARE = 1 / 4
"""Greatest share of the frames that is cut out."""
MAX_BAND_SHARE = 1 / 8
"""Greatest share of the bands that is cut out."""


def diff_augment(x: Tensor, strength: float, decibel: Tensor) -> Tensor:
    """Roll each clip by a random time; then make each other change with probability ``strength``.

    Args:
        x: normalised log-mels ``[B, M, F]``.
        strength: probability of each change, in [0, 1]; 0 leaves clips as they are.
        decibel: the size of one dB in each band of ``x``, ``[M, 1]``.

    Returns:
        ``[B, M, F]``.
    """
    if strength == 0:
        return x
    b, m, f = x.shape
    device = x.device
    frames, bands = torch.arange(f, device=device), torch.arange(m, device=device)
    columns = (frames + torch.randint(0, f, (b, 1), device=device)) % f
    shift = torch.randint(-MAX_SHIFT_BANDS, MAX_SHIFT_BANDS + 1, (b, 1), device=device) * _chosen(b, strength, device)
    rows = (bands + shift).clamp(0, m - 1)
    x = x.gather(2, columns[:, None, :].expand(b, m, f)).gather(1, rows[:, :, None].expand(b, m, f))
    slope = MAX_TILT_DB * (torch.rand(b, 1, 1, device=device) - 0.5) * _chosen(b, strength, device)[:, :, None]
    x = x + slope * torch.linspace(-1, 1, m, device=device)[:, None] * decibel
    kept_frames = _kept(frames, MAX_TIME_SHARE, _chosen(b, strength, device))
    kept_bands = _kept(bands, MAX_BAND_SHARE, _chosen(b, strength, device))
    return x * kept_frames[:, None, :] * kept_bands[:, :, None]


def _chosen(items: int, probability: float, device: torch.device) -> Tensor:
    """Which items are changed, ``[items, 1]``."""
    return torch.rand(items, 1, device=device) < probability


def _kept(positions: Tensor, share: float, chosen: Tensor) -> Tensor:
    """False inside one random span of up to ``share`` of the positions, for the chosen items: ``[items, size]``."""
    size, items, device = len(positions), len(chosen), positions.device
    length = torch.randint(0, int(share * size) + 1, (items, 1), device=device) * chosen
    start = (torch.rand(items, 1, device=device) * (size - length + 1)).long()
    return (positions < start) | (positions >= start + length)
