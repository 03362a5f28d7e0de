"""One step of training, for each family of models."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models import gan as gan_model
from affetti.models.flow import Flow
from affetti.models.gan import Discriminator, Gan
from affetti.models.student import Student

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Exponential moving average of weights; the decay grows from 0.1 to ``decay``: early steps are forgotten."""
    rate = 1.0 - min(decay, (1.0 + step) / (10.0 + step))
    for kept, new in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, rate)
    for kept, new in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(new)


def warm_cosine(step: int, steps: int, warm: int = 50, floor: float = 0.05) -> float:
    """Learning-rate factor: linear over ``warm`` steps, then half a cosine down to ``floor``."""
    if step < warm:
        return (step + 1) / warm
    share = (step - warm) / max(1, steps - warm)
    return floor + (1 - floor) * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * share))))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set every group's learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


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


class GanObjective:
    """Relativistic GAN with lazy R1 and R2, one discriminator and one generator update a step."""

    def __init__(self, model: Gan, steps: int, rate: float = 5e-4, decay: float = 0.995) -> None:
        self.config = model.config
        self.average = copy.deepcopy(model)
        self.model: nn.Module = model
        discriminator = Discriminator(model.config)
        self.discriminator: nn.Module = discriminator
        self.modules: dict[str, nn.Module] = {"model": model, "average": self.average, "discriminator": discriminator}
        self.optimizers = {
            "model": torch.optim.Adam(model.parameters(), rate, betas=(0.0, 0.99)),
            "discriminator": torch.optim.Adam(discriminator.parameters(), rate, betas=(0.0, 0.99)),
        }
        self.steps, self.rate, self.decay = steps, rate, decay
        self.normalise = model.normalise

    def setup(self, fabric: Fabric) -> None:
        """Hand over to Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("generate")  # type: ignore[operator]
        self.discriminator, self.optimizer_d = fabric.setup(self.discriminator, self.optimizers["discriminator"])
        fabric.to_device(self.average)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update of each side."""
        factor = warm_cosine(step, self.steps, floor=0.25)
        set_rate(self.optimizer, self.rate * factor)
        set_rate(self.optimizer_d, self.rate * factor)
        real = self.normalise(mel)
        wish = (labels + self.config.vicinity * torch.randn_like(labels)).clamp(-1, 1)

        with torch.no_grad():
            fake = self._generate(wish)
        penalise = step % self.config.penalty_every == 0
        real.requires_grad_(penalise)
        fake.requires_grad_(penalise)
        logit_real = self.discriminator(gan_model.augment(real), wish)
        logit_fake = self.discriminator(gan_model.augment(fake), wish)
        loss_d = gan_model.relativistic(logit_real, logit_fake)
        total, penalty = loss_d, torch.zeros(())
        if penalise:
            penalty = gan_model.gradient_penalty(logit_real, real) + gan_model.gradient_penalty(logit_fake, fake)
            total = loss_d + self.config.gamma * self.config.penalty_every * penalty
        self.optimizer_d.zero_grad()
        fabric.backward(total)
        self.optimizer_d.step()

        self.discriminator.requires_grad_(False)  # its gradient is not needed for the generator's update
        logit_fake = self.discriminator(gan_model.augment(self._generate(wish)), wish)
        with torch.no_grad():
            logit_real = self.discriminator(gan_model.augment(real.detach()), wish)
        loss_g = gan_model.relativistic(logit_fake, logit_real)
        self.optimizer.zero_grad()
        fabric.backward(loss_g)
        self.optimizer.step()
        self.discriminator.requires_grad_(True)
        update_average(self.average, self.modules["model"], step, self.decay)
        values = {"loss": loss_g, "loss_discriminator": loss_d, "gap": (logit_real - logit_fake).mean()}
        logged = {key: float(value.detach()) for key, value in values.items()}
        return logged | ({"penalty": float(penalty.detach())} if penalise else {})

    def _generate(self, wish: Tensor) -> Tensor:
        z = torch.randn(len(wish), self.config.noise, device=wish.device)
        return self.model.generate(z, wish)  # type: ignore[operator]


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
