"""The blocks of a MobileViT (Mehta & Rastegari 2022): inverted residuals and light attention over a small grid.

Convolutions see what is near, attention sees the whole clip; a network of both needs a fraction of a transformer's
weights. Here attention takes every position of the (already small) grid as one token.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.shared_batch import SharedBatchNorm2d


class InvertedResidual(nn.Module):
    """Expand the channels, convolve depthwise, project (Sandler et al. 2018).

    ``fused`` widens and filters in one full convolution (Tan & Le 2021): more sums, fewer passes over memory, which on
    a CPU is the faster of the two while channels are few.

    Shape: ``[B, C_in, H, W] → [B, C_out, H / stride, W / stride]``.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1, expand: int = 2, fused: bool = False):
        super().__init__()
        wide = expand * channels_in
        if fused:
            layers: list[nn.Module] = [
                nn.Conv2d(channels_in, wide, 3, stride=stride, padding=1, bias=False),
                SharedBatchNorm2d(wide),
                nn.SiLU(),
            ]
        else:
            layers = [
                nn.Conv2d(channels_in, wide, 1, bias=False),
                SharedBatchNorm2d(wide),
                nn.SiLU(),
                nn.Conv2d(wide, wide, 3, stride=stride, padding=1, groups=wide, bias=False),
                SharedBatchNorm2d(wide),
                nn.SiLU(),
            ]
        self.body = nn.Sequential(
            *layers, nn.Conv2d(wide, channels_out, 1, bias=False), SharedBatchNorm2d(channels_out)
        )
        self.straight = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        return x + self.body(x) if self.straight else self.body(x)


class AttentionBlock(nn.Module):
    """Self-attention and a perceptron over all positions, added to the input; both begin at zero.

    Shape: ``[B, C, H, W] → [B, C, H, W]``; C a multiple of ``heads``.
    """

    def __init__(self, channels: int, heads: int = 4, expand: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, expand * channels), nn.SiLU(), nn.Linear(expand * channels, channels)
        )
        self.gate1, self.gate2 = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        c, h, w = x.shape[1:]
        tokens = x.flatten(2).transpose(1, 2)
        qkv = self.qkv(self.norm1(tokens)).unflatten(2, (3, self.heads, c // self.heads)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*qkv.unbind(0)).transpose(1, 2).flatten(2)
        tokens = tokens + self.gate1 * self.out(attended)
        tokens = tokens + self.gate2 * self.mlp(self.norm2(tokens))
        return tokens.transpose(1, 2).unflatten(2, (h, w))


def over_time(x: Tensor) -> Tensor:
    """Mean and deviation along time of each channel and height: ``[B, C, H, W] → [B, 2 · C · H]``.

    When something sounds is forgotten, how high it sounds is not.
    """
    mean = x.mean(dim=3)
    deviation = (x - mean.unsqueeze(3)).square().mean(dim=3).add(1e-6).sqrt()
    return torch.cat([mean, deviation], dim=1).flatten(1)
