"""Training of a regressor on labels.

With predictions p and labels t of a batch, on each axis the concordance loss is

    1 - CCC + MSE,    CCC = 2 cov(p, t) / (var p + var t + (mean p - mean t)²)    (Lin 1989).

The squared error steadies it where a batch has little variance. AdamW (Loshchilov & Hutter 2019); what is used
afterwards is the moving average of the weights: with clips of validation songs as it was where it predicted these best
(:mod:`affetti.training.objectives.early_stopping`), without them as it is after the last step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.regressors.base import NeuralRegressor
from affetti.models.shared_batch import whole_batch
from affetti.training.clips import Clips
from affetti.training.objectives.base import Objective, update_average, warm_cosine
from affetti.training.objectives.early_stopping import N_EVALUATIONS, PATIENCE, BestWeights, validation_concordance

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class RegressionObjective(Objective):
    """Concordance loss with AdamW, a moving average of weights, and early stopping where there are validation clips.

    ``augment`` acts on normalised log-mels; ``validation`` holds the clips of validation songs.
    """

    def __init__(
        self,
        model: NeuralRegressor,
        steps: int,
        rate: float = 3e-3,
        decay: float = 0.98,
        augment: Callable[[Tensor], Tensor] | None = None,
        validation: Clips | None = None,
    ) -> None:
        self.average = copy.deepcopy(model)
        self.model: nn.Module = model
        self.modules: dict[str, nn.Module] = {"model": model, "average": self.average}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "model": torch.optim.AdamW(self.groups(model), rate, weight_decay=0.05)
        }
        self.steps, self.rate, self.decay, self.augment = steps, rate, decay, augment
        self.normalise = model.normalise
        self.validation = validation
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
        """Groups of weights, each with its ``share`` of the learning rate, for the optimizer."""
        return [{"params": list(model.parameters()), "share": 1.0}]

    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("emotion_of_normalised")  # type: ignore[operator]
        self.model.mark_forward_method("predict_normalised")  # type: ignore[operator]
        fabric.to_device(self.average)
        if self.validation is not None:
            fabric.to_device(self.best)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update, and at intervals an evaluation on the validation clips."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group["share"] * warm_cosine(step, self.steps, floor=0.01)
        x = self.normalise(mel)
        if self.augment is not None:
            x = self.augment(x)
        loss = self.loss(x, labels)
        self.optimizer.zero_grad()
        fabric.backward(loss)
        self.optimizer.step()
        update_average(self.average, self.modules["model"], step, self.decay)
        logged = {"loss": float(loss.detach())}
        if self.validation is not None and ((step + 1) % self.every == 0 or step + 1 == self.steps):
            # In full precision, as it will be used; the first device's, for all must stop together.
            with torch.autocast(fabric.device.type, enabled=False):
                ccc = fabric.broadcast(self.evaluate(self.validation))
            logged["validation_ccc"] = ccc
            self.best.update(self.average, ccc)
        return logged

    def evaluate(self, clips: Clips) -> float:
        """CCC of the averaged model on ``clips``, see :func:`validation_concordance`."""
        return validation_concordance(self.average, clips, self.average.half_width.device)

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss, of normalised log-mels ``[B, M, F]`` and their labels ``[B, 2]``."""
        return concordance_loss(self.model.emotion_of_normalised(x), labels)  # type: ignore[operator]


def concordance_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean over valence and arousal of 1 - CCC in the batch, plus the mean squared error; see the module.

    Args:
        prediction: ``[B, 2]``.
        target: ``[B, 2]``.

    Example:
        >>> target = torch.tensor([[0.5, -0.5], [-0.5, 0.5]])
        >>> round(float(concordance_loss(target, target)), 3)
        0.0
    """
    prediction, target = whole_batch(prediction), whole_batch(target)
    difference = prediction.mean(dim=0) - target.mean(dim=0)
    p, t = prediction - prediction.mean(dim=0), target - target.mean(dim=0)
    ccc = 2 * (p * t).mean(dim=0) / (p.square().mean(dim=0) + t.square().mean(dim=0) + difference.square() + 1e-6)
    return (1 - ccc).mean() + F.mse_loss(prediction, target)


def weighted_squared_error(prediction: Tensor, target: Tensor, valence: float = 0.6) -> Tensor:
    """Mean squared error of ``[B, 2]``, weighted ``valence`` and 1 - ``valence`` (the study's loss)."""
    error = (prediction - target).square().mean(dim=0)
    return valence * error[0] + (1 - valence) * error[1]


def mixup(mel: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mix half of the clips ``[B, M, F]`` with another of the batch, and their labels alike (mixup, Zhang et al. 2018).

    The share of each is uniform, Beta(1, 1); random numbers come from torch's global generator.
    """
    share = torch.rand(len(mel), device=mel.device)
    share = torch.where(torch.rand(len(mel), device=mel.device) < 0.5, torch.ones_like(share), share)
    other = torch.randperm(len(mel), device=mel.device)
    weight = share[:, None, None]
    mixed = share[:, None] * labels + (1 - share[:, None]) * labels[other]
    return weight * mel + (1 - weight) * mel[other], mixed
