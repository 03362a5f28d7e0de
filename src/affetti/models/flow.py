"""Latent flow matching: noise becomes music along straight paths.

With clean latent x, noise n and time t in [0, 1], xₜ = (1-t) x + t n and the network learns the velocity n - x
(Lipman et al. 2023; Liu et al. 2023). t is drawn logit-normally (Esser et al. 2024). Were latents white Gaussian
noise, the best velocity would be (2t-1)/(t²+(1-t)²) xₜ, with an error of variance 1/(t²+(1-t)²): the network starts
from there and learns the rest in those units (the preconditioning of Karras et al. 2022, for straight paths).
Sampling integrates from t = 1 to 0 with Heun's method; classifier-free guidance acts on t in [0.2, 0.9] (Kynkäänniemi
et al. 2024: outside that range it costs diversity and buys nothing).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.autoencoder import PatchPCA
from affetti.models.blocks import BandNorm, FiLMBlock, SelfAttention, require, sinusoids
from affetti.models.conditioning import ConditionEmbedding, Fields, vicinity
from affetti.models.noise import noise


@dataclass(frozen=True)
class FlowConfig:
    """Sizes and dials of the latent flow."""

    patch: int = 8
    """Side of a patch of the latent's PCA, bins."""
    components: int = 24
    """Latent channels: principal components kept, ≤ patch²."""
    width: int = 64
    """Channels at full latent resolution, a multiple of 8; twice that at half resolution."""
    embedding: int = 256
    """Size of the condition and time embedding."""
    drop: float = 0.12
    """Share of training clips whose condition is withheld, in [0, 1)."""
    vicinity: float = 0.5
    """Bandwidth of vicinal training, in units of Scott's rule, ≥ 0."""
    steps: int = 12
    """Sampling steps, ≥ 1."""
    guidance: float = 1.5
    """Guidance: 1 follows the condition as learnt, more exaggerates it."""


class VelocityUNet(nn.Module):
    """A two-level UNet: latent ``[B, C, H, W]``, time ``[B]``, condition embedding ``[B, E]`` → velocity."""

    def __init__(self, channels: int, width: int, embedding: int) -> None:
        super().__init__()
        wide = 2 * width
        self.time = nn.Sequential(nn.Linear(embedding, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.embedding = embedding
        self.enter = nn.Conv2d(channels, width, 3, padding=1)
        self.down1 = FiLMBlock(width, width, embedding)
        self.down = nn.Conv2d(width, wide, 3, stride=2, padding=1)
        self.down2 = FiLMBlock(wide, wide, embedding)
        self.attention = SelfAttention(wide)
        self.up2 = FiLMBlock(wide, wide, embedding)
        self.up = nn.Conv2d(wide, width, 3, padding=1)
        self.up1 = FiLMBlock(2 * width, width, embedding)
        self.leave = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, channels, 3, padding=1))
        nn.init.zeros_(self.leave[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.leave[-1].bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """Predict the velocity."""
        spread = (t.square() + (1 - t).square())[:, None, None, None]  # variance of xₜ when x and n are white
        gaussian = (2 * t - 1)[:, None, None, None] / spread * x
        return gaussian + self._residual(x * spread.rsqrt(), t, condition) * spread.rsqrt()

    def _residual(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        embedding = F.silu(self.time(sinusoids(1000 * t, self.embedding)) + condition)
        fine = self.down1(self.enter(x), embedding)
        coarse = self.up2(self.attention(self.down2(self.down(fine), embedding)), embedding)
        up = self.up(F.interpolate(coarse, size=fine.shape[-2:], mode="nearest"))
        return self.leave(self.up1(torch.cat([up, fine], dim=1), embedding))


class Flow(nn.Module):
    """Emotion-conditioned latent flow over log-mels of shape ``(M, F)``."""

    bandwidth: Tensor

    def __init__(self, shape: tuple[int, int], config: FlowConfig = FlowConfig(), fields: Fields = Fields()) -> None:
        super().__init__()
        require(config.patch >= 1, "patch", config.patch, "1 or more")
        require(1 <= config.components <= config.patch**2, "components", config.components, "1 to patch²")
        require(config.width >= 8 and config.width % 8 == 0, "width", config.width, "a multiple of 8")
        require(config.embedding >= 2 and config.embedding % 2 == 0, "embedding", config.embedding, "an even number")
        require(0 <= config.drop < 1, "drop", config.drop, "a share from 0 to below 1")
        require(config.vicinity >= 0, "vicinity", config.vicinity, "0 or more")
        require(config.steps >= 1, "steps", config.steps, "1 or more")
        require(math.isfinite(config.guidance), "guidance", config.guidance, "a number")
        self.config, self.fields = config, fields
        self.normalise = BandNorm(shape[0])
        self.latent = PatchPCA(shape, config.patch, config.components)
        self.condition = ConditionEmbedding(config.embedding, fields)
        self.net = VelocityUNet(config.components, config.width, config.embedding)
        self.register_buffer("bandwidth", torch.zeros(2))

    @torch.no_grad()
    def fit_statistics(self, mel: Tensor, conditions: Tensor) -> dict[str, float]:
        """Fit normaliser, latent and vicinity to the training clips, dB ``[N, M, F]`` and conditions ``[N, K]``."""
        self.normalise.fit(mel)
        self.bandwidth.copy_(vicinity(conditions, self.config.vicinity))
        return {"latent_variance_kept": self.latent.fit(self.normalise(mel))}

    def encode(self, mel: Tensor) -> Tensor:
        """DB log-mel to latent."""
        return self.latent.encode(self.normalise(mel))

    def loss(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Loss on latents ``[B, C, H, W]`` and their conditions ``[B, K]``; uses torch's global generator."""
        wish = self.fields.drop(self.fields.jitter(condition, self.bandwidth), self.config.drop)
        t = torch.sigmoid(torch.randn(len(latent), device=latent.device))
        n = torch.randn_like(latent)
        mixed = torch.lerp(latent, n, t[:, None, None, None])
        return F.mse_loss(self.net(mixed, t, self.condition(wish)), n - latent)

    def velocity(self, x: Tensor, t: float, wish: Tensor, nothing: Tensor, guidance: float) -> Tensor:
        """Guided velocity at time ``t``: nothing + guidance · (wish - nothing)."""
        time = torch.full((len(x),), t, device=x.device)
        if guidance == 1.0 or not 0.2 <= t <= 0.9:
            return self.net(x, time, wish)
        both = self.net(torch.cat([x, x]), torch.cat([time, time]), torch.cat([wish, nothing]))
        asked, free = both.chunk(2)
        return free + guidance * (asked - free)

    @torch.inference_mode()
    def sample(self, condition: Tensor, seed: int, index: Tensor | None = None) -> Tensor:
        """Generate log-mels.

        Args:
            condition: valence and arousal ``[B, 2]`` in [-1, 1], or all fields ``[B, K]``; NaN asks for nothing.
            seed: of the noise.
            index: number of each sample ``[B]``; the noise depends on (seed, index) alone. Default 0 … B-1.

        Returns:
            dB ``[B, M, F]``.

        Raises:
            InputError: a condition lies out of its range.
        """
        condition = self.fields.require_valid(condition)
        device = self.latent.basis.device
        index = torch.arange(len(condition)) if index is None else index
        x = noise(seed, index, self.latent.latent_shape).to(device)
        wish = self.condition(condition.to(device, torch.float32))
        nothing = self.condition(torch.full_like(condition, torch.nan, device=device, dtype=torch.float32))
        times = torch.linspace(1.0, 0.0, self.config.steps + 1).tolist()
        for now, after in pairwise(times):
            slope = self.velocity(x, now, wish, nothing, self.config.guidance)
            ahead = x + (after - now) * slope
            if after > 0:
                slope = (slope + self.velocity(ahead, after, wish, nothing, self.config.guidance)) / 2
            x = x + (after - now) * slope
        return self.normalise.inverse(self.latent.decode(x))
