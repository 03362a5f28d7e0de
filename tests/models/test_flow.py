from __future__ import annotations

import pytest
import torch
from tests.material import mels, stir

from affetti.errors import InputError, UsageError
from affetti.models.flow import Flow, FlowConfig

SHAPE = (16, 32)
LEAN = FlowConfig(patch=4, components=6, width=16, embedding=32, steps=6)
NOTHING = torch.full((1, 2), torch.nan)


def fitted(config: FlowConfig = LEAN, shape: tuple[int, int] = SHAPE) -> Flow:
    torch.manual_seed(0)
    model = Flow(shape, config)
    model.fit_statistics(mels(30, shape), torch.rand(30, 2))
    return model.eval()


@pytest.fixture
def model() -> Flow:
    model = fitted()
    stir(model.net, size=0.03)
    return model


def test_it_starts_from_the_best_velocity_for_white_latents() -> None:
    model = fitted()
    x, t = torch.randn(7, *model.latent.latent_shape), torch.linspace(0, 1, 7)
    expected = ((2 * t - 1) / (t**2 + (1 - t) ** 2))[:, None, None, None] * x
    with torch.no_grad():
        torch.testing.assert_close(model.net(x, t, torch.randn(7, 32)), expected)


def test_untrained_it_samples_latents_of_unit_variance() -> None:
    # The velocity above carries x from t = 1 to √(t² + (1-t)²) x: at t = 0 it is where it began.
    model = fitted(FlowConfig(patch=4, components=6, width=16, embedding=32, steps=50))
    sampled = model.sample(torch.zeros(16, 2), 5)
    latents = model.encode(sampled)
    assert abs(latents.std() - 1) < 0.05
    coarse = fitted().sample(torch.zeros(16, 2), 5)
    assert (coarse - sampled).abs().max() < 1.5


def test_untrained_its_loss_is_that_of_white_latents() -> None:
    torch.manual_seed(1)
    model = fitted()
    latents = torch.randn(4_000, *model.latent.latent_shape)
    t = torch.sigmoid(torch.randn(400_000))
    expected = (1 / (t**2 + (1 - t) ** 2)).mean()
    with torch.no_grad():
        assert float(model.loss(latents, torch.zeros(4_000, 2))) == pytest.approx(float(expected), rel=0.01)


def test_a_sample_is_the_same_in_any_batch_and_order(model: Flow) -> None:
    wish = torch.rand(64, 2) * 2 - 1
    whole = model.sample(wish, 9)
    for i in (0, 17, 63):
        alone = model.sample(wish[i : i + 1], 9, torch.tensor([i]))[0]
        assert (alone - whole[i]).abs().max() < 0.05
    order = torch.randperm(64)
    assert (model.sample(wish[order], 9, order) - whole[order]).abs().max() < 0.05
    assert torch.equal(model.sample(wish, 9), whole)
    assert (model.sample(wish, 10) - whole).abs().max() > 1


def test_the_condition_has_a_say(model: Flow) -> None:
    index = torch.zeros(3, dtype=torch.long)
    happy, sad, nothing = model.sample(torch.cat([torch.tensor([[0.6, 0.4], [-0.6, -0.4]]), NOTHING]), 0, index)
    assert (happy - sad).abs().max() > 0.05
    assert (happy - nothing).abs().max() > 0.05
    assert happy.isfinite().all()


def test_guidance_of_one_follows_the_condition_as_learnt(model: Flow) -> None:
    x = torch.randn(2, *model.latent.latent_shape)
    wish, nothing = model.condition(torch.tensor([[0.5, 0.5], [-0.5, 0.1]])), model.condition(NOTHING.expand(2, 2))
    time = torch.full((2,), 0.5)
    with torch.no_grad():
        asked, free = model.net(x, time, wish), model.net(x, time, nothing)
        assert torch.equal(model.velocity(x, 0.5, wish, nothing, 1.0), asked)
        torch.testing.assert_close(model.velocity(x, 0.5, wish, nothing, 2.5), free + 2.5 * (asked - free))
        torch.testing.assert_close(model.velocity(x, 0.5, wish, nothing, 0.0), free)
        assert torch.equal(model.velocity(x, 0.95, wish, nothing, 2.5), model.net(x, torch.full((2,), 0.95), wish))


@pytest.mark.parametrize("row", [(1.2, 0.0), (0.0, float("inf"))])
def test_conditions_off_the_plane_are_refused(model: Flow, row: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="outside"):
        model.sample(torch.tensor([row]), 0)


def test_samples_lie_within_the_normalisers_limit(model: Flow) -> None:
    sampled = model.sample(torch.zeros(8, 2), 0)
    assert sampled.shape == (8, *SHAPE)
    assert ((sampled - model.normalise.mean) / model.normalise.std).abs().max() <= model.normalise.limit + 1e-3


@pytest.mark.parametrize(
    "setting",
    [
        {"patch": 0},
        {"components": 0},
        {"components": 65},
        {"width": 20},
        {"width": 0},
        {"embedding": 33},
        {"drop": 1.0},
        {"vicinity": -0.1},
        {"steps": 0},
        {"guidance": float("nan")},
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(setting))} .* does not do"):
        Flow(SHAPE, FlowConfig(**setting))  # type: ignore[arg-type]
