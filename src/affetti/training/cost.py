"""What training costs on this machine: measured by a few steps in memory, for dry runs and budgets.

A measurement holds for a machine that is as busy later as it was then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from affetti.training.clips import Clips
from affetti.training.device import Hardware
from affetti.training.fit import fit
from affetti.training.loop import LoopConfig
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import family

PROBE_STEPS = 8
"""Steps that are timed."""


@dataclass(frozen=True)
class TrainingCost:
    """Seconds of a training run: ``setup + steps * step``."""

    setup: float
    step: float
    """Of one step; 0 for a model that is fitted in closed form."""
    model: nn.Module
    """The model that was trained for a few steps."""

    def seconds(self, steps: int) -> float:
        """Seconds that ``steps`` steps would take."""
        return self.setup + self.step * steps


def measure_training(
    kind: str,
    make: Callable[[], nn.Module],
    clips: Clips,
    batch_size: int,
    hardware: Hardware = Hardware(),
    options: ObjectiveOptions = ObjectiveOptions(),
) -> TrainingCost:
    """Time a run of one step, and the difference that :data:`PROBE_STEPS` more steps make.

    Args:
        kind: family of the model.
        make: returns an untrained model, a new one at each call.
        clips: training clips.
        batch_size: clips a step.
        hardware: where it is trained.
        options: what else its objective takes, such as a teacher.

    Raises:
        InputError, TrainingError: see :func:`affetti.training.fit.fit`.
    """
    trained: list[nn.Module] = []

    def train(steps: int) -> float:
        model, loop = make(), LoopConfig(steps, batch_size, 0)
        return seconds_of(lambda: trained.append(fit(kind, model, clips, loop, options, hardware=hardware)[1]))

    train(1)  # the first call also imports and warms up
    setup = train(1)
    if family(kind).closed_form is not None:
        return TrainingCost(setup, 0.0, trained[-1])
    step = max(1e-6, train(1 + PROBE_STEPS) - setup) / PROBE_STEPS
    return TrainingCost(setup, step, trained[-1])


def seconds_of(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
