from __future__ import annotations

import math

import torch
from torch import nn

from affetti.models.generators.vocoded import Vocoded, VocodedConfig
from affetti.training.loop import make_fabric
from affetti.training.objectives.vocoded import VocodedObjective

SAMPLES = 15 * 1_024


def sounds() -> torch.Tensor:
    time = torch.arange(SAMPLES) / 22_050
    pitch = 200 * torch.arange(1, 5)[:, None]
    return 0.3 * torch.sin(2 * math.pi * pitch * time) * torch.exp(-3 * time)


LABELS = torch.linspace(-0.9, 0.9, 8).reshape(4, 2)


def objective(steps: int = 40) -> VocodedObjective:
    torch.manual_seed(0)
    flow = {"widths": (16,), "embedding": 16, "components": 4, "guide_width": 8}
    model = Vocoded((64, 16), VocodedConfig(**flow, head_width=16, head_blocks=1))  # type: ignore[arg-type]
    model.fit_statistics(sounds(), LABELS)
    made = VocodedObjective(model, steps)
    made.setup(make_fabric("cpu"))
    return made


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def run(made: VocodedObjective, steps: int) -> list[dict[str, float]]:
    logged = []
    for step in range(steps):
        torch.manual_seed(step)
        logged.append(made.step(make_fabric("cpu"), sounds(), LABELS, step))
    return logged


def test_a_step_moves_flow_and_head_and_their_averages() -> None:
    made = objective()
    before = {name: weights(module) for name, module in made.modules.items()}
    run(made, 3)
    for name, module in made.modules.items():
        moved = {key for key, value in module.named_parameters() if not torch.equal(before[name][key], value)}
        assert any(key.startswith("flow.net") for key in moved), name
        assert any(key.startswith("flow.guide") for key in moved) or name == "average"
        assert {key for key, _ in module.named_parameters() if key.startswith("head.")} <= moved, name


def test_the_average_holds_the_average_of_the_flow() -> None:
    made = objective()
    run(made, 2)
    average = made.modules["average"]
    assert isinstance(average, Vocoded)
    assert average.flow is made.flow.modules["average"]


def test_both_losses_fall() -> None:
    logged = run(objective(), 40)
    assert logged[-1]["loss_stft"] < 0.8 * logged[0]["loss_stft"]
    assert sum(line["loss"] for line in logged[-10:]) < sum(line["loss"] for line in logged[:10])


def test_the_head_is_trained_on_the_clips_own_log_mels() -> None:
    made, wave = objective(), sounds()
    first = run(made, 1)[0]["loss_stft"]
    again = objective()
    assert first == float(again.raw.head.loss(again.raw.to_mel(wave), wave).detach())
