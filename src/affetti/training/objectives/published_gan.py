"""The study's own training of its GAN, so that its claims can be rerun.

Binary cross-entropy on logits; Adam with betas (0.5, 0.999), 2e-4 for the generator and 1e-4 for the discriminator,
times 0.99 an epoch; real labels of 0.9; noise on what the discriminator sees, fading to none; gradients clipped to a
norm of 1.
On each batch the discriminator is trained up to three times while it judges under 60 % right, else once. The study
also tells of two generator updates a discriminator update; here there are two where it judges more than 95 % right. No
average of weights, no penalty, no augmentation, no vicinity.
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
"""What real clips are called: not 1, so that the discriminator is never sure (Salimans et al. 2016)."""
NOISE = 0.1
"""Deviation of the instance noise at the start (Sønderby et al. 2017), in standard deviations of the log-mel."""
WEAK_ACCURACY, STRONG_ACCURACY, MAX_DISCRIMINATOR_UPDATES = 0.6, 0.95, 3


class PublishedGanObjective(Objective):
    """The study's training; one batch a step."""

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
        """Hand over to Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("generate")  # type: ignore[operator]
        self.discriminator, self.optimizer_d = fabric.setup(self.discriminator, self.optimizers["discriminator"])

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One to three updates of the discriminator, one or two of the generator."""
        self.modules["average"].train()  # a look at it left it evaluating: batch norm would stand still
        epochs = step * len(mel) * fabric.world_size // max(1, self.clips)
        set_learning_rate(self.optimizer, RATE_GENERATOR * DECAY**epochs)
        set_learning_rate(self.optimizer_d, RATE_DISCRIMINATOR * DECAY**epochs)
        noise = NOISE * (1 - step / self.steps)
        real, wish = self.normalise(mel), emotion_alone(labels)
        loss_d, right = self._teach_discriminator(fabric, real, wish, noise)
        updates = 1
        while right < WEAK_ACCURACY and updates < MAX_DISCRIMINATOR_UPDATES:
            loss_d, right = self._teach_discriminator(fabric, real, wish, noise)
            updates += 1
        loss_g = self._teach_generator(fabric, wish, noise)
        if right > STRONG_ACCURACY:
            loss_g = self._teach_generator(fabric, wish, noise)
        return {"loss": loss_g, "loss_discriminator": loss_d, "right": right, "updates_discriminator": float(updates)}

    def _teach_discriminator(self, fabric: Fabric, real: Tensor, wish: Tensor, noise: float) -> tuple[float, float]:
        """One update; returns the loss, and the share judged right before it."""
        with torch.no_grad():
            fake = self._generate(wish)
        on_real = self.discriminator(_noisy(real, noise), wish)
        on_fake = self.discriminator(_noisy(fake, noise), wish)
        loss = F.binary_cross_entropy_with_logits(on_real, torch.full_like(on_real, REAL_LABEL))
        loss = loss + F.binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))
        self._update(fabric, self.discriminator, self.optimizer_d, loss)
        # Of all devices' clips, for all must take as many updates.
        right = fabric.all_reduce(torch.cat([on_real > 0, on_fake < 0]).float().mean(), reduce_op="mean")
        return float(loss.detach()), float(right)  # type: ignore[arg-type]

    def _teach_generator(self, fabric: Fabric, wish: Tensor, noise: float) -> float:
        self.discriminator.requires_grad_(False)
        logit = self.discriminator(_noisy(self._generate(wish), noise), wish)
        loss = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
        self._update(fabric, self.model, self.optimizer, loss)
        self.discriminator.requires_grad_(True)
        return float(loss.detach())

    def _update(self, fabric: Fabric, module: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(module, optimizer, max_norm=1.0, error_if_nonfinite=False)
        optimizer.step()

    def _generate(self, wish: Tensor) -> Tensor:
        z = torch.randn(len(wish), self.config.noise, device=wish.device)
        return self.model.generate(z, wish)  # type: ignore[operator]


def _noisy(x: Tensor, deviation: float) -> Tensor:
    return x + deviation * torch.randn_like(x)


def gan_objective(model: Gan, steps: int, options: ObjectiveOptions) -> Objective:  # noqa: ARG001 - none is used
    """The training that the recipe of a GAN names: the study's own, or ours."""
    return PublishedGanObjective(model, steps) if model.published else GanObjective(model, steps)
