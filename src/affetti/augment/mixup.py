"""Mixup and C-Mixup: clips blended in pairs, and their labels in the same shares.

Zhang et al. (2018): x = λ xᵢ + (1 − λ) xⱼ and y likewise, λ ~ Beta(α, α). In regression the blend of two clips of
unlike emotion need not have the emotion between them; C-Mixup (Yao et al. 2022, eq. 6) therefore draws the partner j
with probability in proportion to exp(−‖yᵢ − yⱼ‖² / 2σ²). Here partners are of the same batch (the paper's "batch"
variant) and never the clip itself.

Conventions: log-mels ``[B, M, F]``. Shares sum to one, so blending dB and blending log-mels normalised band by band
give the same. Draws are of torch's global generator. When not to use: with batches of a few clips, of which none may
be alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

ALPHA = 1.0
"""Of the Beta distribution of shares; 1 is uniform."""
BANDWIDTH = 0.25
"""σ of C-Mixup on the plane of valence and arousal, each in [-1, 1]."""


def mixup(mel: Tensor, labels: Tensor, alpha: float = ALPHA) -> tuple[Tensor, Tensor]:
    """Blend each clip ``[B, M, F]`` with another of the batch, drawn evenly, and labels ``[B, 2]`` alike."""
    return _blend(mel, labels, torch.ones(len(mel), len(mel), device=mel.device), alpha)


def c_mixup(mel: Tensor, labels: Tensor, alpha: float = ALPHA, bandwidth: float = BANDWIDTH) -> tuple[Tensor, Tensor]:
    """As :func:`mixup`, with partners of similar label preferred."""
    return _blend(mel, labels, partner_weights(labels, bandwidth), alpha)


def partner_weights(labels: Tensor, bandwidth: float = BANDWIDTH) -> Tensor:
    """How likely clip j is to be clip i's partner, up to a factor a row: ``[B, 2] → [B, B]``."""
    apart = torch.cdist(labels.double(), labels.double()).square()
    apart.fill_diagonal_(torch.inf)
    nearest = apart.amin(dim=1, keepdim=True)  # keeps a clip far from all others from having no partner
    return torch.exp(-(apart - nearest) / (2 * bandwidth**2))


def _blend(mel: Tensor, labels: Tensor, weights: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    if len(mel) < 2:
        return mel, labels
    partner = torch.multinomial(weights.fill_diagonal_(0.0), 1).squeeze(1)
    share = torch.distributions.Beta(alpha, alpha).sample((len(mel),)).to(mel.device)
    wide = share[:, None, None]
    return wide * mel + (1 - wide) * mel[partner], share[:, None] * labels + (1 - share[:, None]) * labels[partner]
