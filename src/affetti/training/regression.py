"""One step of a regressor."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.student import Student
from affetti.training.objectives import set_rate, update_average, warm_cosine

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class RegressorObjective:
    """Concordance loss with AdamW and an EMA; ``augment`` acts on normalised log-mels."""

    def __init__(
        self,
        model: Student,
        steps: int,
        rate: float = 3e-3,
        decay: float = 0.98,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.average = copy.deepcopy(model)
        self.model: nn.Module = model
        self.modules: dict[str, nn.Module] = {"model": model, "average": self.average}
        self.optimizers = {"model": torch.optim.AdamW(model.parameters(), rate, weight_decay=0.05)}
        self.steps, self.rate, self.decay, self.augment = steps, rate, decay, augment
        self.normalise = model.normalise

    def setup(self, fabric: Fabric) -> None:
        """Hand over to Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("from_normal")  # type: ignore[operator]
        fabric.to_device(self.average)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update."""
        set_rate(self.optimizer, self.rate * warm_cosine(step, self.steps, floor=0.01))
        x = self.normalise(mel)
        if self.augment is not None:
            x = self.augment(x)
        loss = concordance_loss(self.model.from_normal(x), labels)  # type: ignore[operator]
        self.optimizer.zero_grad()
        fabric.backward(loss)
        self.optimizer.step()
        update_average(self.average, self.modules["model"], step, self.decay)
        return {"loss": float(loss.detach())}


def concordance_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean over valence and arousal of 1 - CCC (Lin 1989) in the batch, plus a mean squared error to steady it."""
    difference = prediction.mean(dim=0) - target.mean(dim=0)
    p, t = prediction - prediction.mean(dim=0), target - target.mean(dim=0)
    ccc = 2 * (p * t).mean(dim=0) / (p.square().mean(dim=0) + t.square().mean(dim=0) + difference.square() + 1e-6)
    return (1 - ccc).mean() + F.mse_loss(prediction, target)
