"""Alignment of a flow: fine-tuning it to prefer real clips to its own.

A pair is a real clip's latent x⁺ and that of a clip x⁻ which the flow made for the same condition c. With noise ε and a
time t shared by both, and the squared error e_θ(x) = ‖v_θ((1 - t) x + t ε, t, c) - (ε - x)‖² / D of the velocity,

    L = -E log σ(-β/2 [(e_θ(x⁺) - e_ref(x⁺)) - (e_θ(x⁻) - e_ref(x⁻))]),

the loss of Diffusion-DPO (Wallace et al. 2023, arXiv 2311.12908, eq. 14) with the error of the velocity for that of the
noise, as in Flow-DPO (Liu et al. 2025, arXiv 2501.13918); D is the size of a latent, as in the code of the former. The
reference is the flow before, frozen. Synthio (Ghosh et al. 2024, arXiv 2410.02056) aligned a generator of audio in this
way before augmenting with it.

β is the weight of staying near the reference: training on a pair ends where its margin exceeds some 2/β, so that a
small β moves the flow farther. With β = 0 the loss is log 2 and its gradient 0.

When not to use: as a measure of quality. The loss falls too where the errors on real and on own clips both rise; the
log has both (``real_error``, ``own_error``, relative to the reference).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.errors import UsageError
from affetti.models.generators.flow import Flow
from affetti.training.objectives.base import Objective, ObjectiveOptions, set_learning_rate, update_average, warm_cosine
from affetti.training.objectives.flow_matching import FlowObjective, held_out_flow_loss

if TYPE_CHECKING:
    from lightning_fabric import Fabric

RATE = 1e-4
"""Learning rate, a tenth of a new flow's."""


@dataclass(frozen=True)
class Preference:
    """What a flow is aligned to."""

    reference: Flow
    """The flow before."""
    beta: float
    """β, ≥ 0."""

    def __post_init__(self) -> None:
        if not 0 <= self.beta < math.inf:
            raise UsageError(f"beta {self.beta:g}", where="--beta", hint="give a number from 0, such as 500")


class PreferenceObjective(Objective):
    """The loss above with AdamW, without weight decay and dropout, and a moving average of weights.

    A batch is of pairs: log-mels ``[B, 2, M, F]``, the real clip and then the flow's own, see
    :class:`affetti.training.own_clips.PairedClips`. Latent and guide stay as they are.
    """

    def __init__(
        self, model: Flow, steps: int, preference: Preference, rate: float = RATE, decay: float = 0.998
    ) -> None:
        self.flow = model.eval()  # reference and model differ by their weights alone, not by dropout
        self.model: nn.Module = model
        self.average = copy.deepcopy(model)
        self.modules: dict[str, nn.Module] = {"model": model, "average": self.average}
        self.reference = copy.deepcopy(preference.reference).eval().requires_grad_(False)
        self.beta, self.steps, self.rate, self.decay = preference.beta, steps, rate, decay
        for frozen in (model.latent, model.guide):
            if frozen is not None:
                frozen.requires_grad_(False)
        learnt = [value for value in model.parameters() if value.requires_grad]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "model": torch.optim.AdamW(learnt, rate, betas=(0.9, 0.99), weight_decay=0.0)
        }

    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric."""
        self.model, self.optimizer = fabric.setup(self.model, self.optimizers["model"])
        self.model.mark_forward_method("velocity_errors")  # type: ignore[operator]
        fabric.to_device(self.average)
        fabric.to_device(self.reference)

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update."""
        with torch.no_grad():
            latent = self.flow.encode(torch.cat([mel[:, 0], mel[:, 1]]))
            drawn = [torch.cat([each, each]) for each in self.flow.draw(latent[: len(mel)], labels)]
            before = self.reference.velocity_errors(latent, *drawn)
        errors = self.model.velocity_errors(latent, *drawn)  # type: ignore[operator]
        real, own = (errors - before).chunk(2)
        loss = preference_loss(real, own, self.beta)
        set_learning_rate(self.optimizers["model"], self.rate * warm_cosine(step, self.steps))
        self.optimizer.zero_grad()
        fabric.backward(loss)
        norm = fabric.clip_gradients(self.model, self.optimizer, max_norm=1.0, error_if_nonfinite=False)
        self.optimizer.step()
        update_average(self.average, self.flow, step, self.decay)
        return {
            "loss": float(loss.detach()),
            "gradient_norm": float(norm),  # type: ignore[arg-type]
            "real_error": float(real.detach().mean()),
            "own_error": float(own.detach().mean()),
            "preferred": float((real < own).double().mean()),
        }

    def held_out_loss(self, mel: Tensor, labels: Tensor) -> float:
        """The flow-matching loss of the averaged model on clips that are not trained on."""
        return held_out_flow_loss(self.average, mel, labels)


def preference_loss(real: Tensor, own: Tensor, beta: float) -> Tensor:
    """The mean over pairs of -log σ(-β/2 (real - own)).

    Args:
        real: errors ``[B]`` on real clips, less those of the reference.
        own: the same on the flow's own clips.
        beta: β, ≥ 0.

    Example:
        >>> round(float(preference_loss(torch.tensor([-0.1]), torch.tensor([0.1]), 10.0)), 4)  # log(1 + e⁻¹)
        0.3133
    """
    return F.softplus(beta / 2 * (real - own)).mean()


def flow_objective(model: Flow, steps: int, options: ObjectiveOptions) -> Objective:
    """The training of a flow: flow matching, or alignment where there is a preference."""
    if options.preference is not None:
        return PreferenceObjective(model, steps, options.preference)
    return FlowObjective(model, steps, trains_latent=not options.pretrained)
