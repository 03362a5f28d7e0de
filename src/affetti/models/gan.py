"""The conditional spectrogram GAN, the study's in shape, trained with today's loss.

Generator: 100 noise + 256 condition embedding = 356 → a coarse grid, doubled by residual blocks with FiLM, self-
attention half-way, the last steps by pixel shuffle. Discriminator: the spectrogram beside the condition as a map (the
study's two channels), plus a projection term (Miyato & Koyama 2018) and an unconditional one. Loss: relativistic
pairing (Jolicoeur-Martineau 2019; Huang et al. 2024) with zero-centred penalties on real and fake, computed every
few steps. Real and fake pass the same differentiable augmentation; it changes neither tempo, nor pitch by more than two
bands, nor the mean level of what it does not cut out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.blocks import BandNorm, FiLMBlock, SelfAttention, require
from affetti.models.conditioning import ConditionEmbedding, Fields, vicinity
from affetti.models.noise import noise


@dataclass(frozen=True)
class GanConfig:
    """Sizes and dials of the spectrogram GAN."""

    noise: int = 100
    """Size of the noise vector."""
    embedding: int = 256
    """Size of the condition embedding; noise and embedding together are the 356-dimensional latent."""
    width: int = 64
    """Channels of the generator's coarsest grid, a multiple of 32; halved at each doubling."""
    discriminator_width: int = 48
    """Channels of the discriminator's first stage."""
    stem: int = 4
    """Pixel-shuffle factor of the last generator step and of the discriminator's first."""
    gamma: float = 0.3
    """Weight of the gradient penalties, ≥ 0."""
    penalty_every: int = 8
    """Steps between penalties (lazy regularisation), ≥ 1."""
    vicinity: float = 0.75
    """Bandwidth of vicinal training, in units of Scott's rule, ≥ 0."""


class Generator(nn.Module):
    """Latent ``[B, noise + embedding]`` and condition embedding ``[B, E]`` → normalised log-mel ``[B, M, F]``."""

    def __init__(self, shape: tuple[int, int], config: GanConfig) -> None:
        super().__init__()
        self.shape = shape
        coarse = 4 * config.stem  # the coarsest grid is doubled twice, then shuffled up by the stem
        self.grid = (-(-shape[0] // coarse), -(-shape[1] // coarse))
        width, embedding = config.width, config.embedding
        self.width = width
        self.enter = nn.Linear(config.noise + embedding, width * self.grid[0] * self.grid[1])
        self.block1 = FiLMBlock(width, width, embedding)
        self.block2 = FiLMBlock(width, width, embedding)
        self.attention = SelfAttention(width)
        self.block3 = FiLMBlock(width, width // 2, embedding)
        self.block4 = FiLMBlock(width // 2, width // 2, embedding)
        self.leave = nn.Sequential(
            nn.GroupNorm(8, width // 2), nn.SiLU(), nn.Conv2d(width // 2, config.stem**2, 3, padding=1)
        )
        self.shuffle = nn.PixelShuffle(config.stem)

    def forward(self, latent: Tensor, embedding: Tensor) -> Tensor:
        """Generate."""
        x = self.enter(latent).reshape(-1, self.width, *self.grid)
        x = F.interpolate(self.block1(x, embedding), scale_factor=2.0)
        x = self.attention(self.block2(x, embedding))
        x = F.interpolate(self.block3(x, embedding), scale_factor=2.0)
        x = self.shuffle(self.leave(self.block4(x, embedding))).squeeze(1)
        return x[:, : self.shape[0], : self.shape[1]]


class Discriminator(nn.Module):
    """Normalised log-mel ``[B, M, F]`` and condition ``[B, K]`` → logit ``[B]``."""

    def __init__(self, config: GanConfig, fields: Fields = Fields()) -> None:
        super().__init__()
        self.stem = config.stem
        width, wide = config.discriminator_width, 2 * config.discriminator_width
        # Channels: stem² of the spectrogram, valence, arousal, and the mel position (frequency is not shift-invariant).
        self.net = nn.Sequential(
            nn.Conv2d(config.stem**2 + 3, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, wide, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(wide, 2 * wide, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        )
        self.mix = nn.Conv2d(2 * wide + 1, 2 * wide, 3, padding=1)
        self.embed = ConditionEmbedding(2 * wide, fields)
        self.out = nn.Linear(2 * wide, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Judge."""
        pad = (-x.shape[2] % self.stem, -x.shape[1] % self.stem)
        x = F.pad(x, (0, pad[0], 0, pad[1]))
        x = F.pixel_unshuffle(x.unsqueeze(1), self.stem)
        b, _, h, w = x.shape
        maps = condition[:, :2, None, None].expand(b, 2, h, w)
        position = torch.linspace(-1, 1, h, device=x.device)[None, None, :, None].expand(b, 1, h, w)
        x = self.net(torch.cat([x, maps, position], dim=1))
        # Minibatch deviation (Karras et al. 2018): lets the discriminator see a collapse.
        spread = x.std(dim=0, unbiased=False).mean().expand(b, 1, *x.shape[2:])
        x = F.leaky_relu(self.mix(torch.cat([x, spread], dim=1)), 0.2).mean(dim=(2, 3))
        projection = (x * self.embed(condition)).sum(dim=1) / x.shape[1] ** 0.5
        return self.out(x).squeeze(1) + projection


class Gan(nn.Module):
    """Emotion-conditioned GAN over log-mels of shape ``(M, F)``."""

    bandwidth: Tensor

    def __init__(self, shape: tuple[int, int], config: GanConfig = GanConfig(), fields: Fields = Fields()) -> None:
        super().__init__()
        for name in ("noise", "embedding", "discriminator_width", "stem", "penalty_every"):
            require(getattr(config, name) >= 1, name, getattr(config, name), "1 or more")
        require(config.width >= 32 and config.width % 32 == 0, "width", config.width, "a multiple of 32")
        for name in ("gamma", "vicinity"):
            require(getattr(config, name) >= 0, name, getattr(config, name), "0 or more")
        self.config, self.fields = config, fields
        self.normalise = BandNorm(shape[0])
        self.condition = ConditionEmbedding(config.embedding, fields)
        self.generator = Generator(shape, config)
        self.register_buffer("bandwidth", torch.zeros(2))

    @torch.no_grad()
    def fit_statistics(self, mel: Tensor, conditions: Tensor) -> dict[str, float]:
        """Fit normaliser and vicinity to the training clips, dB ``[N, M, F]`` and conditions ``[N, K]``."""
        self.normalise.fit(mel)
        self.bandwidth.copy_(vicinity(conditions, self.config.vicinity))
        return {}

    def generate(self, z: Tensor, condition: Tensor) -> Tensor:
        """Noise ``[B, noise]`` and condition ``[B, K]`` to normalised log-mels."""
        embedding = self.condition(condition)
        return self.generator(torch.cat([z, embedding], dim=1), embedding)

    @torch.inference_mode()
    def sample(self, condition: Tensor, seed: int, index: Tensor | None = None) -> Tensor:
        """Generate log-mels; arguments, result and errors as :meth:`affetti.models.flow.Flow.sample`."""
        condition = self.fields.require_valid(condition)
        device = self.normalise.mean.device
        index = torch.arange(len(condition)) if index is None else index
        z = noise(seed, index, (self.config.noise,)).to(device)
        return self.normalise.inverse(self.generate(z, condition.to(device, torch.float32)))


def augment(x: Tensor) -> Tensor:
    """Differentiable augmentation of ``[B, M, F]``, different for each item: roll in time, ±2 bands, ±, cut-outs.

    Uses torch's global generator.
    """
    b, m, f = x.shape
    device = x.device
    roll = torch.randint(0, f, (b, 1), device=device)
    shift = torch.randint(-2, 3, (b, 1), device=device)
    columns = (torch.arange(f, device=device) + roll) % f
    rows = (torch.arange(m, device=device) + shift).clamp(0, m - 1)
    x = x.gather(2, columns[:, None, :].expand(b, m, f)).gather(1, rows[:, :, None].expand(b, m, f))
    tilt = 0.15 * torch.randn(b, 1, 1, device=device) * torch.linspace(-1, 1, m, device=device)[None, :, None]
    start = torch.randint(0, f, (b, 1), device=device)
    length = torch.randint(0, f // 5 + 1, (b, 1), device=device)
    position = torch.arange(f, device=device)
    kept = ((position < start) | (position >= start + length)).unsqueeze(1)
    return (x + tilt) * kept


def relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(fake - real): what the discriminator lowers, and the generator with the roles exchanged."""
    return F.softplus(fake - real).mean()


def gradient_penalty(logit: Tensor, x: Tensor) -> Tensor:
    """½ E‖∂ logit / ∂ x‖², the zero-centred penalty R1 on real or R2 on fake (Mescheder et al. 2018)."""
    (gradient,) = torch.autograd.grad(logit.sum(), x, create_graph=True)
    return 0.5 * gradient.square().sum(dim=(1, 2)).mean()
