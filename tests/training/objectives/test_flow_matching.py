from __future__ import annotations

import math

import pytest
import torch
from tests.material import mels

from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.generators.mel_autoencoder import MelAutoencoder
from affetti.training.loop import make_fabric
from affetti.training.objectives.flow_matching import FlowObjective
from affetti.training.registry import FAMILIES

SHAPE = (16, 64)
LEAN = FlowConfig(latent="autoencoder", components=4, widths=(16, 32), embedding=32, autoencoder_share=0.25)


def objective(shape: tuple[int, int] = SHAPE, config: FlowConfig = LEAN, steps: int = 16) -> FlowObjective:
    torch.manual_seed(0)
    model = Flow(shape, config)
    model.fit_statistics(mels(16, shape), torch.rand(16, 2))
    made = FlowObjective(model, steps)
    made.setup(make_fabric("cpu"))
    return made


def weights(module: torch.nn.Module) -> list[torch.Tensor]:
    return [value.detach().clone() for value in module.parameters()]


def moved(before: list[torch.Tensor], module: torch.nn.Module) -> bool:
    return not all(torch.equal(a, b) for a, b in zip(before, weights(module), strict=True))


def test_the_autoencoder_is_trained_first_and_then_frozen() -> None:
    made, fabric, mel, labels = objective(), make_fabric("cpu"), mels(16, SHAPE), torch.rand(16, 2)
    flow = made.flow
    assert isinstance(flow.latent, MelAutoencoder)
    assert made.latent_steps == 4
    latent, net = weights(flow.latent), weights(flow.net)
    for step in range(4):
        assert "loss" in made.step(fabric, mel, labels, step)
    assert moved(latent, flow.latent)
    assert not moved(net, flow.net)
    encoded = flow.encode(mel)
    torch.testing.assert_close(encoded.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(made.average.encode(mel), encoded)
    latent = weights(flow.latent)
    for step in range(4, 8):
        made.step(fabric, mel, labels, step)
    assert not moved(latent, flow.latent)
    assert moved(net, flow.net)


def test_the_guide_is_trained_in_every_other_of_the_first_steps() -> None:
    config = FlowConfig(patch=4, components=6, widths=(16, 32), embedding=32)
    made, fabric, mel, labels = objective(config=config), make_fabric("cpu"), mels(16, SHAPE), torch.rand(16, 2)
    guided = ["loss_guide" in made.step(fabric, mel, labels, step) for step in range(16)]
    assert guided == [True, False] * 8
    made = objective(config=FlowConfig(patch=4, components=6, widths=(16, 32), embedding=32, guide_width=0))
    assert "loss_guide" not in made.step(fabric, mel, labels, 0)


def test_the_loss_on_held_out_clips_is_the_same_at_every_evaluation() -> None:
    made, mel, labels = objective(), mels(16, SHAPE), torch.rand(16, 2)
    state = torch.random.get_rng_state()
    assert made.held_out_loss(mel, labels) == made.held_out_loss(mel, labels)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_step_at_full_size_runs() -> None:
    config = FlowConfig(**FAMILIES["flow"].settings_at("paper"))
    made, fabric = objective((128, 1_292), config, 10), make_fabric("cpu")
    mel, labels = mels(2, (128, 1_292)), torch.rand(2, 2)
    for step in (0, made.latent_steps - 1, made.latent_steps):
        assert all(math.isfinite(value) for value in made.step(fabric, mel, labels, step).values())
    assert made.average.eval().sample(labels[:1], 0, sampling={"steps": 1}).shape == (1, 128, 1_292)


@pytest.mark.parametrize("kind", ["gan", "flow"])
def test_sizes_change_settings_alone(kind: str) -> None:
    assert FAMILIES[kind].settings_at("paper") == FAMILIES[kind].settings_at("full-band")
    assert FAMILIES[kind].settings_at("tiny") != FAMILIES[kind].settings_at("paper") or kind == "gan"


def test_the_learning_rate_is_a_setting() -> None:
    config = FlowConfig(patch=4, components=6, widths=(16, 32), embedding=32, rate=3e-3)
    made = objective(config=config, steps=200)
    made.step(make_fabric("cpu"), mels(16, SHAPE), torch.rand(16, 2), 49)
    assert made.optimizer["model"].param_groups[0]["lr"] == pytest.approx(3e-3)
