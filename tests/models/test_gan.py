from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.material import mels

from affetti.errors import InputError, UsageError
from affetti.models.gan import Discriminator, Gan, GanConfig, augment, gradient_penalty, relativistic

SHAPE = (32, 48)
LEAN = GanConfig(width=32, embedding=32, discriminator_width=16)


@pytest.fixture
def model() -> Gan:
    torch.manual_seed(0)
    model = Gan(SHAPE, LEAN)
    model.fit_statistics(mels(20, SHAPE), torch.rand(20, 2))
    return model.eval()


def test_the_latent_is_the_studys() -> None:
    model = Gan((64, 128))
    assert model.generator.enter.in_features == 356 == 100 + 256


@pytest.mark.parametrize("shape", [(64, 128), (65, 130), (16, 16), (33, 17)])
def test_any_shape_is_generated_and_judged(shape: tuple[int, int]) -> None:
    model, judge = Gan(shape, LEAN), Discriminator(LEAN)
    x = model.generate(torch.randn(3, 100), torch.zeros(3, 2))
    assert x.shape == (3, *shape)
    assert judge(x, torch.zeros(3, 2)).shape == (3,)


def test_a_sample_is_the_same_in_any_batch_and_order(model: Gan) -> None:
    wish = torch.rand(64, 2) * 2 - 1
    whole = model.sample(wish, 9)
    for i in (0, 17, 63):
        assert (model.sample(wish[i : i + 1], 9, torch.tensor([i]))[0] - whole[i]).abs().max() < 0.05
    order = torch.randperm(64)
    assert (model.sample(wish[order], 9, order) - whole[order]).abs().max() < 0.05
    assert torch.equal(model.sample(wish, 9), whole)
    assert (model.sample(wish, 10) - whole).abs().max() > 0.1


def test_conditions_off_the_plane_are_refused(model: Gan) -> None:
    with pytest.raises(InputError, match=r"condition 0 is \(-1\.1, 0\)"):
        model.sample(torch.tensor([[-1.1, 0.0]]), 0)


def test_the_penalty_of_a_linear_judge_is_half_its_squared_weight() -> None:
    weight = torch.randn(*SHAPE)
    x = torch.randn(5, *SHAPE, requires_grad=True)
    found = gradient_penalty((x * weight).sum(dim=(1, 2)), x)
    assert float(found.detach()) == pytest.approx(0.5 * float(weight.square().sum()), rel=1e-5)
    quadratic = gradient_penalty(0.5 * x.square().sum(dim=(1, 2)), x)  # its gradient is x itself
    assert float(quadratic.detach()) == pytest.approx(0.5 * float(x.detach().square().sum(dim=(1, 2)).mean()), rel=1e-5)


def test_the_relativistic_loss_is_of_differences_alone() -> None:
    real, fake = torch.randn(50), torch.randn(50)
    expected = np.log1p(np.exp((fake - real).double().numpy())).mean()
    assert float(relativistic(real, fake)) == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(relativistic(real + 3, fake + 3), relativistic(real, fake))
    assert float(relativistic(real, real)) == pytest.approx(np.log(2))
    assert relativistic(real + 1, fake) < relativistic(real, fake)


def test_augmentation_keeps_the_level_of_what_it_keeps() -> None:
    torch.manual_seed(3)
    flat = torch.full((200, 64, 128), 1.5)
    found = augment(flat)
    kept = found.abs().sum(dim=1) > 0  # [B, F]
    assert ((~kept).float().mean(dim=1) <= 0.2).all(), "at most a fifth is cut out"
    level = found.sum(dim=(1, 2)) / (64 * kept.sum(dim=1))
    torch.testing.assert_close(level, torch.full((200,), 1.5), rtol=0, atol=1e-4)
    # At the edges of the band 0.15 σ, that is 2 dB where a band deviates by 13 dB.
    edges = (found[:, 0] - 1.5)[kept].square().mean().sqrt()
    assert 0.12 < edges < 0.18


def test_augmentation_moves_pitch_by_two_bands_at_most_and_keeps_order_in_time() -> None:
    torch.manual_seed(4)
    x = torch.zeros(300, 64, 128)
    x[:, 30, 10], x[:, 30, 15] = 100.0, 50.0
    found = augment(x)
    rows = set()
    for item in found:
        loud = (item > 25).nonzero().tolist()
        rows |= {row for row, _ in loud}
        if len(loud) == 2:
            (_, first), (_, second) = sorted(loud, key=lambda at: -float(item[at[0], at[1]]))
            assert (second - first) % 128 == 5, "tempo"
    assert rows == {28, 29, 30, 31, 32}


def test_augmentation_differs_between_items_and_lets_gradients_through() -> None:
    torch.manual_seed(5)
    x = mels(1, SHAPE).expand(4, *SHAPE).clone().requires_grad_()
    found = augment(x)
    assert not torch.equal(found[0], found[1])
    found.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "setting", [{"width": 100}, {"noise": 0}, {"stem": 0}, {"penalty_every": 0}, {"gamma": -1.0}, {"vicinity": -0.1}]
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(setting))} .* does not do"):
        Gan(SHAPE, GanConfig(**setting))  # type: ignore[arg-type]
