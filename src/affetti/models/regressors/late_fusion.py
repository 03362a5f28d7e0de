"""Late fusion: what a regressor predicts from sound, corrected by what is known of the song besides.

With s the prediction from sound and t what the other inputs (words, genre, instruments) add to it, on each axis

    fused = s + c · t,

t linear in the standardised inputs, c a weight. Where nothing is known of a song, the prediction is s; a part that is
unknown counts as average.

When not to use: where words and sound act together (irony). A weighted sum has no such term.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LateFusion(nn.Module):
    """Weights of the fusion; fitted by :func:`affetti.training.late_fusion.fit_late_fusion`."""

    centre: Tensor
    scale: Tensor
    weight: Tensor
    gain: Tensor
    half_width: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("weight", torch.zeros(size, 2))
        self.register_buffer("gain", torch.ones(2))
        self.register_buffer("half_width", torch.full((2,), torch.nan))

    def added(self, inputs: Tensor) -> Tensor:
        """What the other inputs ``[B, S]`` add to valence and arousal ``[B, 2]``, before weighing; NaN is unknown."""
        return ((inputs - self.centre) / self.scale).nan_to_num(0.0) @ self.weight

    def forward(self, sound: Tensor, inputs: Tensor) -> Tensor:
        """Valence and arousal ``[B, 2]`` in [-1, 1].

        Args:
            sound: predictions from sound ``[B, 2]``.
            inputs: the other inputs ``[B, S]``; NaN is unknown.
        """
        known = torch.isfinite(inputs).any(dim=1, keepdim=True)
        return torch.where(known, (sound + self.gain * self.added(inputs)).clamp(-1, 1), sound)
