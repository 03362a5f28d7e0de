"""Adversarial training of the waveform GAN: in each step one update of its discriminators and one of its generator.

Summed over the discriminators D_k, with real sound x, generated sound G(z, c), softplus f and the means m_k,l of the
activations of their layers over batch and positions:

    L_D = Σ_k E[f(D_k(G(z, c), c) - D_k(x, c))] + γ / 2 · (R1 + R2),
    L_G = Σ_k E[f(D_k(x, c) - D_k(G(z, c), c))] + λ · mean_k,l |m_k,l(x) - m_k,l(G(z, c))|,

the relativistic loss (Jolicoeur-Martineau 2019) with penalties on the gradient of the discriminators in what they
analyse (Mescheder et al. 2018; Huang et al. 2024), computed every few steps, and feature matching (Salimans et al.
2016).
"""

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
        """Put modules and optimizers in the hands of Fabric."""
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
        condition = self.fields.jitter(labels, self.raw.bandwidth)
        fake = self._generate(condition, real.shape[1])
        penalise = self.config.gamma > 0 and step % self.config.penalty_every == 0
        output = self.discriminator(real, condition, sloped=penalise)
        output_fake = self.discriminator(fake.detach(), condition, sloped=penalise)
        loss_d = relativistic(output, output_fake)
        total, penalty = loss_d, torch.zeros(())
        if penalise:
            penalty = gradient_penalty(output) + gradient_penalty(output_fake)
            total = loss_d + self.config.gamma * self.config.penalty_every * penalty
        self.optimizer_d.zero_grad()
        fabric.backward(total)
        self.optimizer_d.step()

        # The outputs for real clips are those of a moment ago: to compute them again costs a fifth more.
        output = [one.detached() for one in output]
        self.discriminator.requires_grad_(False)
        output_fake = self.discriminator(fake, condition)
        loss_g = relativistic(output_fake, output)
        matched = feature_matching(output, output_fake)
        self.optimizer.zero_grad()
        fabric.backward(loss_g + self.config.matching * matched)
        self.optimizer.step()
        self.discriminator.requires_grad_(True)
        update_average(self.average, self.modules["model"], step, 0.5 ** (20 / self.steps))
        values = {"loss": loss_g, "loss_discriminator": loss_d, "matching": matched}
        logged = {key: float(value.detach()) for key, value in values.items()}
        return logged | ({"penalty": float(penalty.detach())} if penalise else {})

    def _generate(self, condition: Tensor, samples: int) -> Tensor:
        z = torch.randn(len(condition), self.config.noise, device=condition.device)
        made = self.model.generate(z, condition)  # type: ignore[operator]
        return made[:, :samples] if samples <= made.shape[1] else F.pad(made, (0, samples - made.shape[1]))


def waveform_objective(model: Waveform, steps: int, options: ObjectiveOptions) -> Objective:  # noqa: ARG001 - none is used
    """The training of a waveform GAN."""
    return WaveformGanObjective(model, steps)
