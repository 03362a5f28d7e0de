"""The discriminator of the spectrogram GAN, and the losses of adversarial training.

It mirrors the generator: pixels are folded into channels, residual blocks without normalisation halve the grid down to
the coarsest. Two channels score what comes out. The *whole* clip: mean and deviation over time of every band, with
their deviation among clips of similar emotion, to one logit. The *patches*: a logit for each
step in time, from features of a finer grid. Both are unconditional terms plus a projection of the condition (Miyato &
Koyama 2018), so that realism can be scored where labels are poor.

Losses: relativistic pairing (Jolicoeur-Martineau 2019) with the zero-centred penalties R1 and R2 (Mescheder et al.
2018; Huang et al. 2024 show why both), or hinge with spectral norm (Miyato et al. 2018), which takes their place.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from affetti.models.generators.conditioning import ConditionEmbedding, Fields
from affetti.models.generators.patch_pca import PatchPCA
from affetti.models.shared_batch import on_whole_batch

GROUP = 4
"""Clips of similar emotion among which the discriminator sees the deviation."""
SLOPE = 0.2
"""Of the leaky rectifiers."""


class DiscriminatorLogits(NamedTuple):
    """Logits of a batch: more is more real."""

    whole: Tensor
    """``[B]``."""
    patches: Tensor
    """``[B, P]``, in time."""


class DownBlock(nn.Module):
    """Residual block of two 3 × 3 convolutions, then means of 2 × 2: ``[B, C_in, H, W] → [B, C_out, ⌈H/2⌉, ⌈W/2⌉]``."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_in, 3, padding=1)
        self.conv2 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.skip = nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        x = F.leaky_relu(x, SLOPE)
        h = F.leaky_relu(self.conv1(x), SLOPE)
        # The mean commutes with the 1 × 1 convolution: taken first it is cheaper.
        return (_halved(self.conv2(h)) + self.skip(_halved(x))) / math.sqrt(2)


class SpectrogramDiscriminator(nn.Module):
    """Normalised log-mel ``[B, M, F]`` and condition ``[B, K]`` → :class:`DiscriminatorLogits`.

    Args:
        grid: the coarsest grid, (height, width).
        doublings: how often the grid doubles up to the full size; the first ``log2(stem)`` by folding.
        stem: factor by which pixels are folded into channels.
        width: channels at the finest grid; twice that at each coarser one, up to 8 ×.
        fields: what a condition holds.
        spectral: normalise every layer by its largest singular value.
        patches: fitted components that pixels are folded to; without it each pixel becomes a channel.
    """

    def __init__(
        self,
        grid: tuple[int, int],
        doublings: int,
        stem: int,
        width: int,
        fields: Fields = Fields(),
        spectral: bool = False,
        patches: PatchPCA | None = None,
    ) -> None:
        super().__init__()
        self.stem, self.patches = stem, patches
        self.size = (grid[0] << doublings, grid[1] << doublings)
        halvings = doublings - stem.bit_length() + 1
        channels = [width * min(2**level, 8) for level in range(halvings + 1)]
        # One extra channel encodes the mel position: frequency is not shift-invariant (Liu et al. 2018).
        folded = stem**2 if patches is None else patches.components
        self.enter = nn.Conv2d(folded + 1, width, 3, padding=1)
        self.blocks = nn.ModuleList([DownBlock(a, b) for a, b in pairwise(channels)])
        wide, patch = channels[-1], channels[max(0, halvings - 1)]
        self.patch = nn.Conv1d(patch, patch, 3, padding=1)
        self.patch_out = nn.Conv1d(patch, 1, 1)
        self.patch_embed = ConditionEmbedding(patch, fields)
        self.mix = nn.Conv2d(wide, wide, 3, padding=1)
        self.pool = nn.Linear(2 * wide * (grid[0] + 1), wide)
        self.out = nn.Linear(wide, 1)
        self.embed = ConditionEmbedding(wide, fields)
        for name, layer in list(self.named_modules()):
            if isinstance(layer, nn.Conv1d | nn.Conv2d) or layer in (self.pool, self.out):
                nn.init.kaiming_normal_(layer.weight, SLOPE)
                if spectral:
                    spectral_norm(self.get_submodule(name))

    def forward(self, x: Tensor, condition: Tensor, fade: float = 1.0) -> DiscriminatorLogits:
        """Logits; ``fade`` in [0, 1] scales the condition's part."""
        x = F.pad(x, (0, self.size[1] - x.shape[2], 0, self.size[0] - x.shape[1]))
        x = F.pixel_unshuffle(x.unsqueeze(1), self.stem) if self.patches is None else self.patches.encode(x)
        b, _, h, w = x.shape
        position = torch.linspace(-1, 1, h, device=x.device)[:, None].expand(b, 1, h, w)
        x = fine = self.enter(torch.cat([x, position], dim=1))
        for block in self.blocks:
            x, fine = block(x), x
        patches = F.leaky_relu(self.patch(F.leaky_relu(fine, SLOPE).mean(dim=2)), SLOPE)
        local = self.patch_out(patches).squeeze(1)
        local = local + fade * _projected(patches, self.patch_embed(condition).unsqueeze(2))
        x = F.leaky_relu(self.mix(F.leaky_relu(x, SLOPE)), SLOPE)
        pooled = torch.cat([x.mean(dim=3), (x.var(dim=3, unbiased=False) + 1e-6).sqrt()], dim=1).flatten(1)
        spread = deviation_among_neighbours(pooled, condition[:, :2]).unflatten(1, (-1, x.shape[2])).mean(dim=2)
        whole = F.leaky_relu(self.pool(torch.cat([pooled, spread], dim=1)), SLOPE)
        return DiscriminatorLogits(self.out(whole).squeeze(1) + fade * _projected(whole, self.embed(condition)), local)


def neighbours(emotion: Tensor) -> Tensor:
    """The number of each item's group ``[B]``: :data:`GROUP` items that lie near each other on the plane ``[B, 2]``.

    Sorted by arousal into √ of the groups' number strips, and each strip by valence.
    """
    items = len(emotion)
    groups = max(1, items // GROUP)
    strips = max(1, round(math.sqrt(groups)))
    place = torch.arange(items, device=emotion.device)
    strip = torch.empty_like(place)
    strip[emotion[:, 1].argsort()] = place * strips // items
    group = torch.empty_like(place)
    # Emotions lie in [-1, 1]: three apart, no strip reaches into the next.
    group[(3.0 * strip + emotion[:, 0]).argsort()] = place * groups // items
    return group


def deviation_among_neighbours(features: Tensor, emotion: Tensor) -> Tensor:
    """Deviation of features ``[B, D]`` among the items that lie near each on the plane ``[B, 2]``, in all of the batch.

    Returns:
        ``[B, D]``.
    """

    def among_neighbours(features: Tensor, emotion: Tensor) -> Tensor:
        return deviation(features, neighbours(emotion))

    return on_whole_batch(among_neighbours, features, emotion)


def deviation(features: Tensor, group: Tensor) -> Tensor:
    """Deviation of features ``[B, D]`` among the items of each group, given to each of its items: ``[B, D]``."""
    members = F.one_hot(group).to(features.dtype)
    share = members / members.sum(dim=0)
    centred = features - members @ (share.T @ features)
    return members @ (share.T @ centred.square() + 1e-6).sqrt()


def _halved(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def _projected(features: Tensor, embedding: Tensor) -> Tensor:
    """⟨features, embedding⟩ / √C over the channels, the second dimension."""
    return (features * embedding).sum(dim=1) / math.sqrt(features.shape[1])


def relativistic(real: DiscriminatorLogits, fake: DiscriminatorLogits) -> Tensor:
    """softplus(fake - real): what the discriminator lowers, and the generator with the roles exchanged."""
    return F.softplus(fake.whole - real.whole).mean() + F.softplus(fake.patches - real.patches).mean()


def hinge(real: DiscriminatorLogits, fake: DiscriminatorLogits) -> Tensor:
    """max(0, 1 - real) + max(0, 1 + fake), the discriminator's hinge loss (Lim & Ye 2017)."""
    return sum((F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)), torch.zeros(()))


def generator_hinge(fake: DiscriminatorLogits) -> Tensor:
    """The generator's part of the hinge loss: minus the mean of its logits."""
    return -fake.whole.mean() - fake.patches.mean()


def gradient_penalty(logits: DiscriminatorLogits, x: Tensor) -> Tensor:
    """½ E‖∂ logit / ∂ x‖², the zero-centred penalty R1 on real or R2 on fake (Mescheder et al. 2018, eq. 9).

    The logit is the whole's plus the mean of the patches'; ``x`` are the clips before augmentation.
    """
    logit = logits.whole + logits.patches.mean(dim=1)
    (gradient,) = torch.autograd.grad(logit.sum(), x, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(dim=1).mean()
