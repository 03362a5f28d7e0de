from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.material import mels

from affetti.errors import InputError, UsageError
from affetti.models.generators.conditioning import Fields
from affetti.models.generators.gan import Gan, GanConfig, SpectrogramGenerator, coarsest_grid

SHAPE = (32, 48)
LEAN = GanConfig(width=16, embedding=32, discriminator_width=16)


@pytest.fixture(params=["modern", "published"])
def model(request: pytest.FixtureRequest) -> Gan:
    torch.manual_seed(0)
    model = Gan(SHAPE, GanConfig(recipe=request.param, width=16, embedding=32))
    model.fit_statistics(mels(20, SHAPE), torch.rand(20, 2))
    model.train()
    model.generate(torch.randn(8, 100), torch.rand(8, 2))  # batch norm takes its statistics
    return model.eval()


def test_the_latent_is_the_studys() -> None:
    generator = Gan((64, 128)).generator
    assert isinstance(generator, SpectrogramGenerator)
    assert generator.enter.in_features == 356 == 100 + 256


def test_depth_and_grid_follow_from_the_shape() -> None:
    assert coarsest_grid((128, 1292)) == ((4, 41), 5), "4 × 41 doubled five times is 128 × 1,312"
    assert coarsest_grid((64, 128)) == ((4, 8), 4)
    for shape in ((33, 17), (65, 130), (128, 1938), (16, 16)):
        (height, width), doublings = coarsest_grid(shape)
        assert 0 <= (height << doublings) - shape[0] < 1 << doublings
        assert 0 <= (width << doublings) - shape[1] < 1 << doublings


def test_at_full_size_it_is_the_network_described() -> None:
    model = Gan((128, 1292))
    generator = model.generator
    assert isinstance(generator, SpectrogramGenerator)
    assert (model.config.stem, model.config.components, model.config.rate) == (2, 0, 2e-4)
    assert len(generator.levels) == 5
    assert set(generator.attention) == {"1", "2"}, "at 8 × 82 and 16 × 164"
    assert 20e6 < sum(value.numel() for value in generator.parameters()) < 25e6
    assert [bands.shape[:2] for bands in generator.bands] == [(512, 4), (512, 8), (256, 16), (128, 32), (64, 64)]


@pytest.mark.parametrize("shape", [(64, 128), (65, 130), (16, 16), (33, 17)])
@pytest.mark.parametrize("stem", [0, 1, 2, 4])
def test_any_shape_can_be_generated_and_discriminated(shape: tuple[int, int], stem: int) -> None:
    model = Gan(shape, GanConfig(width=8, embedding=16, discriminator_width=8, stem=stem))
    x = model.generate(torch.randn(3, 100), torch.zeros(3, 2))
    assert x.shape == (3, *shape)
    assert model.discriminator()(x, torch.zeros(3, 2)).whole.shape == (3,)


def test_a_sample_is_the_same_in_any_batch_and_order(model: Gan) -> None:
    condition = torch.rand(64, 2) * 2 - 1
    whole = model.sample(condition, 9)
    for i in (0, 17, 63):
        assert (model.sample(condition[i : i + 1], 9, torch.tensor([i]))[0] - whole[i]).abs().max() < 0.05
    order = torch.randperm(64)
    assert (model.sample(condition[order], 9, order) - whole[order]).abs().max() < 0.05
    assert torch.equal(model.sample(condition, 9), whole)
    assert (model.sample(condition, 10) - whole).abs().max() > 0.1


def test_noise_and_condition_reach_every_grid() -> None:
    torch.manual_seed(1)
    model = Gan(SHAPE, LEAN)
    generator = model.generator
    assert isinstance(generator, SpectrogramGenerator)
    seen: list[torch.Tensor] = []
    for level in generator.levels:
        level[-1].film.register_forward_hook(lambda _, __, out: seen.append(out))  # type: ignore[union-attr]
    z = torch.randn(2, 100)
    for condition in (torch.zeros(2, 2), torch.full((2, 2), 0.5)):
        model.generate(z, condition)
    levels = len(generator.levels)
    for first, second in zip(seen[:levels], seen[levels:], strict=True):
        assert not torch.allclose(first[0], first[1]), "other noise"
        assert not torch.allclose(first, second), "another condition"


def test_the_condition_can_be_faded_out() -> None:
    model, z = Gan(SHAPE, LEAN), torch.randn(2, 100)
    one, other = torch.zeros(2, 2), torch.ones(2, 2)
    assert torch.equal(model.generate(z, one, 0.0), model.generate(z, other, 0.0))


def test_the_first_clips_already_have_the_spectrum_of_the_training(model: Gan) -> None:
    if model.config.recipe == "published":
        pytest.skip("the study's generator begins with noise")
    x = mels(20, SHAPE)
    made = model.sample(torch.zeros(20, 2), 0)
    torch.testing.assert_close(made.mean(dim=(0, 2)), x.mean(dim=(0, 2)), rtol=0, atol=2 * float(x.std()))


def test_conditions_off_the_plane_are_refused(model: Gan) -> None:
    with pytest.raises(InputError, match=r"condition 0 is \(-1\.1, 0\)"):
        model.sample(torch.tensor([[-1.1, 0.0]]), 0)


def test_all_fields_can_be_requested() -> None:
    fields = Fields(mode=True, genres=("jazz", "rock"))
    model = Gan(SHAPE, LEAN, fields)
    model.fit_statistics(mels(20, SHAPE), torch.rand(20, fields.width))
    jazz, rock = (torch.tensor([[0.1, 0.2, 1.0, genre]]) for genre in (0.0, 1.0))
    assert not torch.equal(model.sample(jazz, 0), model.sample(rock, 0))
    assert model.sample(torch.zeros(1, 2), 0).shape == (1, *SHAPE), "valence and arousal alone"


@pytest.mark.parametrize(
    "setting",
    [
        *({"width": 100}, {"discriminator_width": 4}, {"noise": 0}, {"stem": 3}, {"penalty_every": 0}, {"blocks": 0}),
        *({"gamma": -1.0}, {"vicinity": -0.1}, {"rate": -1.0}, {"augment": 1.5}, {"fade": -0.5}),
        *({"recipe": "new"}, {"regularizer": "none"}, {"components": 1000}),
    ],
)
def test_invalid_settings_are_refused_with_the_reason(setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(setting))} .* is invalid"):
        Gan(SHAPE, GanConfig(**setting))
