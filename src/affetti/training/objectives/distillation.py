"""Distillation: a student learns from a teacher as well as from labels.

The loss is the concordance loss on the labels plus, with the study's weights,

    0.3 · responses + 0.4 · features + 0.3 · attention .

- *Responses*: squared difference of T tanh(z / T), T = 6, where z are the two numbers before they saturate. tanh is a
  softmax over two classes, so T means what it means in Hinton et al. (2015): a soft teacher still separates clips that
  a saturated one maps to the same value, and for large T the values of z themselves are matched.
- *Features*: the two networks need not have as many, so it is the cosine similarities between the clips of a batch that
  are compared (Tung & Mori 2019): clips alike to the teacher are to be alike to the student.
- *Attention*: where in frequency and time the network is active, the mean square over channels on the teacher's grid
  made unit in norm (Zagoruyko & Komodakis 2017).

Teacher and student see the same clip, blended with another of the batch (mixup with Beta(1, 1)) half of the time: a
teacher can label what no listener has rated (Beyer et al. 2022). The labels are blended alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from affetti.models.regressors.base import NeuralRegressor, Prediction
from affetti.models.shared_batch import on_whole_batch, whole_batch
from affetti.training.clips import Clips
from affetti.training.objectives.base import Objective, ObjectiveOptions
from affetti.training.objectives.regression import RegressionObjective, concordance_loss, mixup

if TYPE_CHECKING:
    from lightning_fabric import Fabric

WEIGHTS = {"responses": 0.3, "features": 0.4, "attention": 0.3}
"""Of the three losses; the study's."""
TEMPERATURE = 6.0


class DistilledObjective(RegressionObjective):
    """Concordance loss on labels and the three losses against ``teacher``."""

    def __init__(
        self,
        model: NeuralRegressor,
        steps: int,
        teacher: NeuralRegressor,
        augment: Callable[[Tensor], Tensor] | None = None,
        validation: Clips | None = None,
    ) -> None:
        super().__init__(model, steps, augment=augment, validation=validation)
        self.teacher = teacher.eval().requires_grad_(False)

    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric."""
        super().setup(fabric)
        fabric.to_device(self.teacher)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update."""
        mel, labels = on_whole_batch(mixup, mel, labels)
        with torch.no_grad():
            self.teacher_output = self.teacher.predict_normalised(self.teacher.normalise(mel))
        return super().step(fabric, mel, labels, step)

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        """The concordance loss on labels, and the distillation losses."""
        output: Prediction = self.model.predict_normalised(x)  # type: ignore[operator]
        parts = distillation_losses(output, self.teacher_output)
        total = concordance_loss(torch.tanh(output.logits), labels)
        return total + sum((WEIGHTS[name] * part for name, part in parts.items()), torch.zeros_like(total))


def distillation_losses(student: Prediction, teacher: Prediction) -> dict[str, Tensor]:
    """Losses between the outputs of two networks: ``responses``, ``features`` and ``attention``, each ≥ 0.

    The outputs are of the same batch; all losses are 0 where they are equal. See the module for what they compare.
    """
    soft = [TEMPERATURE * torch.tanh(output.logits / TEMPERATURE) for output in (student, teacher)]
    similarity = [_similarities(whole_batch(output.features)) for output in (student, teacher)]
    grid = teacher.map.shape[1:]
    resized = F.interpolate(student.map.unsqueeze(1), grid, mode="bilinear", align_corners=False).squeeze(1)
    maps = [F.normalize(map_.flatten(1), dim=1) for map_ in (resized, teacher.map)]
    return {
        "responses": (soft[0] - soft[1]).square().mean(),
        "features": (similarity[0] - similarity[1]).square().mean(),
        "attention": (maps[0] - maps[1]).square().sum(dim=1).mean(),
    }


def _similarities(features: Tensor) -> Tensor:
    """Cosine similarity of each pair of clips, of features centred over the batch: ``[B, D] → [B, B]``."""
    unit = F.normalize(features - features.mean(dim=0), dim=1)
    return unit @ unit.T


def student_objective(model: NeuralRegressor, steps: int, options: ObjectiveOptions) -> Objective:
    """The training of a student: with a teacher where there is one, else on the labels alone."""
    validation = options.validation if options.stop_early else None
    if options.teacher is None:
        return RegressionObjective(model, steps, augment=options.augment, validation=validation)
    return DistilledObjective(model, steps, options.teacher, options.augment, validation)
