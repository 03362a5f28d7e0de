"""Fine-tuning of a ViT: pretrained blocks are unfrozen in stages, and the best weights on validation songs are kept.

A pretrained backbone stays as it is for the first sixth of the training, then its last 4 blocks learn, from three
tenths on its last 6 (the study's epochs 5 and 9 of 30), at a tenth of the head's rate. A backbone of random weights
learns from the start, at the full rate, on clips of which half are blended (mixup): a transformer without prior
knowledge learns a small corpus by heart.

The weights of the highest CCC on the validation songs are the result
(:mod:`affetti.training.objectives.early_stopping`). The loss is that of
:mod:`affetti.training.objectives.regression`, or with ``loss="mse"`` the study's weighted squared error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from affetti.models.regressors.base import NeuralRegressor
from affetti.models.regressors.vit import ViT
from affetti.models.shared_batch import on_whole_batch
from affetti.training.clips import Clips
from affetti.training.objectives.base import Objective, ObjectiveOptions
from affetti.training.objectives.regression import RegressionObjective, concordance_loss, mixup, weighted_squared_error

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STAGES = ((0.0, 0), (1 / 6, 4), (0.3, 6))
"""From which share of the training how many of the last blocks of a pretrained backbone learn."""
RATE_SCRATCH, RATE_PRETRAINED = 1e-3, 3e-5
"""Learning rates."""


class FineTuningObjective(RegressionObjective):
    """Concordance loss or weighted squared error, gradual unfreezing, EMA, and early stopping on validation songs.

    ``validation`` holds their clips; without them all steps are taken and the average of weights is the result.
    """

    def __init__(
        self,
        model: ViT,
        steps: int,
        decay: float = 0.98,
        augment: Callable[[Tensor], Tensor] | None = None,
        validation: Clips | None = None,
    ) -> None:
        self.pretrained = bool(model.config.pretrained)
        rate = model.config.rate or (RATE_PRETRAINED if self.pretrained else RATE_SCRATCH)
        super().__init__(model, steps, rate, decay, augment, validation)
        self.vit = model
        self.measure = concordance_loss if model.config.loss == "ccc" else weighted_squared_error

    def groups(self, model: NeuralRegressor) -> list[dict[str, object]]:
        """The backbone learns at a tenth of the rate if it was pretrained."""
        slow = [value for name, value in model.named_parameters() if name.startswith("backbone.")]
        fast = [value for name, value in model.named_parameters() if not name.startswith("backbone.")]
        return [{"params": slow, "share": 0.1 if self.pretrained else 1.0}, {"params": fast, "share": 1.0}]

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update, and at intervals an evaluation on the validation clips."""
        if self.pretrained:
            unfreeze(self.vit, step / self.steps)
        else:
            mel, labels = on_whole_batch(mixup, mel, labels)
        return super().step(fabric, mel, labels, step)

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss that the configuration names."""
        return self.measure(self.model.emotion_of_normalised(x), labels)  # type: ignore[operator]


def unfreeze(model: ViT, share: float) -> None:
    """Unfreeze the last blocks of a pretrained backbone that are trained from ``share`` of the training on."""
    count = max(blocks for start, blocks in STAGES if share >= start)
    model.backbone.requires_grad_(False)
    for block in model.blocks[len(model.blocks) - count :] if count else []:
        block.requires_grad_(True)


def fine_tuning_objective(model: ViT, steps: int, options: ObjectiveOptions) -> Objective:
    """The training of a ViT: early stopping where there are clips of validation songs."""
    return FineTuningObjective(model, steps, augment=options.augment, validation=options.validation)
