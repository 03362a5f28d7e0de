from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from affetti.models.generators.waveform import Waveform, WaveformConfig
from affetti.training.loop import make_fabric
from affetti.training.objectives.waveform_adversarial import WaveformGanObjective

SAMPLES = 4000


def sounds(count: int = 4) -> torch.Tensor:
    time = torch.arange(SAMPLES) / 22_050
    pitch = 200 * torch.arange(1, count + 1)[:, None]
    return 0.3 * torch.sin(2 * math.pi * pitch * time)


def objective(**settings: Any) -> WaveformGanObjective:
    torch.manual_seed(0)
    lean = {"width": 8, "discriminator_width": 4, "embedding": 16, "window": 4096, "fade_samples": 256}
    model = Waveform((64, 128), WaveformConfig(**(lean | settings)))
    model.fit_statistics(sounds(), labels())
    made = WaveformGanObjective(model, 40)
    made.setup(make_fabric("cpu"))
    return made


def labels() -> torch.Tensor:
    return torch.linspace(-0.9, 0.9, 8).reshape(4, 2)


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def run(made: WaveformGanObjective, steps: int) -> list[dict[str, float]]:
    logged = []
    for step in range(steps):
        torch.manual_seed(step)
        logged.append(made.step(make_fabric("cpu"), sounds(), labels(), step))
    return logged


def test_a_step_moves_every_weight_that_is_used() -> None:
    made = objective()
    before = {name: weights(module) for name, module in made.modules.items()}
    logged = run(made, 3)
    assert all(math.isfinite(value) for line in logged for value in line.values())
    for name, module in made.modules.items():
        still = {key for key, value in module.named_parameters() if torch.equal(before[name][key], value)}
        # Valence and arousal are never withheld; the loss knows no level of logits.
        assert all(key.endswith(("nulls.emotion", ".out.bias")) for key in still), still


def test_penalties_are_lazy_and_may_be_left_out() -> None:
    assert ["penalty" in line for line in run(objective(penalty_every=2), 3)] == [True, False, True]
    assert "penalty" not in run(objective(gamma=0.0), 1)[0]


def test_matching_is_the_generators_affair() -> None:
    without, with_it = objective(matching=0.0, gamma=0.0), objective(matching=9.0, gamma=0.0)
    for made in (without, with_it):
        run(made, 1)
    first = [weights(made.modules["discriminator"]) for made in (without, with_it)]
    assert all(torch.equal(value, first[1][name]) for name, value in first[0].items())
    second = [weights(made.modules["model"]) for made in (without, with_it)]
    assert any(not torch.equal(value, second[1][name]) for name, value in second[0].items())
