"""The fields that a request leaves open, filled in from the training clips.

A generator trained on full descriptions (emotion, mode, genre, instruments, …) is mostly requested for an emotion
alone. The clips of that emotion are a mixture over all that was not requested,

    p(x | v, a) = Σ p(fields | v, a) · p(x | v, a, fields),

and one draw from it is a draw of the fields and of a clip that has them all. The fields are those of a training clip
near the request: one of the :data:`N_NEAREST`, drawn by (seed, index). Distance counts valence and arousal in their
standard deviations, and a requested field that differs as :data:`MISMATCH_DISTANCE` of these. Statisticians call it
hot-deck imputation (Andridge & Little 2010). The generator never meets a condition of a kind it was not trained on.

When not to use: for guidance, which needs a learned null to compare with.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from affetti.models.generators.conditioning import Fields
from affetti.models.noise import noise

N_NEAREST = 16
"""Training clips among which one is drawn."""
MISMATCH_DISTANCE = 4.0
"""Distance of a requested field that a training clip differs in, in standard deviations."""


class Completion(nn.Module):
    """Completes conditions ``[B, K]`` from those of at most ``size`` training clips.

    Args:
        fields: what a condition holds.
        size: clips that are kept, evenly spaced among those given to :meth:`fit`.
    """

    known: Tensor
    count: Tensor

    def __init__(self, fields: Fields, size: int = 1024) -> None:
        super().__init__()
        self.fields = fields
        self.register_buffer("known", torch.zeros(size, fields.width))
        self.register_buffer("count", torch.ones((), dtype=torch.long))

    @torch.no_grad()
    def fit(self, conditions: Tensor) -> None:
        """Keep the conditions ``[N, K]`` of the training clips."""
        count = min(len(conditions), len(self.known))
        rows = torch.linspace(0, len(conditions) - 1, count).round().long()
        self.known[:count] = conditions[rows].to(self.known)
        self.count.fill_(count)

    def forward(self, condition: Tensor, seed: int, index: Tensor) -> Tensor:
        """Fill in the NaNs of ``condition [B, K]``; a row depends on itself, ``seed`` and its ``index [B]`` alone."""
        known = self.known[: int(self.count)]
        scale = known[:, :2].std(dim=0, unbiased=False).clamp_min(1e-3)
        near = torch.stack([self._near(row, known, scale) for row in condition])
        # A uniform draw out of a normal one: the noise of a sample is made in one place.
        uniform = 0.5 + 0.5 * torch.erf(noise(seed, index, (1,), "completion").to(near.device) / math.sqrt(2))
        drawn = (uniform * near.shape[1]).long().clamp(0, near.shape[1] - 1)
        return torch.where(condition.isnan(), known[near.gather(1, drawn).squeeze(1)], condition)

    def _near(self, condition: Tensor, known: Tensor, scale: Tensor) -> Tensor:
        """The rows of ``known`` nearest to ``condition [K]``."""
        distance = ((known[:, :2] - condition[:2]) / scale).nan_to_num().square().sum(dim=1)
        for place in list(self.fields.columns.values())[1:]:
            missed = ((known[:, place] - condition[place]).abs() > 0.5) | known[:, place].isnan()
            distance = distance + MISMATCH_DISTANCE**2 * (missed & condition[place].isfinite()).any(dim=1)
        return distance.topk(min(N_NEAREST, len(known)), largest=False).indices
