"""Training of a flow with a head that makes sound: each step is one update of both.

The flow's is that of :mod:`affetti.training.objectives.flow_matching`. With S the STFT of a clip and Ŝ what the head
predicts from the clip's own log-mel, the head's loss is

    ‖|S| - |Ŝ|‖ / ‖|S|‖ + mean |log |S| - log |Ŝ||    (Arik et al. 2019).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from affetti.models.generators.vocoded import Vocoded
from affetti.training.objectives.base import Objective, ObjectiveOptions, set_learning_rate, update_average, warm_cosine
from affetti.training.objectives.flow_matching import FlowObjective

if TYPE_CHECKING:
    from lightning_fabric import Fabric

DECAY = 0.998
"""Of the moving average of the head's weights."""


class VocodedObjective(Objective):
    """Flow matching and the head's spectral losses, side by side; ``step`` takes waveforms ``[B, T]``."""

    def __init__(self, model: Vocoded, steps: int) -> None:
        self.raw, self.rate, self.steps = model, model.config.head_rate, steps
        self.flow = FlowObjective(model.flow, steps)
        self.average = copy.deepcopy(model)
        self.average.flow = self.flow.average
        self.head: nn.Module = model.head
        self.modules = {"model": model, "average": self.average}
        self.optimizers = {
            **{f"flow_{name}": optimizer for name, optimizer in self.flow.optimizers.items()},
            "head": torch.optim.AdamW(model.head.parameters(), self.rate, betas=(0.9, 0.99), weight_decay=0.01),
        }

    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric."""
        fabric.to_device(self.raw)
        fabric.to_device(self.average)
        self.flow.setup(fabric)
        self.head, self.optimizer = fabric.setup(self.raw.head, self.optimizers["head"])
        self.head.mark_forward_method("loss")  # type: ignore[operator]

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update of each; ``mel`` holds waveforms ``[B, T]``."""
        log_mel = self.raw.analyse(mel)
        logged = self.flow.step(fabric, log_mel, labels, step)
        set_learning_rate(self.optimizer, self.rate * warm_cosine(step, self.steps))
        loss = self.head.loss(log_mel, mel)  # type: ignore[operator]
        self.optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(self.head, self.optimizer, max_norm=1.0, error_if_nonfinite=False)
        self.optimizer.step()
        update_average(self.average.head, self.raw.head, step, DECAY)
        return logged | {"loss_stft": float(loss.detach())}

    def held_out_loss(self, mel: Tensor, labels: Tensor) -> float:
        """The flow-matching loss of the averaged flow on log-mels that are not trained on."""
        return self.flow.held_out_loss(mel, labels)


def vocoded_objective(model: Vocoded, steps: int, options: ObjectiveOptions) -> Objective:  # noqa: ARG001 - none is used
    """The training of a flow with a head."""
    return VocodedObjective(model, steps)
