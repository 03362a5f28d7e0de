"""Fine-tuning of a ViT: pretrained blocks are unfrozen in stages, and the best weights on validation songs are kept.

A pretrained backbone stays as it is for the first sixth of the training, then its last 4 blocks learn, from three
tenths on its last 6 (the study's epochs 5 and 9 of 30), at a tenth of the head's rate. A backbone of random weights
learns from the start, at the full rate, on clips of which half are blended (mixup): a transformer without prior
knowledge learns a small corpus by heart.

The averaged model is evaluated on the validation clips :data:`N_EVALUATIONS` times; the weights of the highest CCC are
the result, and after :data:`PATIENCE` evaluations without a better one training ends. The loss is that of
:mod:`affetti.training.objectives.regression`, or with ``loss="mse"`` the study's weighted squared error.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from affetti import metrics
from affetti.errors import InputError
from affetti.models.regressors.base import NeuralRegressor
from affetti.models.regressors.vit import ViT
from affetti.training.clips import Clips
from affetti.training.objectives.base import Objective, ObjectiveOptions
from affetti.training.objectives.regression import RegressionObjective, concordance_loss, mixup, weighted_squared_error

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STAGES = ((0.0, 0), (1 / 6, 4), (0.3, 6))
"""From which share of the training how many of the last blocks of a pretrained backbone learn."""
N_EVALUATIONS = 30
"""Evaluations on the validation clips in a whole training."""
PATIENCE = 15
"""Evaluations without a better CCC after which training ends."""
RATE_SCRATCH, RATE_PRETRAINED = 1e-3, 3e-5
"""Learning rates."""


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
        super().__init__(
            model, steps, model.config.rate or (RATE_PRETRAINED if self.pretrained else RATE_SCRATCH), decay, augment
        )
        self.vit, self.validation = model, validation
        self.measure = concordance_loss if model.config.loss == "ccc" else weighted_squared_error
        self.every = max(1, steps // N_EVALUATIONS)
        if validation is not None:
            self.best = self.modules["best"] = BestWeights(model)

    @property
    def finished(self) -> bool:
        """Whether CCC on the validation songs has not risen for :data:`PATIENCE` evaluations."""
        return self.validation is not None and int(self.best.since) >= PATIENCE

    @property
    def result(self) -> nn.Module:
        """The model to be used."""
        return self.average if self.validation is None else self.best.kept

    def groups(self, model: NeuralRegressor) -> list[dict[str, object]]:
        """The backbone learns at a tenth of the rate if it was pretrained."""
        slow = [value for name, value in model.named_parameters() if name.startswith("backbone.")]
        fast = [value for name, value in model.named_parameters() if not name.startswith("backbone.")]
        return [{"params": slow, "share": 0.1 if self.pretrained else 1.0}, {"params": fast, "share": 1.0}]

    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric."""
        super().setup(fabric)
        if self.validation is not None:
            fabric.to_device(self.best)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update, and at intervals an evaluation on the validation clips."""
        if self.pretrained:
            unfreeze(self.vit, step / self.steps)
        else:
            mel, labels = mixup(mel, labels)
        logged = super().step(fabric, mel, labels, step)
        if self.validation is not None and ((step + 1) % self.every == 0 or step + 1 == self.steps):
            # In full precision, as it will be used; the first device's, for all must stop together.
            with torch.autocast(fabric.device.type, enabled=False):
                logged["validation_ccc"] = ccc = fabric.broadcast(self.evaluate(self.validation))
            self.best.update(self.average, ccc)
        return logged

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss that the configuration names."""
        return self.measure(self.model.emotion_of_normalised(x), labels)  # type: ignore[operator]

    @torch.no_grad()
    def evaluate(self, clips: Clips, batch_size: int = 64) -> float:
        """CCC of the averaged model on ``clips``; -1 where predictions and labels are all the same number."""
        self.average.eval()
        parts = [
            self.average(clips.take(rows)[0].to(self.average.half_width.device)).cpu().double().numpy()  # type: ignore[operator, union-attr]
            for rows in np.array_split(clips.rows, max(1, len(clips) // batch_size))
        ]
        try:
            return metrics.concordance(np.concatenate(parts), clips.labels[clips.rows, :2])
        except InputError:
            return -1.0


def unfreeze(model: ViT, share: float) -> None:
    """Unfreeze the last blocks of a pretrained backbone that are trained from ``share`` of the training on."""
    count = max(blocks for start, blocks in STAGES if share >= start)
    model.backbone.requires_grad_(False)
    for block in model.blocks[len(model.blocks) - count :] if count else []:
        block.requires_grad_(True)


def fine_tuning_objective(model: ViT, steps: int, options: ObjectiveOptions) -> Objective:
    """The training of a ViT: early stopping where there are clips of validation songs."""
    return FineTuningObjective(model, steps, augment=options.augment, validation=options.validation)
