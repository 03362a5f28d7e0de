from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from tests.material import mels
from torch import nn

from affetti import metrics
from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.generators.gan import Gan, GanConfig
from affetti.models.regressors.student import Student, StudentConfig
from affetti.training.loop import make_fabric
from affetti.training.objectives.adversarial import GanObjective
from affetti.training.objectives.base import update_average, warm_cosine
from affetti.training.objectives.flow_matching import FlowObjective
from affetti.training.objectives.regression import RegressionObjective, concordance_loss

SHAPE = (32, 48)


def test_the_loss_is_one_minus_concordance_and_a_squared_error() -> None:
    torch.manual_seed(0)
    target = torch.rand(64, 2) * 2 - 1
    prediction = 0.6 * target + 0.2 + 0.3 * torch.randn(64, 2)
    expected = 1 - metrics.concordance(prediction, target) + float((prediction - target).square().mean())
    assert float(concordance_loss(prediction, target)) == pytest.approx(expected, abs=1e-4)
    assert float(concordance_loss(target, target)) == pytest.approx(0, abs=1e-4)
    assert concordance_loss(-target, target) > 2


def test_the_loss_of_a_constant_guess_has_a_gradient() -> None:
    prediction = torch.zeros(8, 2, requires_grad=True)
    concordance_loss(prediction, torch.rand(8, 2)).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    assert prediction.grad.abs().sum() > 0


def test_the_average_follows_the_weights() -> None:
    average, model = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    nn.init.constant_(average.weight, 1.0)
    nn.init.constant_(model.weight, 2.0)
    model.running_mean = torch.full((3,), 5.0)
    update_average(average, model, 0, 0.99)
    assert average.weight[0].item() == pytest.approx(1.9), "at first a tenth is kept"
    assert average.running_mean is not None
    assert average.running_mean[0] == 5, "buffers are copied"
    nn.init.constant_(average.weight, 1.0)
    update_average(average, model, 10**6, 0.99)
    assert average.weight[0].item() == pytest.approx(1.01)


def test_the_rate_warms_up_and_falls_to_its_floor() -> None:
    rates = [warm_cosine(step, 200, 50, 0.05) for step in range(201)]
    assert rates[0] == pytest.approx(1 / 50)
    assert max(rates) == 1
    assert rates[125] == pytest.approx(0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * 75 / 150)))
    assert rates[-1] == pytest.approx(0.05)
    assert np.all(np.diff(rates[:50]) > 0)
    assert np.all(np.diff(rates[51:]) < 0)


def objective(kind: str) -> Any:
    torch.manual_seed(0)
    mel = mels(16, SHAPE)
    if kind == "flow":
        model: Any = Flow(SHAPE, FlowConfig(widths=(16, 32), embedding=32, components=8))
        model.fit_statistics(mel, torch.rand(16, 2))
        return FlowObjective(model, 80)
    if kind == "gan":
        model = Gan(SHAPE, GanConfig(width=32, embedding=32, discriminator_width=16))
        model.fit_statistics(mel, torch.rand(16, 2))
        return GanObjective(model, 80)
    model = Student(SHAPE, StudentConfig(8))
    model.fit_statistics(mel, torch.rand(16, 2))
    return RegressionObjective(model, 80)


def weights(module: nn.Module) -> list[torch.Tensor]:
    return [value.detach().clone() for value in module.parameters()]


@pytest.mark.parametrize("kind", ["flow", "gan", "student"])
def test_a_step_moves_every_weight_that_is_used(kind: str) -> None:
    made, fabric = objective(kind), make_fabric("cpu")
    made.setup(fabric)
    before = {name: weights(module) for name, module in made.modules.items()}
    labels = torch.rand(16, 2) * 2 - 1
    logged: dict[str, float] = {}
    for step in range(6):
        logged = made.step(fabric, mels(16, SHAPE), labels, step)
    assert all(math.isfinite(value) for value in logged.values())
    for name, module in made.modules.items():
        named = dict(module.named_parameters())
        still = [
            key for key, old, new in zip(named, before[name], named.values(), strict=True) if torch.equal(old, new)
        ]
        # The GAN never withholds its condition, and its loss knows no absolute level of logits.
        assert set(still) <= {
            "condition.nulls.emotion",
            "embed.nulls.emotion",
            "patch_embed.nulls.emotion",
            "out.bias",
            "patch_out.bias",
        }, name
    assert not torch.equal(weights(made.modules["model"])[-1], weights(made.modules["average"])[-1])


def test_each_side_of_the_gan_is_trained_on_its_own_loss() -> None:
    made, fabric = objective("gan"), make_fabric("cpu")
    made.setup(fabric)
    labels = torch.rand(16, 2) * 2 - 1
    assert "penalty" in made.step(fabric, mels(16, SHAPE), labels, 0)
    assert "penalty" not in made.step(fabric, mels(16, SHAPE), labels, 1)
    assert all(value.requires_grad for value in made.modules["discriminator"].parameters())
    before = {name: weights(module) for name, module in made.modules.items()}
    made.optimizer.step = lambda: None  # the generator stands still
    made.step(fabric, mels(16, SHAPE), labels, 2)
    assert all(torch.equal(a, b) for a, b in zip(before["model"], weights(made.modules["model"]), strict=True))
    assert not torch.equal(before["discriminator"][0], weights(made.modules["discriminator"])[0])


@pytest.mark.parametrize("kind", ["flow", "student"])
def test_training_lowers_the_loss(kind: str) -> None:
    made, fabric = objective(kind), make_fabric("cpu")
    made.setup(fabric)
    mel = mels(16, SHAPE)
    labels = torch.stack([(mel.mean(dim=(1, 2)) + 40) / 4, torch.linspace(-0.5, 0.5, 16)], dim=1).clamp(-1, 1)
    losses = []
    for step in range(80):
        torch.manual_seed(step)
        losses.append(made.step(fabric, mel, labels, step)["loss"])
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])


def test_the_students_augmentation_is_used() -> None:
    torch.manual_seed(0)
    model = Student(SHAPE, StudentConfig(8))
    seen = []
    made = RegressionObjective(model, 20, augment=lambda x: seen.append(x.shape) or x * 0)
    fabric = make_fabric("cpu")
    made.setup(fabric)
    made.step(fabric, mels(4, SHAPE), torch.rand(4, 2), 0)
    assert seen == [(4, *SHAPE)]
