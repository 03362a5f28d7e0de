"""What a wish leaves open, filled in from the music that was heard.

A generator trained on full descriptions (emotion, mode, genre, instruments, …) is mostly asked for an emotion alone.
The clips of that emotion are a mixture over all that was not asked for,

    p(x | v, a) = Σ p(fields | v, a) · p(x | v, a, fields),

and one draw from it is a draw of the fields and of a clip that has them all. The fields are those of a training clip
near the wish: one of the :data:`N_NEAREST`, drawn by (seed, index). Nearness counts valence and arousal in their
deviations, and a field that is asked for and missed as :data:`MISMATCH_DISTANCE` of these. Statisticians call it hot-deck
imputation (Andridge & Little 2010). A generator so asked never meets a wish of a kind it was not trained on.

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
"""Distance of a field that is asked for and missed, in deviations."""


class Completion(nn.Module):
    """Completes conditions ``[B, K]`` from those of at most ``size`` training clips.

    Args:
        fields: what a condition holds.
        size: clips that are remembered, evenly spread over those given to :meth:`fit`.
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
        """Remember conditions ``[N, K]`` of the training clips."""
        count = min(len(conditions), len(self.known))
        rows = torch.linspace(0, len(conditions) - 1, count).round().long()
        self.known[:count] = conditions[rows].to(self.known)
        self.count.fill_(count)

    def forward(self, wish: Tensor, seed: int, index: Tensor) -> Tensor:
        """Fill in the NaNs of ``wish [B, K]``; a row depends on itself, ``seed`` and its ``index [B]`` alone."""
        known = self.known[: int(self.count)]
        scale = known[:, :2].std(dim=0, unbiased=False).clamp_min(1e-3)
        near = torch.stack([self._near(row, known, scale) for row in wish])
        # A uniform draw out of a normal one: the noise of a sample is made in one place.
        uniform = 0.5 + 0.5 * torch.erf(noise(seed, index, (1,), "completion").to(near.device) / math.sqrt(2))
        drawn = (uniform * near.shape[1]).long().clamp(0, near.shape[1] - 1)
        return torch.where(wish.isnan(), known[near.gather(1, drawn).squeeze(1)], wish)

    def _near(self, wish: Tensor, known: Tensor, scale: Tensor) -> Tensor:
        """The rows of ``known`` nearest to a wish ``[K]``."""
        distance = ((known[:, :2] - wish[:2]) / scale).nan_to_num().square().sum(dim=1)
        for place in list(self.fields.columns.values())[1:]:
            missed = ((known[:, place] - wish[place]).abs() > 0.5) | known[:, place].isnan()
            distance = distance + MISMATCH_DISTANCE**2 * (missed & wish[place].isfinite()).any(dim=1)
        return distance.topk(min(N_NEAREST, len(known)), largest=False).indices
