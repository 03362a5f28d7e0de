"""The velocity network: a UNet over latents, given the time and the condition.

Each level halves the grid. Blocks are residual, scaled and shifted by the sum of the time's and the condition's
embeddings; at the coarser levels all positions attend to each other, and to the lines of the lyrics where there are any
(cross-attention; Rombach et al. 2022).

Were latents white Gaussian noise, the best velocity would be (2t-1)/(t²+(1-t)²) xₜ, with an error of variance
1/(t²+(1-t)²): the network starts from there and learns the rest in those units (the preconditioning of Karras et al.
2022, for straight paths).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.layers import FiLMBlock, SelfAttention, sinusoids

Tokens = tuple[Tensor, Tensor] | None
"""Lyrics ``[B, lines, E]`` and which lines are there ``[B, lines]``."""


class CrossAttention(nn.Module):
    """Attention from all positions of ``[B, C, H, W]`` to tokens ``[B, L, E]``; its gate starts at zero.

    A learned token is appended to the others, so that a clip without lyrics has something to attend to.
    """

    def __init__(self, channels: int, embedding: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key_value = nn.Linear(embedding, 2 * channels)
        self.none = nn.Parameter(torch.zeros(1, 1, embedding))
        self.out = nn.Conv2d(channels, channels, 1)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, tokens: Tensor, there: Tensor) -> Tensor:
        """Attend."""
        b, c, h, w = x.shape
        tokens = torch.cat([self.none.expand(b, -1, -1), tokens], dim=1)
        mask = torch.cat([there.new_ones(b, 1), there], dim=1)[:, None, None, :]
        query = self.query(self.norm(x)).reshape(b, self.heads, c // self.heads, h * w).transpose(-1, -2)
        key, value = self.key_value(tokens).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return x + self.gate * self.out(attended.transpose(-1, -2).reshape(b, c, h, w))


class Level(nn.Module):
    """The blocks of one resolution: ``[B, C_in, H, W]`` → ``[B, C_out, H, W]``."""

    def __init__(
        self, channels_in: int, channels: int, embedding: int, blocks: int, attends: bool, lyrics: bool, dropout: float
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            FiLMBlock(channels_in if i == 0 else channels, channels, embedding, dropout=dropout) for i in range(blocks)
        )
        self.attention = SelfAttention(channels) if attends else None
        self.lyrics = CrossAttention(channels, embedding) if attends and lyrics else None

    def forward(self, x: Tensor, embedding: Tensor, tokens: Tokens) -> Tensor:
        """Apply."""
        for block in self.blocks:
            x = block(x, embedding)
        if self.attention is not None:
            x = self.attention(x)
        if self.lyrics is not None and tokens is not None:
            x = self.lyrics(x, *tokens)
        return x


class VelocityUNet(nn.Module):
    """Latent ``[B, C, H, W]``, time ``[B]``, condition embedding ``[B, E]`` and lyrics → velocity ``[B, C, H, W]``.

    Args:
        channels: of the latent, C.
        widths: channels of each level, finest first, multiples of 8.
        embedding: E, even.
        blocks: residual blocks a level, ≥ 1; one more on the way up.
        attention: the coarsest levels that attend, from 0 to all.
        lyrics: whether there are lines to attend to.
        dropout: inside blocks, in [0, 1).
    """

    def __init__(
        self,
        channels: int,
        widths: tuple[int, ...],
        embedding: int,
        *,
        blocks: int = 1,
        attention: int = 1,
        lyrics: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.time = nn.Sequential(nn.Linear(embedding, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.enter = nn.Conv2d(channels, widths[0], 3, padding=1)
        attends = [level >= len(widths) - attention for level in range(len(widths))]
        self.down = nn.ModuleList(
            Level(widths[max(0, i - 1)], width, embedding, blocks, attends[i], lyrics, dropout)
            for i, width in enumerate(widths)
        )
        self.halve = nn.ModuleList(nn.Conv2d(width, width, 3, stride=2, padding=1) for width in widths[:-1])
        self.middle = FiLMBlock(widths[-1], widths[-1], embedding, dropout=dropout)
        self.widen = nn.ModuleList(nn.Conv2d(below, width, 3, padding=1) for width, below in pairwise(widths))
        self.up = nn.ModuleList(
            Level(2 * width, width, embedding, blocks, attends[i], lyrics, dropout)
            for i, width in enumerate(widths[:-1])
        )
        self.leave = nn.Sequential(nn.GroupNorm(8, widths[0]), nn.SiLU(), nn.Conv2d(widths[0], channels, 3, padding=1))
        nn.init.zeros_(self.leave[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.leave[-1].bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, t: Tensor, condition: Tensor, tokens: Tokens = None) -> Tensor:
        """Predict the velocity."""
        spread = (t.square() + (1 - t).square())[:, None, None, None]  # variance of xₜ when x and n are white
        gaussian = (2 * t - 1)[:, None, None, None] / spread * x
        embedding = F.silu(self.time(sinusoids(1000 * t, self.embedding)) + condition)
        return gaussian + self._residual(x * spread.rsqrt(), embedding, tokens) * spread.rsqrt()

    def _residual(self, x: Tensor, embedding: Tensor, tokens: Tokens) -> Tensor:
        x = self.enter(x)
        kept: list[Tensor] = []
        for i, level in enumerate(self.down):
            x = level(x, embedding, tokens)
            if i < len(self.halve):
                kept.append(x)
                x = self.halve[i](x)
        x = self.middle(x, embedding)
        for i in reversed(range(len(self.up))):
            x = self.widen[i](F.interpolate(x, size=kept[i].shape[-2:], mode="nearest"))
            x = self.up[i](torch.cat([x, kept[i]], dim=1), embedding, tokens)
        return self.leave(x)
