"""Log-mel to latent and back, learnt: a convolutional autoencoder at an eighth of the resolution.

For full-size spectrograms, where patch PCA blurs what lies between patches: 8 channels of 16 × 164 stand for
128 × 1,312 (the frames are padded up to a multiple of 32), eight times fewer numbers. Trained on mean absolute error
with a light Kullback-Leibler term that keeps latents near a unit Gaussian (Rombach et al. 2022); the scale of each
channel is then measured on the training clips and stored with the weights, never borrowed.

When not to use: on a few dozen clips, or at the preset ``tiny``, where patch PCA needs no training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

REDUCTION = 8
KL = 1e-4
"""Weight of the Kullback-Leibler term."""
CROP = 320
"""Frames of the crops it is trained on, where clips are longer."""


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions around an identity; ``[B, C, H, W]`` keeps its shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.GroupNorm(8, channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.GroupNorm(8, channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        nn.init.zeros_(self.net[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Apply."""
        return x + self.net(x)


class MelAutoencoder(nn.Module):
    """Normalised log-mels ``[B, M, F]`` to latents ``[B, C, ⌈M/8⌉, W]`` of unit variance and back.

    W is ⌈F/8⌉ rounded up to a multiple of 4, so that the latent halves twice more. M must be a multiple of 8.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, int], channels: int = 8, width: int = 64) -> None:
        super().__init__()
        self.shape = shape
        self.padded = (-(-shape[0] // REDUCTION) * REDUCTION, -(-shape[1] // (4 * REDUCTION)) * 4 * REDUCTION)
        self.channels = channels
        wide = (width, 2 * width, 4 * width)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4, wide[0], 3, padding=1),
            ResidualBlock(wide[0]),
            nn.Conv2d(wide[0], wide[1], 3, stride=2, padding=1),
            ResidualBlock(wide[1]),
            nn.Conv2d(wide[1], wide[2], 3, stride=2, padding=1),
            ResidualBlock(wide[2]),
            nn.GroupNorm(8, wide[2]),
            nn.SiLU(),
            nn.Conv2d(wide[2], 2 * channels, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, wide[2], 3, padding=1),
            ResidualBlock(wide[2]),
            nn.Upsample(scale_factor=2.0),
            nn.Conv2d(wide[2], wide[1], 3, padding=1),
            ResidualBlock(wide[1]),
            nn.Upsample(scale_factor=2.0),
            nn.Conv2d(wide[1], wide[0], 3, padding=1),
            ResidualBlock(wide[0]),
            nn.GroupNorm(8, wide[0]),
            nn.SiLU(),
            nn.Conv2d(wide[0], 4, 3, padding=1),
            nn.PixelShuffle(2),
        )
        self.register_buffer("shift", torch.zeros(channels, 1, 1))
        self.register_buffer("scale", torch.ones(channels, 1, 1))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Shape of one latent, ``(channels, height, width)``."""
        return self.channels, self.padded[0] // REDUCTION, self.padded[1] // REDUCTION

    def fit(self, x: Tensor) -> float:  # noqa: ARG002 - the outline of PatchPCA
        """Nothing: it is trained by :meth:`loss`. Returns NaN, the share of variance kept being unknown yet."""
        return float("nan")

    def loss(self, x: Tensor) -> Tensor:
        """Training loss on normalised log-mels ``[B, M, F]``; uses torch's global generator."""
        if x.shape[2] > CROP:
            start = int(torch.randint(0, x.shape[2] - CROP + 1, ()))
            x = x[:, :, start : start + CROP]
        x = self._pad(x, (self.padded[0], -(-x.shape[2] // REDUCTION) * REDUCTION))
        mean, log_variance = self.encoder(x.unsqueeze(1)).chunk(2, dim=1)
        log_variance = log_variance.clamp(-20, 10)
        latent = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return F.l1_loss(self.decoder(latent).squeeze(1), x) + KL * kl

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Set the scale of each channel from normalised log-mels ``[B, M, F]`` of training clips, a batch of them."""
        latents = self._mean(x).cpu().double()  # not every device has double precision
        self.shift.copy_(latents.mean(dim=(0, 2, 3))[:, None, None])
        self.scale.copy_(latents.std(dim=(0, 2, 3)).clamp_min(1e-4)[:, None, None])

    def encode(self, x: Tensor) -> Tensor:
        """Normalised log-mel to latent of unit variance."""
        return (self._mean(x) - self.shift) / self.scale

    def decode(self, latent: Tensor) -> Tensor:
        """Latent to normalised log-mel."""
        return self.decoder(latent * self.scale + self.shift).squeeze(1)[:, : self.shape[0], : self.shape[1]]

    def _mean(self, x: Tensor) -> Tensor:
        return self.encoder(self._pad(x, self.padded).unsqueeze(1))[:, : self.channels]

    def _pad(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return F.pad(x.unsqueeze(1), (0, size[1] - x.shape[2], 0, size[0] - x.shape[1]), mode="replicate").squeeze(1)
