from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from tests.material import mels
from torch import nn

from affetti.models.generators.conditioning import Fields
from affetti.models.generators.gan import Gan, GanConfig
from affetti.training.loop import make_fabric
from affetti.training.objectives.adversarial import GanObjective
from affetti.training.objectives.base import ObjectiveOptions, warm_cosine
from affetti.training.objectives.published_gan import PublishedGanObjective, gan_objective

SHAPE = (32, 48)
FIELDS = Fields(mode=True, genres=("jazz", "rock"))
LEAN: dict[str, Any] = {"width": 16, "embedding": 32, "discriminator_width": 16}


def objective(steps: int = 80, fields: Fields = FIELDS, **settings: Any) -> Any:
    torch.manual_seed(0)
    model = Gan(SHAPE, GanConfig(**(LEAN | settings)), fields)
    model.fit_statistics(mels(16, SHAPE), conditions())
    made = gan_objective(model, steps, ObjectiveOptions())
    made.setup(make_fabric("cpu"))
    return made


def conditions() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.cat([2 * torch.rand(16, 2, generator=generator) - 1, (torch.arange(16) % 2)[:, None].repeat(1, 2)], 1)


def run(made: Any, steps: int) -> list[dict[str, float]]:
    logged = []
    for step in range(steps):
        torch.manual_seed(step)
        logged.append(made.step(make_fabric("cpu"), mels(16, SHAPE), conditions(), step))
    return logged


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def still(before: dict[str, torch.Tensor], module: nn.Module) -> set[str]:
    return {name for name, value in module.named_parameters() if torch.equal(before[name], value)}


@pytest.mark.parametrize("settings", [{}, {"stem": 2}, {"regularizer": "spectral"}, {"recipe": "published"}])
def test_a_step_moves_every_weight_that_is_used(settings: dict[str, Any]) -> None:
    made = objective(**settings)
    before = {name: weights(module) for name, module in made.modules.items()}
    run(made, 3)
    for name, module in made.modules.items():
        requested = settings.get("recipe") != "published"
        # Specified fields do not use the null, unspecified ones not the encoder; losses of differences know no level.
        unused = (".nulls.", "out.bias") if requested else (".nulls.emotion", ".encoders.mode", ".encoders.genre")
        left = {key for key in still(before[name], module) if not any(part in f".{key}" for part in unused)}
        assert not left, name


def test_penalties_are_lazy_and_weighted_by_their_rule() -> None:
    made = objective(penalty_every=3)
    assert ["penalty" in line for line in run(made, 7)] == [True, False, False] * 2 + [True]
    assert not any("penalty" in line for line in run(objective(regularizer="spectral"), 2))


def test_the_penalty_weighs_what_it_is_left_out() -> None:
    class Fabric:
        world_size = 1
        totals: ClassVar[list[float]] = []

        def backward(self, loss: torch.Tensor) -> None:
            self.totals.append(float(loss.detach()))
            loss.backward()

    made = objective(gamma=2.5, penalty_every=4)
    for step, weight in ((0, 10.0), (1, 0.0), (4, 10.0)):
        logged = made.step(Fabric(), mels(16, SHAPE), conditions(), step)
        expected = logged["loss_discriminator"] + weight * logged.get("penalty", 0.0)
        assert Fabric.totals[-2] == pytest.approx(expected, rel=1e-5)
        assert Fabric.totals[-1] == pytest.approx(logged["loss"])


def test_each_side_is_trained_on_its_own_loss() -> None:
    made = objective()
    run(made, 1)
    assert all(value.requires_grad for value in made.modules["discriminator"].parameters())
    before = {name: weights(module) for name, module in made.modules.items()}
    made.optimizer.step = lambda: None  # the generator stands still
    made.step(make_fabric("cpu"), mels(16, SHAPE), conditions(), 2)
    assert still(before["model"], made.modules["model"]) == set(before["model"])
    assert still(before["discriminator"], made.modules["discriminator"]) != set(before["discriminator"])


def test_the_condition_fades_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made, seen = objective(steps=40, fade=0.5), []
    discriminate, generate = made._discriminate, made._generate
    monkeypatch.setattr(
        made, "_discriminate", lambda x, condition, fade: seen.append(fade) or discriminate(x, condition, fade)
    )
    monkeypatch.setattr(made, "_generate", lambda condition, fade: seen.append(fade) or generate(condition, fade))
    for step in (0, 10, 20, 30):
        made.step(make_fabric("cpu"), mels(16, SHAPE), conditions(), step)
    assert seen == [0.0] * 5 + [0.5] * 5 + [1.0] * 10


def test_the_weight_of_the_old_average_halves_in_a_half_life() -> None:
    assert objective(half_life=1600)._decay(16) ** 100 == pytest.approx(0.5)
    assert objective(steps=200)._decay(16) ** 10 == pytest.approx(0.5), "a twentieth of the training"


def test_spectral_norm_lets_the_discriminator_learn_faster() -> None:
    for regularizer, times in (("r1r2", 1), ("spectral", 2)):
        made = objective(regularizer=regularizer, rate=1e-3)
        run(made, 1)
        rates = [optimizer.param_groups[0]["lr"] for optimizer in (made.optimizers["model"], made.optimizer_d)]
        assert rates == pytest.approx([1e-3 * warm_cosine(0, 80), times * 1e-3 * warm_cosine(0, 80)])


def test_the_recipe_chooses_the_training() -> None:
    assert isinstance(objective(), GanObjective)
    assert isinstance(objective(recipe="published"), PublishedGanObjective)
