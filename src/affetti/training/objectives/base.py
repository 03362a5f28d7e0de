"""The contract of a training objective, and what objectives share: the average of weights, the learning rate.

An objective is a model in training: its loss, its optimizers and what one step updates. The loop
(:func:`affetti.training.loop.train`) calls :meth:`Objective.step` and saves :attr:`Objective.modules` and
:attr:`Objective.optimizers` in checkpoints; it uses nothing else of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from affetti.training.clips import Clips

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from affetti.models.regressors.base import NeuralRegressor
    from affetti.training.objectives.preference import Preference


@dataclass(frozen=True)
class ObjectiveOptions:
    """What an objective may use beside the training clips; each takes what its way of training has a use for."""

    augment: Callable[[Tensor], Tensor] | None = None
    """Acts on normalised log-mels ``[B, M, F]`` of each batch."""
    validation: Clips | None = None
    """Clips of the validation songs, to stop early and to keep the best weights."""
    stop_early: bool = True
    """Whether a student makes use of :attr:`validation`; False: it takes all its steps."""
    teacher: NeuralRegressor | None = None
    """Whose outputs a student learns from."""
    preference: Preference | None = None
    """What a flow is aligned to; None: it is trained from the start."""
    pretrained: bool = False
    """Whether the model has the weights of another run: its latent then stays, and its condition is not faded in."""


class Objective(ABC):
    """A model in training: what is saved, and what one step does."""

    modules: dict[str, nn.Module]
    """All that has weights or buffers to be saved, by name; ``average`` is the model to be used."""
    optimizers: dict[str, torch.optim.Optimizer]
    """By name."""

    @abstractmethod
    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric, once, before the first step."""

    @abstractmethod
    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update.

        Args:
            fabric: the device, and how gradients are computed on it.
            mel: the batch, log-mels ``[B, M, F]`` in dB; waveforms ``[B, T]`` for a model of sound.
            labels: its labels ``[B, 2]`` in [-1, 1], or conditions ``[B, K]`` that begin with them.
            step: number of the step, from 0.

        Returns:
            Values to log, ``loss`` among them.
        """

    @property
    def finished(self) -> bool:
        """Whether training ends before its last step."""
        return False

    @property
    def result(self) -> nn.Module:
        """The model whose weights are to be used."""
        return self.modules["average"]

    def held_out_loss(self, mel: Tensor, labels: Tensor) -> float | None:  # noqa: ARG002 - for those that have one
        """The loss of :attr:`result` on clips that are not trained on; None where such a loss says nothing."""
        return None


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move ``average`` towards ``model``: θ_avg ← d · θ_avg + (1 - d) · θ, with d = min(decay, (1 + s) / (10 + s)).

    The decay d grows from 0.1 with the number of steps s, so that early steps are forgotten. Buffers are copied.
    """
    rate = 1.0 - min(decay, (1.0 + step) / (10.0 + step))
    for averaged, new in zip(average.parameters(), model.parameters(), strict=True):
        averaged.lerp_(new, rate)
    for averaged, new in zip(average.buffers(), model.buffers(), strict=True):
        averaged.copy_(new)


def warm_cosine(step: int, steps: int, warm: int = 50, floor: float = 0.05) -> float:
    """Learning-rate factor at ``step`` of ``steps``: linear over ``warm`` steps, then half a cosine down to ``floor``.

    Example:
        >>> [round(warm_cosine(step, 100, warm=10), 2) for step in (0, 9, 10, 99)]
        [0.1, 1.0, 1.0, 0.05]
    """
    if step < warm:
        return (step + 1) / warm
    progress = (step - warm) / max(1, steps - warm)
    return floor + (1 - floor) * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * progress))))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group of weights."""
    for group in optimizer.param_groups:
        group["lr"] = rate
