"""The conditional spectrogram GAN: the study's in shape, by today's recipe; or as the study published it.

100 noise + 256 condition embedding = 356 → a coarse grid four bands high, doubled by residual blocks up to the size of
the log-mel; 128 × 1,292 grows from 4 × 41 through 128 × 1,312 = 2⁵ · 41 and is cropped. The depth follows from the
shape. Each block is scaled and shifted by noise and condition together: noise that enters at the coarsest grid alone is
soon ignored. Self-attention (Zhang et al. 2019) at the second and third grid, skip-layer excitation (Liu et al. 2021)
from the first to the last; the last doublings by a pixel shuffle, or in small models by principal components of
patches, which have the spectrum of the training clips from the first step on.

It is trained on full descriptions. What a condition leaves open is filled in from the training clips, see
:mod:`affetti.models.generators.completion`.

``recipe="published"`` is the study's network and training, see :mod:`affetti.models.generators.published_gan`.
When not to use: where diversity matters more than speed; :mod:`affetti.models.generators.flow` covers more of the music
and follows its condition better.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.errors import UsageError
from affetti.models.base import Generator, SamplingParameter, resolve_sampling
from affetti.models.generators.completion import Completion
from affetti.models.generators.conditioning import EMOTION, ConditionEmbedding, Fields, vicinal_bandwidth
from affetti.models.generators.gan_discriminator import SpectrogramDiscriminator
from affetti.models.generators.patch_pca import PatchPCA
from affetti.models.generators.published_gan import PublishedDiscriminator, PublishedGenerator
from affetti.models.layers import BandNorm, FiLMBlock, SelfAttention, is_small, require
from affetti.models.noise import noise

COARSEST = 4
"""Height of the coarsest grid."""
TRUNCATION = SamplingParameter("truncation", 1.0, "factor on the noise; below 1, safer and less diverse clips")
CHOICES = {"recipe": ("modern", "published"), "regularizer": ("r1r2", "spectral")}


@dataclass(frozen=True)
class GanConfig:
    """Sizes and training settings of the spectrogram GAN."""

    recipe: str = "modern"
    """``modern``; or ``published``, the study's networks and training: of the rest it takes noise and embedding."""
    noise: int = 100
    """Size of the noise vector."""
    embedding: int = 256
    """Size of the condition embedding; noise and embedding together are the 356-dimensional latent."""
    width: int = 64
    """Channels of the generator's finest grid, a multiple of 8; twice that at each coarser one, up to 8 ×."""
    discriminator_width: int = 64
    """The same of the discriminator."""
    stem: int = 0
    """Factor between the finest grid and the log-mel: 1, 2, 4 or 8; 0: 2 for clips of
    :data:`~affetti.models.layers.SMALL_CLIP` values or more, else 8."""
    components: int = 0
    """Principal components kept of each patch of stem × stem, ≤ stem²; 0: 24 for a stem of 8, else a pixel shuffle."""
    blocks: int = 1
    """Residual blocks a grid, ≥ 1."""
    rate: float = 0.0
    """Learning rate; 0: 2e-4 for clips of :data:`~affetti.models.layers.SMALL_CLIP` values or more, else 5e-4."""
    half_life: int = 0
    """Half-life of the averaged weights, clips; 0: a twentieth of the training."""
    regularizer: str = "r1r2"
    """``r1r2``: relativistic loss with penalties on the gradient; ``spectral``: hinge loss with spectral norm."""
    gamma: float = 1.0
    """Weight of the penalties, ≥ 0; a rule of thumb is 0.0002 · M · F / B (Karras et al. 2020), 1.05 at full size."""
    penalty_every: int = 4
    """Steps between penalties (lazy regularisation), ≥ 1."""
    augment: float = 0.5
    """Strength of the augmentation that the discriminator sees, in [0, 1]."""
    fade: float = 0.15
    """Share of the training over which the condition is faded in, in [0, 1] (Shahbazi et al. 2022)."""
    vicinity: float = 0.75
    """Bandwidth of vicinal training, in units of Scott's rule, ≥ 0."""


def coarsest_grid(shape: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """The coarsest grid for a log-mel of ``shape``, and how often it doubles: the product is as large or larger."""
    doublings = max(2, int(math.log2(min(shape) / COARSEST)))
    return (-(-shape[0] >> doublings), -(-shape[1] >> doublings)), doublings


class SpectrogramGenerator(nn.Module):
    """Latent ``[B, noise + embedding]`` → normalised log-mel ``[B, M, F]``."""

    def __init__(self, shape: tuple[int, int], config: GanConfig) -> None:
        super().__init__()
        self.shape = shape
        self.grid, doublings = coarsest_grid(shape)
        self.size, self.stem = (self.grid[0] << doublings, self.grid[1] << doublings), config.stem
        latent, style = config.noise + config.embedding, config.embedding
        last = doublings - config.stem.bit_length() + 1  # number of the finest grid; the stem does the rest
        channels = [config.width * min(2 ** (last - level), 8) for level in range(last + 1)]
        narrow = max(8, channels[0] // 32 * 8)  # a linear layer onto the full width would be most of the network
        self.enter = nn.Linear(latent, narrow * self.grid[0] * self.grid[1])
        self.style = nn.Sequential(nn.Linear(latent, style), nn.SiLU())
        pairs = list(zip([narrow, *channels], channels, strict=False))
        self.levels = nn.ModuleList(
            [
                nn.ModuleList([FiLMBlock(b if number else a, b, style) for number in range(config.blocks)])
                for a, b in pairs
            ]
        )
        # Where a band lies is added to each grid: frequency is not shift-invariant.
        self.bands = nn.ParameterList(
            [nn.Parameter(torch.zeros(c, self.grid[0] << level, 1)) for level, c in enumerate(channels)]
        )
        self.attention = nn.ModuleDict(
            {str(level): SelfAttention(channels[level]) for level in range(1, min(3, last + 1))}
        )
        self.excite = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(channels[0], channels[-1], 4),
            nn.SiLU(),
            nn.Conv2d(channels[-1], channels[-1], 1),
            nn.Sigmoid(),
        )
        self.patches = PatchPCA(self.size, config.stem, config.components) if config.components else None
        out = config.components or config.stem**2
        self.leave = nn.Sequential(nn.GroupNorm(8, channels[-1]), nn.SiLU(), nn.Conv2d(channels[-1], out, 3, padding=1))

    def forward(self, latent: Tensor) -> Tensor:
        """Generate."""
        style = self.style(latent)
        x = coarse = self.enter(latent).reshape(len(latent), -1, *self.grid)
        for level, bands in enumerate(self.bands):
            x = x if level == 0 else F.interpolate(x, scale_factor=2.0)
            for block in self.levels[level]:  # type: ignore[attr-defined]
                x = block(x, style)
            x = x + bands
            if level == 0:
                coarse = x
            if str(level) in self.attention:
                x = self.attention[str(level)](x)
        x = self.leave(x * 2 * self.excite(coarse))
        x = F.pixel_shuffle(x, self.stem).squeeze(1) if self.patches is None else self.patches.decode(x)
        return x[:, : self.shape[0], : self.shape[1]]


class Gan(Generator):
    """Emotion-conditioned GAN over log-mels of shape ``(M, F)``."""

    bandwidth: Tensor
    clips: Tensor

    def __init__(self, shape: tuple[int, int], config: GanConfig = GanConfig(), fields: Fields = Fields()) -> None:
        super().__init__()
        config = _resolve(config, shape)
        self.shape, self.config, self.fields = shape, config, fields
        self.normalise = BandNorm(shape[0])
        self.published = config.recipe == "published"
        self.condition = ConditionEmbedding(config.embedding, fields)
        self.completion = Completion(fields)
        size = config.noise + config.embedding
        self.generator: PublishedGenerator | SpectrogramGenerator = (
            PublishedGenerator(shape, size) if self.published else SpectrogramGenerator(shape, config)
        )
        self.register_buffer("bandwidth", torch.zeros(2))
        self.register_buffer("clips", torch.zeros((), dtype=torch.long))

    def discriminator(self) -> nn.Module:
        """A new discriminator for it."""
        if isinstance(self.generator, PublishedGenerator):
            return PublishedDiscriminator(self.shape, self.fields)
        c = self.config
        spectral = c.regularizer == "spectral"
        patches = None if self.generator.patches is None else copy.deepcopy(self.generator.patches)
        return SpectrogramDiscriminator(
            *coarsest_grid(self.shape), c.stem, c.discriminator_width, self.fields, spectral, patches
        )

    @torch.no_grad()
    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:
        """Fit normaliser and vicinity to the training clips, dB ``[N, M, F]`` and conditions ``[N, K]``."""
        self.normalise.fit(clips)
        kept: dict[str, float] = {}
        if isinstance(self.generator, SpectrogramGenerator) and self.generator.patches is not None:
            height, width = self.generator.size
            whole = F.pad(self.normalise(clips), (0, width - self.shape[1], 0, height - self.shape[0]))
            kept["variance_kept"] = self.generator.patches.fit(whole)
        self.bandwidth.copy_(vicinal_bandwidth(conditions, 0.0 if self.published else self.config.vicinity))
        self.completion.fit(conditions)
        self.clips.fill_(len(conditions))
        return kept

    @property
    def learnt_bases(self) -> tuple[str, ...]:
        """The principal components of patches, in which the last layer writes."""
        has_patches = isinstance(self.generator, SpectrogramGenerator) and self.generator.patches is not None
        return ("generator.patches",) if has_patches else ()

    def generate(self, z: Tensor, condition: Tensor, fade: float = 1.0) -> Tensor:
        """Noise ``[B, noise]`` and condition ``[B, K]`` to normalised log-mels; ``fade`` scales the condition."""
        return self.generator(torch.cat([z, fade * self.condition(condition)], dim=1))

    @property
    def followed_fields(self) -> tuple[str, ...]:
        """Emotion alone by the recipe ``published``, else all."""
        return (EMOTION,) if self.published else tuple(self.fields.columns)

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        """``truncation`` alone."""
        return (TRUNCATION,)

    @torch.inference_mode()
    def sample(
        self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: Mapping[str, float] | None = None
    ) -> Tensor:
        """Generate log-mels ``[B, M, F]``, dB; see :meth:`affetti.models.base.Generator.sample`."""
        condition = self.fields.require_valid(condition)
        truncation = resolve_sampling(sampling, self.sampling_parameters)["truncation"]
        device = self.normalise.mean.device
        index = torch.arange(len(condition)) if index is None else index
        condition = condition.to(device, torch.float32)
        condition = emotion_alone(condition) if self.published else self.completion(condition, seed, index)
        z = truncation * noise(seed, index, (self.config.noise,)).to(device)
        return self.normalise.inverse(self.generate(z, condition))


def emotion_alone(condition: Tensor) -> Tensor:
    """``condition [B, K]`` with only valence and arousal specified, as in the study's GAN."""
    return torch.cat([condition[:, :2], torch.full_like(condition[:, 2:], torch.nan)], dim=1)


def _resolve(config: GanConfig, shape: tuple[int, int]) -> GanConfig:
    """The configuration with what follows from the shape filled in.

    Raises:
        UsageError: a setting is invalid.
    """
    for name, known in CHOICES.items():
        if getattr(config, name) not in known:
            raise UsageError(
                f"{name} {getattr(config, name)!r} is invalid",
                where="model settings",
                hint=f"give {' or '.join(known)}",
            )
    for name in ("noise", "embedding", "blocks", "penalty_every"):
        require(getattr(config, name) >= 1, name, getattr(config, name), "1 or more")
    for name in ("width", "discriminator_width"):
        value = getattr(config, name)
        require(value >= 8 and value % 8 == 0, name, value, "a multiple of 8")
    require(config.stem in (0, 1, 2, 4, 8), "stem", config.stem, "1, 2, 4 or 8, or 0 for the shape's own")
    for name in ("rate", "half_life", "gamma", "vicinity"):
        require(getattr(config, name) >= 0, name, getattr(config, name), "0 or more")
    for name in ("augment", "fade"):
        require(0 <= getattr(config, name) <= 1, name, getattr(config, name), "a share from 0 to 1")
    large = not is_small(shape)
    stem = min(config.stem or (2 if large else 8), 1 << coarsest_grid(shape)[1])
    components = config.components or (24 if stem == 8 else 0)
    require(0 <= components <= stem**2, "components", components, "0 to stem²")
    return dataclasses.replace(config, stem=stem, components=components, rate=config.rate or (2e-4 if large else 5e-4))
