"""Early stopping: the weights of the highest CCC on clips of validation songs are kept.

The averaged model is evaluated :data:`N_EVALUATIONS` times in a whole training; after :data:`PATIENCE` evaluations
without a higher CCC training ends. When not to use: with a handful of validation songs, whose CCC is mostly chance.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from affetti import metrics
from affetti.errors import InputError
from affetti.training.clips import Clips

N_EVALUATIONS = 30
"""Evaluations on the validation clips in a whole training."""
PATIENCE = 15
"""Evaluations without a better CCC after which training ends."""


class BestWeights(nn.Module):
    """The weights of the highest CCC on the validation clips so far, saved with each checkpoint."""

    ccc: Tensor
    since: Tensor

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.kept = copy.deepcopy(model).requires_grad_(False)
        self.register_buffer("ccc", torch.tensor(-2.0))
        self.register_buffer("since", torch.tensor(0))

    @torch.no_grad()
    def update(self, model: nn.Module, ccc: float) -> None:
        """Keep ``model``'s weights if ``ccc`` is the highest yet."""
        if ccc > float(self.ccc):
            self.kept.load_state_dict(model.state_dict())
            self.ccc.fill_(ccc)
            self.since.zero_()
        else:
            self.since += 1


@torch.no_grad()
def validation_concordance(model: nn.Module, clips: Clips, device: torch.device, batch_size: int = 64) -> float:
    """CCC of a regressor on ``clips``, mean of valence's and arousal's.

    Args:
        model: the regressor, on ``device``; it is left in evaluation mode.
        clips: log-mels and labels.
        device: where the model lies.
        batch_size: clips at once.

    Returns:
        in [-1, 1]; -1 where predictions and labels are all the same number.
    """
    model.eval()
    parts = [
        model(clips.take(rows)[0].to(device)).cpu().double().numpy()
        for rows in np.array_split(clips.rows, max(1, len(clips) // batch_size))
    ]
    try:
        return metrics.concordance(np.concatenate(parts), clips.labels[clips.rows, :2])
    except InputError:
        return -1.0
