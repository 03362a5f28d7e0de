"""One step of the waveform GAN: its discriminators' update and its generator's."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.models.generators.waveform import Waveform
from affetti.models.generators.waveform_discriminator import feature_matching, gradient_penalty, relativistic
from affetti.training.objectives.adversarial import BETAS, FINAL_RATE
from affetti.training.objectives.base import Objective, ObjectiveOptions, set_learning_rate, update_average, warm_cosine

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class WaveformGanObjective(Objective):
    """Relativistic GAN with lazy R1 and R2 and feature matching; ``step`` takes waveforms ``[B, T]``."""

    def __init__(self, model: Waveform, steps: int) -> None:
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
        # The model, not its buffers: moving it to a device puts others in their place.
        self.steps, self.raw, self.fields = steps, model, model.fields

    def setup(self, fabric: Fabric) -> None:
        """Hand over to Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("generate")  # type: ignore[operator]
        self.discriminator, self.optimizer_d = fabric.setup(self.discriminator, self.optimizers["discriminator"])
        fabric.to_device(self.average)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update of each side; ``mel`` holds waveforms ``[B, T]``, T at most the window."""
        rate = self.config.rate * warm_cosine(step, self.steps, floor=FINAL_RATE)
        set_learning_rate(self.optimizer, rate)
        set_learning_rate(self.optimizer_d, rate)
        real = mel / self.raw.scale
        wish = self.fields.jitter(labels, self.raw.bandwidth)
        fake = self._generate(wish, real.shape[1])
        penalise = self.config.gamma > 0 and step % self.config.penalty_every == 0
        heard = self.discriminator(real, wish, sloped=penalise)
        heard_fake = self.discriminator(fake.detach(), wish, sloped=penalise)
        loss_d = relativistic(heard, heard_fake)
        total, penalty = loss_d, torch.zeros(())
        if penalise:
            penalty = gradient_penalty(heard) + gradient_penalty(heard_fake)
            total = loss_d + self.config.gamma * self.config.penalty_every * penalty
        self.optimizer_d.zero_grad()
        fabric.backward(total)
        self.optimizer_d.step()

        # As heard a moment ago: to hear the real clips again costs a fifth more.
        heard = [verdict.detached() for verdict in heard]
        self.discriminator.requires_grad_(False)
        heard_fake = self.discriminator(fake, wish)
        loss_g = relativistic(heard_fake, heard)
        matched = feature_matching(heard, heard_fake)
        self.optimizer.zero_grad()
        fabric.backward(loss_g + self.config.matching * matched)
        self.optimizer.step()
        self.discriminator.requires_grad_(True)
        update_average(self.average, self.modules["model"], step, 0.5 ** (20 / self.steps))
        values = {"loss": loss_g, "loss_discriminator": loss_d, "matching": matched}
        logged = {key: float(value.detach()) for key, value in values.items()}
        return logged | ({"penalty": float(penalty.detach())} if penalise else {})

    def _generate(self, wish: Tensor, samples: int) -> Tensor:
        z = torch.randn(len(wish), self.config.noise, device=wish.device)
        made = self.model.generate(z, wish)  # type: ignore[operator]
        return made[:, :samples] if samples <= made.shape[1] else F.pad(made, (0, samples - made.shape[1]))


def waveform_objective(model: Waveform, steps: int, options: ObjectiveOptions) -> Objective:  # noqa: ARG001 - none is used
    """The training of a waveform GAN."""
    return WaveformGanObjective(model, steps)
