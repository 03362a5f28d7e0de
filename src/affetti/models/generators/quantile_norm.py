"""Each mel band mapped to a normal distribution by its own quantiles, and back within what training clips hold.

Levels of music in dB are far from normal: dense near a ceiling, with a long tail downwards and many values at the very
floor. A generator whose latent is a linear map of them overshoots the ceiling in a few bins, and because power is cut
off 80 dB under a clip's maximum, its silence is then too loud. After this map levels are normal in each band, and the
way back cannot leave the range of the training clips.

The map is linear between knots at equal distances of the normal variable, those of training values at its
probabilities (the quantile transformation of scikit-learn's ``QuantileTransformer``, band by band).

When not to use: with so few training clips that the extreme quantiles are those of single clips.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LIMIT = 3.5
"""Standard deviations to the outermost knots."""
KNOTS = 57
"""Knots from -:data:`LIMIT` to :data:`LIMIT`, one at every eighth of a standard deviation."""
STEP = 2 * LIMIT / (KNOTS - 1)
MIN_RISE_DB = 1e-3
"""Between neighbouring knots, so that the map can be inverted where many values are equal."""


class QuantileNorm(nn.Module):
    """Map each mel band to a normal distribution.

    Shape: ``[B, M, F]`` in dB → ``[B, M, F]`` in standard deviations, within ±:data:`LIMIT`; :meth:`inverse` returns.
    """

    knots: Tensor

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        self.register_buffer("knots", MIN_RISE_DB * torch.arange(KNOTS).repeat(n_mels, 1))

    @torch.no_grad()
    def fit(self, mel: Tensor) -> None:
        """Take the quantiles of each band of ``mel [N, M, F]``, in dB."""
        probability = torch.special.ndtr(torch.linspace(-LIMIT, LIMIT, KNOTS, dtype=torch.float64))
        probability[0], probability[-1] = 0.0, 1.0  # the outermost knots are the extremes
        values = mel.transpose(0, 1).flatten(1).sort(dim=1).values.double()
        at = probability.to(values.device) * (values.shape[1] - 1)
        below = at.floor().long()
        above = (below + 1).clamp_max(values.shape[1] - 1)
        quantiles = torch.lerp(values[:, below], values[:, above], at - below)
        self.knots.copy_(quantiles + MIN_RISE_DB * torch.arange(KNOTS, device=values.device))

    def forward(self, mel: Tensor) -> Tensor:
        """DB to standard deviations."""
        x = _by_band(mel)
        above = torch.searchsorted(self.knots, x).clamp(1, KNOTS - 1)
        low, high = self.knots.gather(1, above - 1), self.knots.gather(1, above)
        within = ((x - low) / (high - low)).clamp(0, 1)
        return _by_clip((above - 1 + within) * STEP - LIMIT, mel)

    def inverse(self, normal: Tensor) -> Tensor:
        """Standard deviations to dB."""
        at = (_by_band(normal).clamp(-LIMIT, LIMIT) + LIMIT) / STEP
        below = at.long().clamp_max(KNOTS - 2)
        low, high = self.knots.gather(1, below), self.knots.gather(1, below + 1)
        return _by_clip(torch.lerp(low, high, at - below), normal)


def _by_band(x: Tensor) -> Tensor:
    """``[B, M, F] → [M, B·F]``."""
    return x.transpose(0, 1).flatten(1).contiguous()


def _by_clip(x: Tensor, like: Tensor) -> Tensor:
    """``[M, B·F] → [B, M, F]``."""
    return x.unflatten(1, (like.shape[0], like.shape[2])).transpose(0, 1)
