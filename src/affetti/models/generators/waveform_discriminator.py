"""The discriminators of the waveform GAN, those of today's vocoders.

Period discriminators (Kong et al. 2020, HiFi-GAN) fold a random piece of the waveform at prime periods and convolve
along columns: pitch and phase. Spectrogram discriminators (Jang et al. 2021, UnivNet) see log-magnitudes of all of it
at several resolutions: level, timbre, rhythm. Each scores patches, by an unconditional term plus a projection of the
condition (Miyato & Koyama 2018). No normalisation; weights begin as rectifiers want them (He et al. 2015).

One more scores whole clips, by level, spread and restlessness of 64 bands and by how far these differ among clips of
like emotion: what it takes to see that a generator makes one sound over and over.

Each discriminator is held smooth in the image that it sees, not in the waveform: a logarithm's slope grows without
bound towards silence, and a penalty on slopes in the waveform leaves the spectrogram discriminators blind.

When not to use: waveforms shorter than 2,048 samples.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.generators.conditioning import ConditionEmbedding, Fields
from affetti.models.generators.gan_discriminator import deviation_among_neighbours
from affetti.models.shared_batch import mean_over_devices

PIECE = 32_768
"""Samples that period discriminators receive; the structures that they detect are shorter."""
PERIODS = (2, 3, 5, 7, 11)
"""Samples in a row of the folded waveform."""
WINDOWS = (512, 1024, 2048)
"""Lengths of the spectrograms' windows, samples; the hop is a quarter."""
BANDS = 64
"""Bands in which whole clips are scored."""
HIDDEN = 128
"""Features that whole clips are scored by."""
SLOPE = 0.1
"""Of the leaky rectifiers."""


class DiscriminatorOutput(NamedTuple):
    """What one discriminator returns."""

    logits: Tensor
    """Of the patches, ``[B, P]``."""
    features: list[Tensor]
    """What each layer made of the image, ``[B, C, H, W]``."""
    image: Tensor
    """Its input as an image, ``[B, 1, H, W]``."""

    def detached(self) -> DiscriminatorOutput:
        """The same, apart from the graph."""
        return DiscriminatorOutput(
            self.logits.detach(), [layer.detach() for layer in self.features], self.image.detach()
        )


def _begin(layers: nn.Module) -> None:
    """Weights that leave the size of what passes leaky rectifiers as it is (He et al. 2015)."""
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.constant_(layer.bias, 0.0)  # type: ignore[arg-type]


class ImageDiscriminator(nn.Module):
    """Convolutions over an image of the waveform, then a logit a place.

    Args:
        layers: channels in, channels out, kernel and stride of each.
        fields: what a condition holds.
    """

    def __init__(self, layers: list[tuple[int, int, tuple[int, int], tuple[int, int]]], fields: Fields) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(a, b, kernel, stride, padding=(kernel[0] // 2, kernel[1] // 2))
                for a, b, kernel, stride in layers
            ]
        )
        _begin(self.convs)
        last = layers[-1][1]
        self.out = nn.Conv2d(last, 1, 1)
        self.embed = ConditionEmbedding(last, fields)

    def forward(self, image: Tensor, condition: Tensor) -> DiscriminatorOutput:
        """Logits of images ``[B, 1, H, W]``."""
        x, features = image, []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), SLOPE)
            features.append(x)
        projection = (x * self.embed(condition)[:, :, None, None]).sum(dim=1) / math.sqrt(x.shape[1])
        return DiscriminatorOutput((self.out(x).squeeze(1) + projection).flatten(1), features, image)


class ClipDiscriminator(nn.Module):
    """A logit a clip, from statistics of its spectrum and their deviation among its neighbours on the plane."""

    def __init__(self, fields: Fields) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Linear(6 * BANDS, HIDDEN), nn.LeakyReLU(SLOPE), nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(SLOPE)
        )
        _begin(self.inner)
        self.out = nn.Linear(HIDDEN, 1)
        self.embed = ConditionEmbedding(HIDDEN, fields)

    def forward(self, image: Tensor, condition: Tensor) -> DiscriminatorOutput:
        """Logits of images ``[B, 1, H, W]``, bands by frames."""
        bands = F.adaptive_avg_pool2d(image.squeeze(1), (BANDS, image.shape[3]))
        courses = (bands, bands.diff(dim=2))
        spreads = [(course.var(dim=2, unbiased=False) + 1e-6).sqrt() for course in courses]
        summary = torch.cat([bands.mean(dim=2), *spreads], dim=1)
        hidden = self.inner(torch.cat([summary, deviation_among_neighbours(summary, condition[:, :2])], dim=1))
        projection = (hidden * self.embed(condition)).sum(dim=1, keepdim=True) / math.sqrt(HIDDEN)
        return DiscriminatorOutput(self.out(hidden) + projection, [hidden[:, :, None, None]], image)


class WaveformDiscriminator(nn.Module):
    """Waveform ``[B, T]`` over the training scale and condition ``[B, K]`` → a :class:`DiscriminatorOutput` each."""

    def __init__(self, width: int, fields: Fields = Fields(), shuffle: int = 0) -> None:
        super().__init__()
        self.shuffle = shuffle
        wide = 4 * width
        down, along = [(1, width), (width, 2 * width), (2 * width, wide), (wide, wide)], (3, 1)
        self.periods = nn.ModuleList(
            [ImageDiscriminator([(a, b, (5, 1), along) for a, b in down], fields) for _ in PERIODS]
        )
        self.spectra = nn.ModuleList(
            [ImageDiscriminator([(a, b, (3, 5), (2, 2)) for a, b in down], fields) for _ in WINDOWS]
        )
        self.crowd = ClipDiscriminator(fields)

    def forward(self, x: Tensor, condition: Tensor, sloped: bool = False) -> list[DiscriminatorOutput]:
        """Logits of every discriminator.

        Shifts each waveform by up to ``shuffle`` samples while training, by torch's global generator.

        With ``sloped``, the images begin the graph, so that :func:`gradient_penalty` can be taken of the outputs.
        """
        if self.training and self.shuffle:
            x = shifted(x, self.shuffle)
        piece = cut(x, PIECE) if self.training else x[:, :PIECE]
        images = [folded(piece, period) for period in PERIODS] + [spectrum(x, window) for window in WINDOWS]
        images.append(images[-1])
        if sloped:
            images = [image.detach().requires_grad_() for image in images]
        discriminators = [*self.periods, *self.spectra, self.crowd]
        return [discriminator(image, condition) for discriminator, image in zip(discriminators, images, strict=True)]


def shifted(x: Tensor, most: int) -> Tensor:
    """Each waveform of ``[B, T]`` moved by up to ``most`` samples, the edge filled by reflection."""
    length = x.shape[1]
    start = torch.randint(0, 2 * most + 1, (len(x), 1), device=x.device)
    padded = F.pad(x.unsqueeze(1), (most, most), mode="reflect").squeeze(1)
    return padded.gather(1, start + torch.arange(length, device=x.device))


def cut(x: Tensor, length: int) -> Tensor:
    """A random piece of ``length`` samples of each waveform ``[B, T]``, or the whole where it is shorter."""
    if x.shape[1] <= length:
        return x
    start = torch.randint(0, x.shape[1] - length + 1, (len(x), 1), device=x.device)
    return x.gather(1, start + torch.arange(length, device=x.device))


def folded(x: Tensor, period: int) -> Tensor:
    """``[B, T]`` in rows of ``period`` samples: ``[B, 1, ⌈T / period⌉, period]``, the end filled by reflection."""
    x = F.pad(x.unsqueeze(1), (0, -x.shape[1] % period), mode="reflect")
    return x.reshape(len(x), 1, -1, period)


def spectrum(x: Tensor, window: int) -> Tensor:
    """Log-magnitudes of ``[B, T]`` over 80 dB: ``[B, 1, window / 2 + 1, frames]``."""
    hann = torch.hann_window(window, device=x.device)
    waves = torch.stft(x, window, window // 4, window=hann, return_complex=True)
    power = waves.real.square() + waves.imag.square()
    # From 1 for a full-scale sine down to -0.84, 80 dB below it.
    full = (window / 4) ** 2
    return 1 + torch.log(power / full + 1e-8).unsqueeze(1) / 10


def relativistic(real: list[DiscriminatorOutput], fake: list[DiscriminatorOutput]) -> Tensor:
    """softplus(fake - real), the mean over places, summed over discriminators (Jolicoeur-Martineau 2019)."""
    losses = [F.softplus(f.logits - r.logits).mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(losses).sum()


def feature_matching(real: list[DiscriminatorOutput], fake: list[DiscriminatorOutput]) -> Tensor:
    """Mean distance of each layer's features, averaged over batch and places (Salimans et al. 2016).

    A vocoder compares place by place; here no fake has a real clip to be compared with, so only means over the batch
    are matched.
    """
    losses = [
        (_profile(r) - _profile(f)).abs().mean()
        for a, b in zip(real, fake, strict=True)
        for r, f in zip(a.features, b.features, strict=True)
    ]
    return torch.stack(losses).mean()


def _profile(features: Tensor) -> Tensor:
    """``[B, C, H, W]`` to its mean over batch and places, ``[C]``."""
    return mean_over_devices(features.mean(dim=(0, 2, 3)))


def gradient_penalty(outputs: list[DiscriminatorOutput]) -> Tensor:
    """½ E‖∂ logit / ∂ image‖² (Mescheder et al. 2018, eq. 9), summed over discriminators; a logit is the mean."""
    logit = torch.stack([output.logits.mean(dim=1).sum() for output in outputs]).sum()
    gradients = torch.autograd.grad(logit, [output.image for output in outputs], create_graph=True)
    return torch.stack([0.5 * gradient.square().flatten(1).sum(dim=1).mean() for gradient in gradients]).sum()
