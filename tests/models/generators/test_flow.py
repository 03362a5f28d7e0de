from __future__ import annotations

import pytest
import torch
from tests.material import mels, stir

from affetti.errors import InputError, UsageError
from affetti.models.generators.conditioning import Fields
from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.layers import BandNorm
from affetti.training.registry import FAMILIES

SHAPE = (16, 32)
LEAN = FlowConfig(patch=4, components=6, widths=(16, 32), embedding=32, steps=6, guide=0.0)
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
    model = fitted(FlowConfig(patch=4, components=6, widths=(16, 32), embedding=32, steps=50, guide=0.0))
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
    condition = torch.rand(64, 2) * 2 - 1
    whole = model.sample(condition, 9)
    for i in (0, 17, 63):
        alone = model.sample(condition[i : i + 1], 9, torch.tensor([i]))[0]
        assert (alone - whole[i]).abs().max() < 0.05
    order = torch.randperm(64)
    assert (model.sample(condition[order], 9, order) - whole[order]).abs().max() < 0.05
    assert torch.equal(model.sample(condition, 9), whole)
    assert (model.sample(condition, 10) - whole).abs().max() > 1


def test_the_condition_has_an_effect(model: Flow) -> None:
    index = torch.zeros(3, dtype=torch.long)
    happy, sad, nothing = model.sample(torch.cat([torch.tensor([[0.6, 0.4], [-0.6, -0.4]]), NOTHING]), 0, index)
    assert (happy - sad).abs().max() > 0.05
    assert (happy - nothing).abs().max() > 0.05
    assert happy.isfinite().all()


def velocity(model: Flow, x: torch.Tensor, t: float, condition: torch.Tensor, **sampling: float) -> torch.Tensor:
    known = {"guide": 0.0, "guidance": 1.0} | dict.fromkeys(model.fields.columns, 1.0)
    return model.velocity(x, t, condition, known | sampling)


def test_guidance_of_one_follows_the_condition_as_learnt(model: Flow) -> None:
    x = torch.randn(2, *model.latent.latent_shape)
    condition = torch.tensor([[0.5, 0.5], [-0.5, 0.1]])
    time = torch.full((2,), 0.5)
    with torch.no_grad():
        requested, free = (
            model.net(x, time, model.condition(condition)),
            model.net(x, time, model.condition(NOTHING.expand(2, 2))),
        )
        assert torch.equal(velocity(model, x, 0.5, condition), requested)
        torch.testing.assert_close(velocity(model, x, 0.5, condition, guidance=2.5), free + 2.5 * (requested - free))
        torch.testing.assert_close(velocity(model, x, 0.5, condition, guidance=0.0), free)
        late = model.net(x, torch.full((2,), 0.95), model.condition(condition))
        assert torch.equal(velocity(model, x, 0.95, condition, guidance=2.5, guide=1.0), late)


def test_each_field_has_a_sampling_parameter_of_its_own() -> None:
    fields = Fields(mode=True, genres=("jazz", "rock"))
    torch.manual_seed(0)
    model = Flow(SHAPE, LEAN, fields)
    model.fit_statistics(mels(30, SHAPE), torch.rand(30, fields.width))
    stir(model.net, size=0.03)
    x, condition = (
        torch.randn(2, *model.latent.latent_shape),
        torch.tensor([[0.5, 0.5, 1.0, 0.0], [-0.5, 0.1, -1.0, 1.0]]),
    )
    with torch.no_grad():
        requested = velocity(model, x, 0.5, condition)
        without = velocity(model, x, 0.5, fields.withhold(condition, ["genre"]))
        torch.testing.assert_close(velocity(model, x, 0.5, condition, genre=3.0), requested + 2 * (requested - without))
        torch.testing.assert_close(velocity(model, x, 0.5, condition, genre=0.0), without)


def test_the_guide_moves_the_prediction_by_the_given_share(model: Flow) -> None:
    # To first order the prediction moves to the requested emotion; over a short distance it moves along a line.
    condition = torch.tensor([[0.2, -0.1], [-0.1, 0.15]])
    clean = 0.3 * torch.randn(2, *model.latent.latent_shape)
    with torch.no_grad():
        before = model.guide_prediction(clean)
        near = before + 0.01 * (condition - before)
        change = model._least_change(clean, near)
        after = model.guide_prediction(clean + change)
        torch.testing.assert_close(after - before, near - before, rtol=0.3, atol=2e-4)
        # No smaller change does: any part of it orthogonal to the two gradients would be for nothing.
        assert (model.guide_prediction(clean + 0.5 * change) - near).norm() > (after - near).norm()
        x, t = torch.randn_like(clean), 0.5
        plain, guided = velocity(model, x, t, condition), velocity(model, x, t, condition, guide=0.5)
        moved = model.guide_prediction(x - t * guided) - condition
        assert (moved.norm(dim=1) < (model.guide_prediction(x - t * plain) - condition).norm(dim=1)).all()


def test_inference_mode_of_the_caller_changes_nothing(model: Flow) -> None:
    condition = torch.tensor([[0.2, -0.1]])
    expected = model.sample(condition, 0, sampling={"guide": 0.5})
    with torch.inference_mode():
        assert torch.equal(model.sample(condition + 0, 0, sampling={"guide": 0.5}), expected)


def test_without_a_requested_emotion_the_guide_has_no_effect(model: Flow) -> None:
    x = torch.randn(1, *model.latent.latent_shape)
    with torch.no_grad():
        assert torch.equal(velocity(model, x, 0.5, NOTHING, guide=1.0), velocity(model, x, 0.5, NOTHING))


@pytest.mark.parametrize("dial", [{"tempo": 1.0}, {"guide": -1.0}, {"steps": float("nan")}])
def test_sampling_parameters_that_are_unknown_or_out_of_range_are_refused(model: Flow, dial: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"no sampling parameter .tempo.|is invalid"):
        model.sample(torch.zeros(1, 2), 0, sampling=dial)


def test_lyrics_are_attended_to_line_by_line() -> None:
    fields = Fields(lines=2, text=5)
    torch.manual_seed(0)
    model = Flow(SHAPE, LEAN, fields)
    model.fit_statistics(mels(30, SHAPE), torch.rand(30, fields.width))
    stir(model.net, size=0.1)
    first, second = torch.eye(5)[0], torch.eye(5)[1]
    sung = torch.stack(
        [torch.cat([torch.zeros(2), a, b]) for a, b in ((first, second), (second, first), (first, first))]
    )
    x = torch.randn(1, *model.latent.latent_shape).expand(3, -1, -1, -1)
    with torch.no_grad():
        order, turned, other = velocity(model, x, 0.5, sung)
    torch.testing.assert_close(order, turned, rtol=1e-3, atol=1e-4)
    assert (order - other).abs().max() > 1e-4


def test_the_full_size_is_what_the_recipe_says() -> None:
    settings = FAMILIES["flow"].settings_at("paper")
    model = Flow((128, 1_292), FlowConfig(**settings))
    assert model.latent.latent_shape == (8, 16, 164)
    assert 25e6 < sum(value.numel() for value in model.net.parameters()) < 33e6


@pytest.mark.parametrize("row", [(1.2, 0.0), (0.0, float("inf"))])
def test_conditions_off_the_plane_are_refused(model: Flow, row: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="outside"):
        model.sample(torch.tensor([row]), 0)


def test_samples_lie_within_the_normalisers_limit(model: Flow) -> None:
    sampled = model.sample(torch.zeros(8, 2), 0)
    assert sampled.shape == (8, *SHAPE)
    assert isinstance(model.normalise, BandNorm)
    assert ((sampled - model.normalise.mean) / model.normalise.std).abs().max() <= model.normalise.limit + 1e-3


@pytest.mark.parametrize(
    "setting",
    [
        {"patch": 0},
        {"components": 0},
        {"components": 65},
        {"widths": (20,)},
        {"widths": ()},
        {"attention": 3},
        {"blocks": 0},
        {"guide": -0.1},
        {"rate": 0.0},
        {"autoencoder_share": 1.0},
        {"embedding": 33},
        {"drop": 1.0},
        {"vicinity": -0.1},
        {"steps": 0},
        {"guidance": float("nan")},
    ],
)
def test_invalid_settings_are_refused_with_the_reason(setting: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(setting))} .* is invalid"):
        Flow(SHAPE, FlowConfig(**setting))  # type: ignore[arg-type]
