"""Training of the flow: flow matching, the latent beneath it and the guide beside it.

For a latent clip x, noise ε, a time t and x_t = (1 - t) x + t ε, the velocity v is fitted by

    E ‖v(x_t, t, c) - (ε - x)‖²    (Lipman et al. 2023; Liu et al. 2023),

with t the logistic function of a normal number (Esser et al. 2024) and conditions c jittered and partly dropped.

With a mel autoencoder the first steps train that alone; its scale is then measured and it is frozen. A flow that has
the weights of another run keeps that run's autoencoder. The guide, a
small regressor, is trained on the clips as the latent decodes them, in every other of the first steps: so that all
three are of one run and a resumed run equals the unbroken one.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from affetti.models.generators.flow import Flow
from affetti.models.generators.mel_autoencoder import MelAutoencoder
from affetti.models.shared_batch import whole_batch
from affetti.training.objectives.base import Objective, set_learning_rate, update_average, warm_cosine
from affetti.training.objectives.regression import concordance_loss

if TYPE_CHECKING:
    from lightning_fabric import Fabric

GUIDE_STEPS = 400
"""Updates of the guide."""


class FlowObjective(Objective):
    """Flow matching with AdamW and a moving average of weights."""

    def __init__(self, model: Flow, steps: int, decay: float = 0.998, *, trains_latent: bool = True) -> None:
        self.average = copy.deepcopy(model)
        self.flow, rate = model, model.config.rate
        self.model: nn.Module = model
        self.modules: dict[str, nn.Module] = {"model": model, "average": self.average}
        guide = list(model.guide.parameters()) if model.guide is not None else []
        own = {id(value) for value in guide}
        self.trains_latent = trains_latent and isinstance(model.latent, MelAutoencoder)
        own |= {id(value) for value in model.latent.parameters()}
        latent = list(model.latent.parameters()) if self.trains_latent else []
        rest = [value for value in model.parameters() if id(value) not in own]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "model": torch.optim.AdamW(rest, rate, betas=(0.9, 0.99), weight_decay=0.01)
        }
        if latent:
            self.optimizers["latent"] = torch.optim.AdamW(latent, rate / 2, betas=(0.9, 0.99), weight_decay=0.0)
        if guide:
            self.optimizers["guide"] = torch.optim.AdamW(guide, 3e-3, weight_decay=0.05)
        self.rate, self.decay = rate, decay
        self.latent_steps = max(1, round(model.config.autoencoder_share * steps)) if self.trains_latent else 0
        self.steps = max(1, steps - self.latent_steps)
        self.guide_steps = min(GUIDE_STEPS, max(1, self.steps // 2))

    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric."""
        names = list(self.optimizers)
        self.model, *optimizers = fabric.setup(self.model, *self.optimizers.values())
        for name in ("loss", "latent_loss", "guide_prediction"):
            self.model.mark_forward_method(name)  # type: ignore[operator]
        self.optimizer = dict(zip(names, optimizers, strict=True))
        fabric.to_device(self.average)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update."""
        flow = self.flow
        if step < self.latent_steps:
            return self._step_latent(fabric, mel, step)
        step -= self.latent_steps
        flow.latent.requires_grad_(False)  # frozen: it needs no gradient
        with torch.no_grad():
            latent = flow.encode(mel)
        set_learning_rate(self.optimizer["model"], self.rate * warm_cosine(step, self.steps))
        loss = self.model.loss(latent, labels)  # type: ignore[operator]
        self.optimizer["model"].zero_grad()
        fabric.backward(loss)
        norm = fabric.clip_gradients(self.model, self.optimizer["model"], max_norm=1.0, error_if_nonfinite=False)
        self.optimizer["model"].step()
        logged = {"loss": float(loss.detach()), "gradient_norm": float(norm)}  # type: ignore[arg-type]
        if "guide" in self.optimizer and step % 2 == 0 and step // 2 < self.guide_steps:
            logged["loss_guide"] = self._step_guide(fabric, latent, labels, step // 2)
        update_average(self.average, flow, step, self.decay)
        return logged

    def _step_latent(self, fabric: Fabric, mel: Tensor, step: int) -> dict[str, float]:
        """One update of the autoencoder; after the last its scale is measured."""
        set_learning_rate(self.optimizer["latent"], self.rate / 2 * warm_cosine(step, self.latent_steps))
        loss = self.model.latent_loss(mel)  # type: ignore[operator]
        self.optimizer["latent"].zero_grad()
        fabric.backward(loss)
        self.optimizer["latent"].step()
        if step == self.latent_steps - 1:
            self.flow.latent.measure(whole_batch(self.flow.normalise(mel)))  # type: ignore[operator]
            self.average.load_state_dict(self.flow.state_dict())
        return {"loss": float(loss.detach())}

    def _step_guide(self, fabric: Fabric, latent: Tensor, labels: Tensor, step: int) -> float:
        set_learning_rate(self.optimizer["guide"], 3e-3 * warm_cosine(step, self.guide_steps, floor=0.01))
        loss = concordance_loss(self.model.guide_prediction(latent), labels[:, :2])  # type: ignore[operator]
        self.optimizer["guide"].zero_grad()
        fabric.backward(loss)
        self.optimizer["guide"].step()
        return float(loss.detach())

    def held_out_loss(self, mel: Tensor, labels: Tensor) -> float:
        """The flow-matching loss of the averaged model on clips that are not trained on."""
        return held_out_flow_loss(self.average, mel, labels)


@torch.no_grad()
def held_out_flow_loss(model: Flow, mel: Tensor, labels: Tensor) -> float:
    """The flow-matching loss of ``model`` on log-mels ``[B, M, F]`` and conditions ``[B, K]``, always at one draw."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return float(model.loss(model.encode(mel), labels))
