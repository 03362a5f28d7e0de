"""The study's own training of its GAN, so that its claims can be rerun.

Binary cross-entropy on logits; Adam with betas (0.5, 0.999), 2e-4 for the generator and 1e-4 for the discriminator,
times 0.99 an epoch; real labels of 0.9; noise on what the discriminator sees, fading to none; gradients clipped to a
norm of 1.
On each batch the discriminator is updated up to three times while its accuracy is under 60 %, else once. The study also
mentions two generator updates a discriminator update; here there are two where its accuracy is over 95 %. There is no
average of weights, no penalty, no augmentation and no jitter of the conditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.generators.gan import Gan, emotion_alone
from affetti.training.objectives.adversarial import GanObjective
from affetti.training.objectives.base import Objective, ObjectiveOptions, set_learning_rate

if TYPE_CHECKING:
    from lightning_fabric import Fabric

RATE_GENERATOR, RATE_DISCRIMINATOR, DECAY = 2e-4, 1e-4, 0.99
BETAS = (0.5, 0.999)
REAL_LABEL = 0.9
"""Label of real clips: under 1, so that the discriminator is never certain (Salimans et al. 2016)."""
NOISE = 0.1
"""Deviation of the instance noise at the start (Sønderby et al. 2017), in standard deviations of the log-mel."""
WEAK_ACCURACY, STRONG_ACCURACY, MAX_DISCRIMINATOR_UPDATES = 0.6, 0.95, 3


class PublishedGanObjective(Objective):
    """The study's training of its GAN; one batch a step."""

    def __init__(self, model: Gan, steps: int) -> None:
        self.model: nn.Module = model
        self.discriminator: nn.Module = model.discriminator()
        self.modules: dict[str, nn.Module] = {"average": model, "discriminator": self.discriminator}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "model": torch.optim.Adam(model.parameters(), RATE_GENERATOR, betas=BETAS),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), RATE_DISCRIMINATOR, betas=BETAS),
        }
        self.steps, self.config, self.clips = steps, model.config, int(model.clips)
        self.normalise = model.normalise

    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("generate")  # type: ignore[operator]
        self.discriminator, self.optimizer_d = fabric.setup(self.discriminator, self.optimizers["discriminator"])

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One to three updates of the discriminator, one or two of the generator."""
        self.modules["average"].train()  # an evaluation left it in eval mode, which freezes batch norm statistics
        epochs = step * len(mel) * fabric.world_size // max(1, self.clips)
        set_learning_rate(self.optimizer, RATE_GENERATOR * DECAY**epochs)
        set_learning_rate(self.optimizer_d, RATE_DISCRIMINATOR * DECAY**epochs)
        noise = NOISE * (1 - step / self.steps)
        real, condition = self.normalise(mel), emotion_alone(labels)
        loss_d, accuracy = self._update_discriminator(fabric, real, condition, noise)
        updates = 1
        while accuracy < WEAK_ACCURACY and updates < MAX_DISCRIMINATOR_UPDATES:
            loss_d, accuracy = self._update_discriminator(fabric, real, condition, noise)
            updates += 1
        loss_g = self._update_generator(fabric, condition, noise)
        if accuracy > STRONG_ACCURACY:
            loss_g = self._update_generator(fabric, condition, noise)
        return {
            "loss": loss_g,
            "loss_discriminator": loss_d,
            "right": accuracy,
            "updates_discriminator": float(updates),
        }

    def _update_discriminator(
        self, fabric: Fabric, real: Tensor, condition: Tensor, noise: float
    ) -> tuple[float, float]:
        """One update; returns the loss, and the accuracy before it."""
        with torch.no_grad():
            fake = self._generate(condition)
        on_real = self.discriminator(_noisy(real, noise), condition)
        on_fake = self.discriminator(_noisy(fake, noise), condition)
        loss = F.binary_cross_entropy_with_logits(on_real, torch.full_like(on_real, REAL_LABEL))
        loss = loss + F.binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))
        self._update(fabric, self.discriminator, self.optimizer_d, loss)
        # Over the clips of all devices, for all must take as many updates.
        accuracy = fabric.all_reduce(torch.cat([on_real > 0, on_fake < 0]).float().mean(), reduce_op="mean")
        return float(loss.detach()), float(accuracy)  # type: ignore[arg-type]

    def _update_generator(self, fabric: Fabric, condition: Tensor, noise: float) -> float:
        self.discriminator.requires_grad_(False)
        logit = self.discriminator(_noisy(self._generate(condition), noise), condition)
        loss = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
        self._update(fabric, self.model, self.optimizer, loss)
        self.discriminator.requires_grad_(True)
        return float(loss.detach())

    def _update(self, fabric: Fabric, module: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(module, optimizer, max_norm=1.0, error_if_nonfinite=False)
        optimizer.step()

    def _generate(self, condition: Tensor) -> Tensor:
        z = torch.randn(len(condition), self.config.noise, device=condition.device)
        return self.model.generate(z, condition)  # type: ignore[operator]


def _noisy(x: Tensor, deviation: float) -> Tensor:
    return x + deviation * torch.randn_like(x)


def gan_objective(model: Gan, steps: int, options: ObjectiveOptions) -> Objective:
    """The training that the recipe of a GAN names: the study's own, or ours."""
    if model.published:
        return PublishedGanObjective(model, steps)
    return GanObjective(model, steps, fades=not options.pretrained)
