"""Adversarial training of the spectrogram GAN: in each step one update of the discriminator and one of the generator.

With D(x, c) the logits of the discriminator for clip x and condition c, real clips x, generated clips G(z, c) and
softplus f, the relativistic pairing loss (Jolicoeur-Martineau 2019) is

    L_D = E[f(D(G(z, c), c) - D(x, c))] + γ / 2 · (R1 + R2),      L_G = E[f(D(x, c) - D(G(z, c), c))],

where R1 and R2, the mean squared norms of D's gradient at real and at generated clips, keep it convergent (Mescheder et
al. 2018; Huang et al. 2024); they are computed every few steps and weighted up by as many. With spectral norm the loss
is the hinge loss instead, without penalties (Miyato et al. 2018), and D learns at twice the rate (Heusel et al. 2017).
Real and generated clips are augmented before D sees them (Zhao et al. 2020), and conditions are jittered within the
bandwidth of the conditioning. What is used afterwards is the moving average of the generator's weights.
"""

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
"""Learning rate at the end, as a share of the highest."""
BETAS = (0.0, 0.99)
"""Of Adam; no momentum, for the direction of the gradient does not last when two networks compete."""
DISCRIMINATOR_RATE = 2.0
"""Learning rate of the discriminator with spectral norm, as a multiple of the generator's (Heusel et al. 2017)."""


class GanObjective(Objective):
    """Relativistic GAN with lazy R1 and R2, or hinge with spectral norm; one update of each side a step."""

    def __init__(self, model: Gan, steps: int, *, fades: bool = True) -> None:
        self.config, self.fades = model.config, fades
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
        """Put modules and optimizers in the hands of Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("generate")  # type: ignore[operator]
        self.discriminator, self.optimizer_d = fabric.setup(self.discriminator, self.optimizers["discriminator"])
        fabric.to_device(self.average)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update of each side."""
        rate = self.config.rate * warm_cosine(step, self.steps, floor=FINAL_RATE)
        set_learning_rate(self.optimizer, rate)
        set_learning_rate(self.optimizer_d, rate * (DISCRIMINATOR_RATE if self.spectral else 1.0))
        fade = min(1.0, step / max(1.0, self.config.fade * self.steps)) if self.fades else 1.0
        real = self.normalise(mel)
        condition = self.fields.jitter(labels, self.raw.bandwidth)

        with torch.no_grad():
            fake = self._generate(condition, fade)
        penalise = not self.spectral and step % self.config.penalty_every == 0
        real.requires_grad_(penalise)
        fake.requires_grad_(penalise)
        real_logits, fake_logits = self._discriminate(real, condition, fade), self._discriminate(fake, condition, fade)
        loss_d = hinge(real_logits, fake_logits) if self.spectral else relativistic(real_logits, fake_logits)
        total, penalty = loss_d, torch.zeros(())
        if penalise:
            penalty = gradient_penalty(real_logits, real) + gradient_penalty(fake_logits, fake)
            total = loss_d + self.config.gamma * self.config.penalty_every * penalty
        self.optimizer_d.zero_grad()
        fabric.backward(total)
        self.optimizer_d.step()

        # The outputs for real clips are those of a moment ago: to compute them again costs a fifth more.
        real_logits = DiscriminatorLogits(real_logits.whole.detach(), real_logits.patches.detach())
        self.discriminator.requires_grad_(False)  # its gradient is not needed for the generator's update
        fake_logits = self._discriminate(self._generate(condition, fade), condition, fade)
        loss_g = generator_hinge(fake_logits) if self.spectral else relativistic(fake_logits, real_logits)
        self.optimizer.zero_grad()
        fabric.backward(loss_g)
        self.optimizer.step()
        self.discriminator.requires_grad_(True)
        update_average(self.average, self.modules["model"], step, self._decay(len(real) * fabric.world_size))
        values = {"loss": loss_g, "loss_discriminator": loss_d, "gap": (real_logits.whole - fake_logits.whole).mean()}
        logged = {key: float(value.detach()) for key, value in values.items()}
        return logged | ({"penalty": float(penalty.detach())} if penalise else {})

    def _decay(self, batch: int) -> float:
        """Decay of the average: its memory halves every ``half_life`` clips."""
        half_life = self.config.half_life / batch or self.steps / 20
        return 0.5 ** (1 / half_life)

    def _discriminate(self, x: Tensor, condition: Tensor, fade: float) -> DiscriminatorLogits:
        return self.discriminator(diff_augment(x, self.config.augment, 1 / self.normalise.std), condition, fade)

    def _generate(self, condition: Tensor, fade: float) -> Tensor:
        z = torch.randn(len(condition), self.config.noise, device=condition.device)
        return self.model.generate(z, condition, fade)  # type: ignore[operator]
