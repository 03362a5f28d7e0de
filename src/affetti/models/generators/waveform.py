"""The waveform GAN: a few seconds of sound, phase and all (Donahue et al. 2019, WaveGAN, with today's parts).

100 noise + 256 condition embedding → a coarse sequence, made four times as long five times by repetition and
convolution (transposed ones leave a checkerboard, Odena et al. 2016). Each stage is scaled and shifted by noise
and condition, and ends in a stack of dilated residual convolutions. One pass makes a window of 67,584 samples, 3.1 s
at 22,050 Hz; a longer clip is a chain of windows of their own noise, consecutive ones joined by a raised-cosine
cross-fade. The chain keeps the condition, not the tune. Stacks of dilated convolutions are WaveNet's (van den Oord et
al. 2016); that a network may take the waveform itself is Dieleman & Schrauwen's (2014).

Level: waveforms are divided by one scale, the largest peak of the training clips; tanh bounds the output. Nothing is
normalised clip by clip, for loudness is an emotion cue.

When not to use: for anything but a baseline. From a few hours of recordings expect a texture of some level and
brightness, not a tune.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.base import Generator, SamplingParameter, resolve_sampling
from affetti.models.generators.completion import Completion
from affetti.models.generators.conditioning import ConditionEmbedding, Fields, vicinal_bandwidth
from affetti.models.generators.waveform_discriminator import WaveformDiscriminator
from affetti.models.layers import require
from affetti.models.noise import noise

TRUNCATION = SamplingParameter("truncation", 1.0, "factor on the noise; below 1, safer and less diverse clips")
STRIDE, STAGES = 4, 5
DILATIONS = (1, 3, 9)


@dataclass(frozen=True)
class WaveformConfig:
    """Sizes and training settings of the waveform GAN."""

    noise: int = 100
    """Size of the noise vector."""
    embedding: int = 256
    """Size of the condition embedding."""
    width: int = 16
    """Channels at a quarter of the sample rate, a multiple of 8; twice that at each coarser one, up to 8 ×."""
    discriminator_width: int = 8
    """Channels of the discriminators' first layers, a multiple of 4; twice and four times that in the next."""
    window: int = 67_584
    """Samples made in one pass, a multiple of 1,024."""
    fade_samples: int = 4_096
    """Overlap of consecutive windows, samples, less than half a window."""
    rate: float = 4e-4
    """Learning rate."""
    gamma: float = 1.0
    """Weight of the penalties R1 and R2, ≥ 0; 0: none."""
    penalty_every: int = 8
    """Steps between penalties, ≥ 1."""
    matching: float = 1.0
    """Weight of feature matching in the generator's loss (Salimans et al. 2016), ≥ 0."""
    shuffle: int = 2
    """Greatest shift of the discriminators' input, samples: the phase shuffle of Donahue et al. (2019), ≥ 0."""
    vicinity: float = 0.75
    """Bandwidth of vicinal training, in units of Scott's rule, ≥ 0."""


class Stage(nn.Module):
    """Four times as long, then dilated residual convolutions: ``[B, C_in, L]``, style ``[B, E] → [B, C_out, 4 L]``."""

    def __init__(self, channels_in: int, channels_out: int, style: int) -> None:
        super().__init__()
        # Nine samples reach over two repetitions on either side: the steps of the repetition are smoothed.
        self.up = nn.Conv1d(channels_in, channels_out, 9, padding=4)
        self.norm = nn.GroupNorm(8, channels_out)
        self.film = nn.Linear(style, 2 * channels_out)
        self.dilated = nn.ModuleList(
            [nn.Conv1d(channels_out, channels_out, 3, padding=d, dilation=d) for d in DILATIONS]
        )
        self.mixed = nn.ModuleList([nn.Conv1d(channels_out, channels_out, 1) for _ in DILATIONS])

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Apply the stage."""
        x = self.up(F.interpolate(x, scale_factor=float(STRIDE)))
        scale, shift = self.film(style)[:, :, None].chunk(2, dim=1)
        x = self.norm(x) * (1 + scale) + shift
        for dilated, mixed in zip(self.dilated, self.mixed, strict=True):
            x = x + mixed(F.silu(dilated(F.silu(x))))
        return x


class WaveformGenerator(nn.Module):
    """Latent ``[B, noise + embedding]`` → waveform ``[B, window]`` in [-1, 1]."""

    def __init__(self, config: WaveformConfig) -> None:
        super().__init__()
        latent, style = config.noise + config.embedding, config.embedding
        self.length = config.window // STRIDE**STAGES
        channels = [config.width * min(2**level, 8) for level in range(STAGES - 1, -1, -1)]
        self.enter = nn.Linear(latent, channels[0] * self.length)
        self.style = nn.Sequential(nn.Linear(latent, style), nn.SiLU())
        self.stages = nn.ModuleList([Stage(a, b, style) for a, b in pairwise(channels)])
        # Convolutions at the full rate are expensive: a channel for each of four samples, then one filter over all.
        self.fine = nn.Conv1d(channels[-1], STRIDE, 9, padding=4)
        self.smooth = nn.Conv1d(1, 1, 9, padding=4)
        with torch.no_grad():  # the four begin alike, that is as repetition (Aitken et al. 2017)
            self.fine.weight.copy_(self.fine.weight[:1].expand_as(self.fine.weight))
            self.fine.bias.zero_()  # type: ignore[union-attr]

    def forward(self, latent: Tensor) -> Tensor:
        """Generate."""
        style = self.style(latent)
        x = self.enter(latent).reshape(len(latent), -1, self.length)
        for stage in self.stages:
            x = stage(x, style)
        samples = self.fine(F.silu(x)).transpose(1, 2).reshape(len(x), 1, -1)
        return torch.tanh(self.smooth(samples).squeeze(1))


class Waveform(Generator):
    """Emotion-conditioned GAN over waveforms; ``shape`` is of the log-mels and is not used."""

    bandwidth: Tensor
    scale: Tensor
    samples: Tensor
    makes_sound = True

    def __init__(
        self,
        shape: tuple[int, int],  # noqa: ARG002 - every family is made of a shape
        config: WaveformConfig = WaveformConfig(),
        fields: Fields = Fields(),
    ) -> None:
        super().__init__()
        for name in ("noise", "embedding", "penalty_every"):
            require(getattr(config, name) >= 1, name, getattr(config, name), "1 or more")
        require(config.width >= 8 and config.width % 8 == 0, "width", config.width, "a multiple of 8")
        wide = config.discriminator_width
        require(wide >= 4 and wide % 4 == 0, "discriminator_width", wide, "a multiple of 4")
        step = STRIDE**STAGES
        require(config.window >= 4 * step and config.window % step == 0, "window", config.window, f"{step} × 4 or more")
        half = config.window // 2
        require(0 < config.fade_samples < half, "fade_samples", config.fade_samples, "less than half a window")
        for name in ("rate", "gamma", "matching", "shuffle", "vicinity"):
            require(getattr(config, name) >= 0, name, getattr(config, name), "0 or more")
        self.config, self.fields, self.training_window = config, fields, config.window
        self.condition = ConditionEmbedding(config.embedding, fields)
        self.completion = Completion(fields)
        self.generator = WaveformGenerator(config)
        self.register_buffer("bandwidth", torch.zeros(2))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("samples", torch.tensor(config.window))

    def discriminator(self) -> WaveformDiscriminator:
        """A new discriminator for it."""
        return WaveformDiscriminator(self.config.discriminator_width, self.fields, self.config.shuffle)

    @torch.no_grad()
    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:
        """Take scale, length and vicinity of the training clips: waveforms ``[N, T]`` and conditions ``[N, K]``."""
        self.scale.copy_(clips.abs().amax().clamp_min(1e-4))
        self.samples.fill_(clips.shape[1])
        self.bandwidth.copy_(vicinal_bandwidth(conditions, self.config.vicinity))
        self.completion.fit(conditions)
        return {"scale": float(self.scale)}

    def generate(self, z: Tensor, condition: Tensor) -> Tensor:
        """Noise ``[B, noise]`` and condition ``[B, K]`` to one window ``[B, window]`` in [-1, 1]."""
        return self.generator(torch.cat([z, self.condition(condition)], dim=1))

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        """``truncation`` alone."""
        return (TRUNCATION,)

    @torch.inference_mode()
    def sample(
        self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: Mapping[str, float] | None = None
    ) -> Tensor:
        """Generate waveforms ``[B, T]`` of the training clips' length and level.

        See :meth:`affetti.models.base.Generator.sample`.
        """
        condition = self.fields.require_valid(condition)
        truncation = resolve_sampling(sampling, self.sampling_parameters)["truncation"]
        device = self.scale.device
        index = torch.arange(len(condition)) if index is None else index
        completed = self.completion(condition.to(device, torch.float32), seed, index)
        windows = [
            self.generate(
                truncation * noise(seed, index, (self.config.noise,), f"window-{number}").to(device), completed
            )
            for number in range(n_windows(int(self.samples), self.config.window, self.config.fade_samples))
        ]
        return self.scale * cross_faded(windows, self.config.fade_samples)[:, : int(self.samples)]


def n_windows(samples: int, window: int, overlap: int) -> int:
    """How many windows cover ``samples``, each overlapping the one before by ``overlap``."""
    return max(1, math.ceil((samples - overlap) / (window - overlap)))


def cross_faded(windows: list[Tensor], overlap: int) -> Tensor:
    """Join windows ``[B, W]``: in each overlap one fades out as the next fades in, by raised cosines of sum one."""
    rising = 0.5 - 0.5 * torch.cos(math.pi * (torch.arange(overlap, device=windows[0].device) + 0.5) / overlap)
    chain = windows[0]
    for window in windows[1:]:
        both = chain[:, -overlap:] * (1 - rising) + window[:, :overlap] * rising
        chain = torch.cat([chain[:, :-overlap], both, window[:, overlap:]], dim=1)
    return chain
