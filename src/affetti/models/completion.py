"""What a wish leaves open, filled in from the music that was heard.

A generator trained on full descriptions (emotion, mode, genre, instruments, …) is asked for an emotion alone, mostly. The
clips of that emotion are then a mixture over all that was not asked for,

    p(x | v, a) = Σ p(fields | v, a) · p(x | v, a, fields),

and one draw from it is a draw of the fields and a clip that has them all. The fields come from a training clip near the
wish: one of the :data:`NEAREST`, drawn by (seed, index), where nearness counts valence and arousal in units of their
deviation and a field that is asked for and missed as :data:`MISSED` of these. (In survey statistics: hot-deck imputation,
Andridge & Little 2010.) So a generator without this detail collapses less, and never meets a wish it was not trained on.

When not to use: for guidance, which needs a learned null to compare with.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from affetti.models.conditioning import Fields
from affetti.models.noise import noise

NEAREST = 16
"""Training clips among which one is drawn."""
MISSED = 4.0
"""Distance of a field that is asked for and missed, in deviations."""


class Completion(nn.Module):
    """Completes conditions ``[B, K]`` from at most ``size`` of the training clips' own.

    Args:
        fields: what a condition holds.
        size: clips that are remembered; evenly spread over those given to :meth:`fit`.
    """

    known: Tensor

    def __init__(self, fields: Fields, size: int = 1024) -> None:
        super().__init__()
        self.fields = fields
        self.register_buffer("known", torch.zeros(size, fields.width))

    @torch.no_grad()
    def fit(self, conditions: Tensor) -> None:
        """Remember conditions ``[N, K]`` of the training clips."""
        rows = torch.linspace(0, len(conditions) - 1, len(self.known)).round().long()
        self.known.copy_(conditions[rows])

    def forward(self, wish: Tensor, seed: int, index: Tensor) -> Tensor:
        """Fill in what ``wish [B, K]`` leaves open (NaN); item i depends on the wish, ``seed`` and ``index[i]`` alone."""
        distance = torch.stack([self._distance(row) for row in wish])
        near = distance.topk(min(NEAREST, len(self.known)), largest=False).indices
        # A uniform draw from a normal one, that the noise of a sample is made in one place.
        uniform = 0.5 + 0.5 * torch.erf(noise(seed, index, (1,), "completion") / 2**0.5)
        drawn = (uniform * near.shape[1]).long().clamp(0, near.shape[1] - 1)
        found = self.known[near.gather(1, drawn.to(near.device)).squeeze(1)]
        return torch.where(wish.isnan(), found, wish)

    def _distance(self, wish: Tensor) -> Tensor:
        """Of a wish ``[K]`` from each remembered clip: ``[size]``, in squared deviations."""
        emotion = (self.known[:, :2] - wish[:2]) / self.known[:, :2].std(dim=0).clamp_min(1e-3)
        distance = emotion.nan_to_num().square().sum(dim=1)
        for place in list(self.fields.columns.values())[1:]:
            asked = wish[place].isfinite()
            missed = ((self.known[:, place] - wish[place]).abs() > 0.5) | self.known[:, place].isnan()
            distance = distance + MISSED**2 * (missed & asked).any(dim=1)
        return distance
