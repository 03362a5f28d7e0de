"""One step of adversarial training: a discriminator's update and a generator's."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from affetti.models import gan as gan_model
from affetti.models.gan import Discriminator, Gan
from affetti.training.objectives import set_rate, update_average, warm_cosine

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class GanObjective:
    """Relativistic GAN with lazy R1 and R2, one discriminator and one generator update a step."""

    def __init__(self, model: Gan, steps: int, rate: float = 5e-4, decay: float = 0.995) -> None:
        self.config = model.config
        self.average = copy.deepcopy(model)
        self.model: nn.Module = model
        discriminator = Discriminator(model.config, model.fields)
        self.discriminator: nn.Module = discriminator
        self.modules: dict[str, nn.Module] = {"model": model, "average": self.average, "discriminator": discriminator}
        self.optimizers = {
            "model": torch.optim.Adam(model.parameters(), rate, betas=(0.0, 0.99)),
            "discriminator": torch.optim.Adam(discriminator.parameters(), rate, betas=(0.0, 0.99)),
        }
        self.steps, self.rate, self.decay = steps, rate, decay
        self.normalise, self.fields, self.bandwidth = model.normalise, model.fields, model.bandwidth

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
        wish = self.fields.jitter(labels, self.bandwidth)

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
