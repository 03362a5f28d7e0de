"""One step of adversarial training: a discriminator's update and a generator's."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from affetti.augment.differentiable import diff_augment
from affetti.models.generators.gan import Gan
from affetti.models.generators.gan_discriminator import (
    DiscriminatorLogits,
    generator_hinge,
    gradient_penalty,
    hinge,
    relativistic,
)
from affetti.training.objectives.base import Objective, set_learning_rate, update_average, warm_cosine

if TYPE_CHECKING:
    from lightning_fabric import Fabric

FINAL_RATE = 0.25
"""Learning rate at the end, of the highest."""
BETAS = (0.0, 0.99)
"""Of Adam: a game has no direction that lasts."""
DISCRIMINATOR_RATE = 2.0
"""How much faster the discriminator learns where spectral norm holds it back (Heusel et al. 2017)."""


class GanObjective(Objective):
    """Relativistic GAN with lazy R1 and R2, or hinge with spectral norm; one update of each side a step."""

    def __init__(self, model: Gan, steps: int) -> None:
        self.config = model.config
        self.average = copy.deepcopy(model)
        self.model: nn.Module = model
        self.discriminator: nn.Module = model.discriminator()
        self.modules: dict[str, nn.Module] = {
            "model": model,
            "average": self.average,
            "discriminator": self.discriminator,
        }
        rate = self.config.rate
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "model": torch.optim.Adam(model.parameters(), rate, betas=BETAS),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), rate, betas=BETAS),
        }
        self.steps, self.spectral = steps, self.config.regularizer == "spectral"
        # The model, not its buffers: moving it to a device puts others in their place.
        self.raw, self.normalise, self.fields = model, model.normalise, model.fields

    def setup(self, fabric: Fabric) -> None:
        """Hand over to Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("generate")  # type: ignore[operator]
        self.discriminator, self.optimizer_d = fabric.setup(self.discriminator, self.optimizers["discriminator"])
        fabric.to_device(self.average)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update of each side."""
        rate = self.config.rate * warm_cosine(step, self.steps, floor=FINAL_RATE)
        set_learning_rate(self.optimizer, rate)
        set_learning_rate(self.optimizer_d, rate * (DISCRIMINATOR_RATE if self.spectral else 1.0))
        fade = min(1.0, step / max(1.0, self.config.fade * self.steps))
        real = self.normalise(mel)
        wish = self.fields.jitter(labels, self.raw.bandwidth)

        with torch.no_grad():
            fake = self._generate(wish, fade)
        penalise = not self.spectral and step % self.config.penalty_every == 0
        real.requires_grad_(penalise)
        fake.requires_grad_(penalise)
        judged, judged_fake = self._judge(real, wish, fade), self._judge(fake, wish, fade)
        loss_d = hinge(judged, judged_fake) if self.spectral else relativistic(judged, judged_fake)
        total, penalty = loss_d, torch.zeros(())
        if penalise:
            penalty = gradient_penalty(judged, real) + gradient_penalty(judged_fake, fake)
            total = loss_d + self.config.gamma * self.config.penalty_every * penalty
        self.optimizer_d.zero_grad()
        fabric.backward(total)
        self.optimizer_d.step()

        # The generator is held against the real clips as judged a moment ago: to judge them again costs a fifth more.
        judged = DiscriminatorLogits(judged.whole.detach(), judged.patches.detach())
        self.discriminator.requires_grad_(False)  # its gradient is not needed for the generator's update
        judged_fake = self._judge(self._generate(wish, fade), wish, fade)
        loss_g = generator_hinge(judged_fake) if self.spectral else relativistic(judged_fake, judged)
        self.optimizer.zero_grad()
        fabric.backward(loss_g)
        self.optimizer.step()
        self.discriminator.requires_grad_(True)
        update_average(self.average, self.modules["model"], step, self._decay(len(real) * fabric.world_size))
        values = {"loss": loss_g, "loss_discriminator": loss_d, "gap": (judged.whole - judged_fake.whole).mean()}
        logged = {key: float(value.detach()) for key, value in values.items()}
        return logged | ({"penalty": float(penalty.detach())} if penalise else {})

    def _decay(self, batch: int) -> float:
        """Of the average: a half after ``half_life`` clips."""
        half_life = self.config.half_life / batch or self.steps / 20
        return 0.5 ** (1 / half_life)

    def _judge(self, x: Tensor, wish: Tensor, fade: float) -> DiscriminatorLogits:
        return self.discriminator(diff_augment(x, self.config.augment, 1 / self.normalise.std), wish, fade)

    def _generate(self, wish: Tensor, fade: float) -> Tensor:
        z = torch.randn(len(wish), self.config.noise, device=wish.device)
        return self.model.generate(z, wish, fade)  # type: ignore[operator]
