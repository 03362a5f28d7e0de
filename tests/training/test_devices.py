"""Tensors on two devices, detected without a second device: modules are moved to ``meta`` as to any other device."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.generators.gan import Gan, GanConfig
from affetti.models.generators.waveform import Waveform, WaveformConfig
from affetti.training.objectives.adversarial import GanObjective
from affetti.training.objectives.base import Objective
from affetti.training.objectives.flow_matching import FlowObjective
from affetti.training.objectives.published_gan import PublishedGanObjective
from affetti.training.objectives.waveform_adversarial import WaveformGanObjective

SHAPE = (64, 128)
OBJECTIVES: dict[str, Any] = {
    "gan": lambda: GanObjective(Gan(SHAPE), 4),
    "spectral": lambda: GanObjective(Gan(SHAPE, GanConfig(regularizer="spectral")), 4),
    "published": lambda: PublishedGanObjective(Gan(SHAPE, GanConfig(recipe="published")), 4),
    "flow": lambda: FlowObjective(Flow(SHAPE), 4),
    "autoencoder": lambda: FlowObjective(Flow(SHAPE, FlowConfig(latent="autoencoder", components=8)), 4),
    "waveform": lambda: WaveformGanObjective(Waveform(SHAPE, WaveformConfig(width=8, discriminator_width=4)), 4),
}


class Mover:
    """The part of Fabric that hands modules over to a device."""

    device = torch.device("meta")

    def setup(self, module: nn.Module, *optimizers: torch.optim.Optimizer) -> Any:
        """Move a module; optimizers go on holding its parameters."""
        module.mark_forward_method = str  # type: ignore[assignment] # anything that takes a name
        return (module.to(self.device), *optimizers)

    def to_device(self, module: nn.Module) -> nn.Module:
        """Move a module."""
        return module.to(self.device)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_an_objective_keeps_no_tensor_on_another_device(name: str) -> None:
    # Module.to puts new buffers in the place of old ones: an objective that kept one would meet it on the CPU.
    objective: Objective = OBJECTIVES[name]()
    objective.setup(Mover())  # type: ignore[arg-type]
    held = {key: value for key, value in vars(objective).items() if isinstance(value, Tensor)}
    assert not held, f"read it from the model when it is needed: {list(held)}"
    for value in vars(objective).values():
        if isinstance(value, nn.Module):
            tensors = [*value.parameters(), *value.buffers()]
            assert {tensor.device.type for tensor in tensors} <= {"meta"}
