from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.material import mels
from torch import nn

from affetti.models.generators.gan import Gan, GanConfig
from affetti.training.loop import make_fabric
from affetti.training.objectives.published_gan import PublishedGanObjective

SHAPE = (32, 48)


def objective(steps: int = 40, clips: int = 32) -> PublishedGanObjective:
    torch.manual_seed(0)
    model = Gan(SHAPE, GanConfig(recipe="published", embedding=32))
    model.fit_statistics(mels(clips, SHAPE), torch.rand(clips, 2))
    made = PublishedGanObjective(model, steps)
    made.setup(make_fabric("cpu"))
    return made


def step(made: PublishedGanObjective, number: int) -> dict[str, float]:
    return made.step(make_fabric("cpu"), mels(16, SHAPE), torch.rand(16, 2) * 2 - 1, number)


class Fixed(nn.Module):
    """A discriminator that is right on a given share of the clips, as long as real and generated clips alternate."""

    def __init__(self, right: float) -> None:
        super().__init__()
        self.right, self.calls = right, 0
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        sign = 1.0 if self.calls % 2 == 0 else -1.0
        self.calls += 1
        right = torch.arange(len(x)) < self.right * len(x)
        return torch.where(right, sign, -sign) + self.weight + 0 * x.mean(dim=(1, 2))


@pytest.mark.parametrize(("right", "updates", "generator"), [(0.25, 3, 1), (0.75, 1, 1), (1.0, 1, 2)])
def test_the_weaker_side_is_trained_more(
    monkeypatch: pytest.MonkeyPatch, right: float, updates: int, generator: int
) -> None:
    made = objective()
    made.discriminator = Fixed(right)
    counted: list[Any] = []
    monkeypatch.setattr(made, "_update", lambda _, module, *__: counted.append(module is made.model))
    logged = step(made, 0)
    assert logged["right"] == pytest.approx(right)
    assert logged["updates_discriminator"] == updates
    assert counted == [False] * updates + [True] * generator


def test_rates_and_noise_fall_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    made, noises = objective(), []
    noisy = "affetti.training.objectives.published_gan._noisy"
    monkeypatch.setattr(noisy, lambda x, deviation: noises.append(deviation) or x)
    for number, epoch in ((0, 0), (1, 0), (2, 1), (20, 10)):
        step(made, number)
        assert made.optimizer.param_groups[0]["lr"] == pytest.approx(2e-4 * 0.99**epoch)
        assert made.optimizer_d.param_groups[0]["lr"] == pytest.approx(1e-4 * 0.99**epoch)
        assert noises[-1] == pytest.approx(0.1 * (1 - number / 40))
    assert made.optimizer.param_groups[0]["betas"] == (0.5, 0.999)


def test_the_gradient_is_clipped_to_one() -> None:
    made = objective()
    made.step(make_fabric("cpu"), 1000 * mels(16, SHAPE), torch.rand(16, 2), 0)
    gradients = [value.grad for value in made.modules["average"].parameters() if value.grad is not None]
    assert float(torch.stack([g.norm() for g in gradients]).norm()) <= 1.0001
