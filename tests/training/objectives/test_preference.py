from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from tests.material import mels, stir

from affetti.errors import UsageError
from affetti.models.generators.flow import Flow, FlowConfig
from affetti.training.loop import make_fabric
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.objectives.flow_matching import FlowObjective
from affetti.training.objectives.preference import (
    Preference,
    PreferenceObjective,
    flow_objective,
    preference_loss,
)

SHAPE = (16, 64)
LEAN = FlowConfig(patch=4, components=6, widths=(16, 32), embedding=32, dropout=0.2)


def flow() -> Flow:
    torch.manual_seed(0)
    model = Flow(SHAPE, LEAN)
    model.fit_statistics(mels(16, SHAPE), torch.rand(16, 2))
    stir(model.net)
    return model


def objective(beta: float, steps: int = 60) -> PreferenceObjective:
    model = flow()
    made = PreferenceObjective(copy.deepcopy(model), steps, Preference(model, beta), rate=1e-3)
    made.setup(make_fabric("cpu"))
    return made


def pairs(count: int = 8) -> torch.Tensor:
    """Real clips, and clips that differ from them by a tilt."""
    real = mels(count, SHAPE)
    return torch.stack([real, real.flip(1) - 10.0], dim=1)


def require_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)


def gradients(made: PreferenceObjective) -> torch.Tensor:
    parts = [value.grad.flatten() for value in made.flow.net.parameters() if value.grad is not None]
    return torch.cat(parts)


def test_the_loss_is_that_of_the_paper_computed_by_hand() -> None:
    generator = np.random.default_rng(0)
    real, own, beta = generator.normal(size=5), generator.normal(size=5), 3.7
    sigmoid = 1 / (1 + np.exp(beta / 2 * (real - own)))
    expected = -np.log(sigmoid).mean()
    assert float(preference_loss(torch.tensor(real), torch.tensor(own), beta)) == pytest.approx(expected, rel=1e-12)


def test_a_step_computes_the_loss_of_both_errors_at_one_time_and_noise() -> None:
    made, mel, labels = objective(50.0), pairs(4), torch.rand(4, 2)
    stir(made.flow.net, seed=5, size=0.05)
    model, reference = copy.deepcopy(made.flow), made.reference
    torch.manual_seed(3)
    logged = made.step(make_fabric("cpu"), mel, labels, 0)
    torch.manual_seed(3)
    conditions = model.fields.drop(model.fields.jitter(labels, model.bandwidth), model.config.drop)
    t = torch.sigmoid(torch.randn(4))
    noise = torch.randn_like(model.encode(mel[:, 0]))
    gains: list[torch.Tensor] = []
    with torch.no_grad():
        for place in (0, 1):
            latent = model.encode(mel[:, place])
            mixed = (1 - t)[:, None, None, None] * latent + t[:, None, None, None] * noise
            errors = [
                ((it.net(mixed, t, it.condition(conditions), it.condition.tokens(conditions)) - (noise - latent)) ** 2)
                .mean(dim=(1, 2, 3))
                .double()
                for it in (model, reference)
            ]
            gains.append(errors[0] - errors[1])
    expected = torch.log(1 + torch.exp(25.0 * (gains[0] - gains[1]))).mean()
    assert logged["loss"] == pytest.approx(float(expected), rel=1e-4)
    assert logged["real_error"] == pytest.approx(float(gains[0].mean()), abs=1e-5)
    assert logged["own_error"] == pytest.approx(float(gains[1].mean()), abs=1e-5)


def test_before_the_first_update_the_loss_is_log_two_at_any_beta() -> None:
    for beta in (0.0, 1.0, 5_000.0):
        logged = objective(beta).step(make_fabric("cpu"), pairs(), torch.rand(8, 2), 0)
        assert logged["loss"] == pytest.approx(math.log(2), abs=1e-6)
        assert logged["real_error"] == pytest.approx(0, abs=1e-7)


def test_preferring_real_clips_lowers_the_loss_and_its_gradient_points_there() -> None:
    real, own = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    preference_loss(real, own, 100.0).backward()
    assert real.grad is not None
    assert own.grad is not None
    assert (real.grad > 0).all()
    assert (own.grad < 0).all()
    torch.testing.assert_close(real.grad, -own.grad)
    assert preference_loss(torch.tensor([-0.1]), torch.tensor([0.1]), 100.0) < math.log(2)


def test_training_lowers_the_error_on_real_clips_relative_to_that_on_own_ones() -> None:
    made, mel, labels = objective(200.0), pairs(), torch.rand(8, 2)
    guide, latent = copy.deepcopy(made.flow.guide), copy.deepcopy(made.flow.latent)
    reference = copy.deepcopy(made.reference.state_dict())
    first = last = made.step(make_fabric("cpu"), mel, labels, 0)
    for step in range(1, 60):
        torch.manual_seed(step)
        last = made.step(make_fabric("cpu"), mel, labels, step)
    assert last["loss"] < first["loss"] - 0.05
    assert last["real_error"] < last["own_error"]
    assert last["preferred"] > 0.9
    for frozen, kept in ((made.flow.guide, guide), (made.flow.latent, latent)):
        assert frozen is not None
        assert kept is not None
        require_same(frozen.state_dict(), kept.state_dict())
    require_same(made.reference.state_dict(), reference)
    assert math.isfinite(made.held_out_loss(mel[:, 0], labels))


def test_a_beta_of_zero_changes_nothing_and_the_gradient_is_proportional_to_a_small_one() -> None:
    mel, labels = pairs(), torch.rand(8, 2)
    still = objective(0.0)
    before = copy.deepcopy(still.flow.state_dict())
    for step in range(3):
        assert still.step(make_fabric("cpu"), mel, labels, step)["gradient_norm"] == 0
    require_same(still.flow.state_dict(), before)
    norms: list[float] = []
    for beta in (1e-3, 2e-3):
        torch.manual_seed(1)
        norms.append(objective_gradient(beta, mel, labels))
    assert norms[1] == pytest.approx(2 * norms[0], rel=1e-3)
    assert norms[0] > 0


def objective_gradient(beta: float, mel: torch.Tensor, labels: torch.Tensor) -> float:
    made = objective(beta)
    torch.manual_seed(1)
    made.step(make_fabric("cpu"), mel, labels, 0)
    return float(gradients(made).norm())


def test_clips_and_own_clips_that_are_the_same_teach_nothing() -> None:
    made, mel = objective(500.0), mels(8, SHAPE)
    logged = made.step(make_fabric("cpu"), torch.stack([mel, mel], dim=1), torch.rand(8, 2), 0)
    assert logged["gradient_norm"] == pytest.approx(0, abs=1e-3)


def test_a_flow_is_aligned_only_where_there_is_a_preference() -> None:
    model = flow()
    assert isinstance(flow_objective(copy.deepcopy(model), 4, ObjectiveOptions()), FlowObjective)
    options = ObjectiveOptions(preference=Preference(model, 10.0))
    assert isinstance(flow_objective(copy.deepcopy(model), 4, options), PreferenceObjective)
    for beta in (-1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="beta"):
            Preference(model, beta)
