"""The few layers that several networks share."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.errors import UsageError

SMALL_CLIP = 2**14
"""Values of a clip, M · F, up to which networks have their small sizes by default."""


def is_small(shape: tuple[int, int]) -> bool:
    """Whether clips ``(M, F)`` are small, as those of the preset ``tiny`` are."""
    return shape[0] * shape[1] <= SMALL_CLIP


def require(fits: bool, name: str, value: float, wanted: str) -> None:
    """Refuse the setting ``name`` of a model, of value ``value``, unless it ``fits``; ``wanted`` says what does.

    Raises:
        UsageError: it does not fit.
    """
    if not fits:
        raise UsageError(f"{name} {value:g} is invalid", where="model settings", hint=f"give {wanted}")


class BandNorm(nn.Module):
    """Standardise each mel band with the mean and deviation of the training clips (Donahue et al. 2019, SpecGAN).

    The statistics are buffers: they are fitted on the training fold and travel with the weights.

    Shape: ``[*, M, F]`` in dB → ``[*, M, F]`` in standard deviations, clipped to ±``limit``; :meth:`inverse` returns.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, n_mels: int, limit: float = 4.0) -> None:
        super().__init__()
        self.limit = limit
        self.register_buffer("mean", torch.zeros(n_mels, 1))
        self.register_buffer("std", torch.ones(n_mels, 1))

    def fit(self, mel: Tensor) -> None:
        """Take the statistics of ``mel [N, M, F]``, in dB."""
        mel = mel.double()
        self.mean.copy_(mel.mean(dim=(0, 2)).unsqueeze(1))
        self.std.copy_(mel.std(dim=(0, 2)).clamp_min(1.0).unsqueeze(1))  # 1 dB: a band without content stays silent

    def forward(self, mel: Tensor) -> Tensor:
        """DB to standard deviations."""
        return ((mel - self.mean) / self.std).clamp(-self.limit, self.limit)

    def inverse(self, normal: Tensor) -> Tensor:
        """Standard deviations to dB."""
        return normal.clamp(-self.limit, self.limit) * self.std + self.mean


def sinusoids(x: Tensor, dim: int, max_period: float = 10_000.0) -> Tensor:
    """Sinusoidal embedding ``[B] → [B, dim]`` (Vaswani et al. 2017); ``dim`` even."""
    half = dim // 2
    frequencies = torch.exp(-math.log(max_period) * torch.arange(half, device=x.device) / half)
    angles = x.float().unsqueeze(1) * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class FiLMBlock(nn.Module):
    """Residual block of two 3 × 3 convolutions, scaled and shifted by an embedding (Perez et al. 2018).

    Shape: ``[B, C_in, H, W]``, embedding ``[B, E]`` → ``[B, C_out, H, W]``. The last convolution starts at zero, so
    that a block begins as the identity (or a 1 × 1 convolution).
    """

    def __init__(
        self, channels_in: int, channels_out: int, embedding: int, groups: int = 8, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.norm1 = nn.GroupNorm(groups, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * channels_out)
        self.norm2 = nn.GroupNorm(groups, channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.skip = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Apply the block."""
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.film(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(self.dropout(F.silu(self.norm2(h) * (1 + scale) + shift)))
        return self.skip(x) + h


class SelfAttention(nn.Module):
    """Self-attention over all positions of ``[B, C, H, W]``; its gate starts at zero (Zhang et al. 2019)."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        b, c, h, w = x.shape
        qkv = self.qkv(self.norm(x)).reshape(b, 3, self.heads, c // self.heads, h * w).transpose(-1, -2)
        # Features side by side: else torch attends by whole matrices of positions, slower and in much more memory.
        query, key, value = qkv.contiguous().unbind(dim=1)
        attended = F.scaled_dot_product_attention(query, key, value)
        return x + self.gate * self.out(attended.transpose(-1, -2).reshape(b, c, h, w))
