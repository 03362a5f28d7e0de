"""One step of flow matching."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from affetti.models.flow import Flow
from affetti.training.objectives import set_rate, update_average, warm_cosine

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class FlowObjective:
    """Flow matching with AdamW and an EMA."""

    def __init__(self, model: Flow, steps: int, rate: float = 1e-3, decay: float = 0.998) -> None:
        self.average = copy.deepcopy(model)
        self.model: nn.Module = model
        self.modules: dict[str, nn.Module] = {"model": model, "average": self.average}
        self.optimizers = {"model": torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01)}
        self.steps, self.rate, self.decay = steps, rate, decay
        self.encode = model.encode

    def setup(self, fabric: Fabric) -> None:
        """Hand over to Fabric."""
        self.model, optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("loss")  # type: ignore[operator]
        self.optimizer = optimizer
        fabric.to_device(self.average)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update."""
        set_rate(self.optimizer, self.rate * warm_cosine(step, self.steps))
        loss = self.model.loss(self.encode(mel), labels)  # type: ignore[operator]
        self.optimizer.zero_grad()
        fabric.backward(loss)
        norm = fabric.clip_gradients(self.model, self.optimizer, max_norm=1.0, error_if_nonfinite=False)
        self.optimizer.step()
        update_average(self.average, self.modules["model"], step, self.decay)
        return {"loss": float(loss.detach()), "gradient_norm": float(norm)}  # type: ignore[arg-type]
