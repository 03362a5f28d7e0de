from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.material import mels

from affetti.models.generators.conditioning import Fields
from affetti.models.generators.gan_discriminator import (
    GROUP,
    DiscriminatorLogits,
    SpectrogramDiscriminator,
    deviation,
    generator_hinge,
    gradient_penalty,
    hinge,
    neighbours,
    relativistic,
)

SHAPE = (32, 48)


def discriminator(spectral: bool = False, fields: Fields = Fields()) -> SpectrogramDiscriminator:
    torch.manual_seed(0)
    return SpectrogramDiscriminator((4, 6), 3, 2, 16, fields, spectral)


def logits_of(whole: torch.Tensor) -> DiscriminatorLogits:
    return DiscriminatorLogits(whole, torch.stack([whole, whole], dim=1))


def test_both_outputs_give_logits() -> None:
    result = discriminator()(mels(5, SHAPE), torch.rand(5, 2))
    assert result.whole.shape == (5,)
    assert result.patches.shape == (5, 12), "a finer grid than the coarsest, along time"


def test_a_patch_depends_on_its_own_time() -> None:
    model, x = discriminator(), torch.randn(1, 32, 384).requires_grad_()
    model.size = (32, 384)
    logits = model(x, torch.zeros(1, 2)).patches
    assert logits.shape == (1, 96)
    (gradient,) = torch.autograd.grad(logits[0, 48], x)
    columns = gradient.abs().sum(dim=(0, 1)).nonzero().flatten()
    assert 20 <= int(columns.max() - columns.min()) <= 40
    assert abs(float(columns.float().mean()) - 48.5 * 4) < 4


def test_without_the_condition_there_are_still_logits() -> None:
    model, x = discriminator(), mels(4, SHAPE)
    one, other = torch.zeros(4, 2), torch.tensor([[0.5, -0.5]]).expand(4, 2)
    apart = model(x, one).whole - model(x, other).whole
    assert float(apart.detach().abs().min()) > 1e-4
    torch.testing.assert_close(model(x, one, 0.0).whole, model(x, other, 0.0).whole)
    # The condition's part grows in proportion.
    half = model(x, one, 0.5).whole - model(x, one, 0.0).whole
    torch.testing.assert_close(2 * half, model(x, one).whole - model(x, one, 0.0).whole, rtol=1e-3, atol=1e-5)


def test_groups_lie_together_on_the_plane() -> None:
    torch.manual_seed(1)
    emotion = torch.rand(64, 2) * 2 - 1
    group = neighbours(emotion)
    assert torch.bincount(group).tolist() == [GROUP] * 16
    within = torch.stack([emotion[group == g].std(dim=0, unbiased=False).mean() for g in range(16)]).mean()
    assert within < 0.4 * emotion.std(dim=0).mean()
    assert neighbours(emotion[:2]).tolist() == [0, 0]
    assert sorted(torch.bincount(neighbours(emotion[:9])).tolist()) == [4, 5]


def test_the_deviation_is_that_of_each_group() -> None:
    features, group = torch.randn(12, 5), torch.tensor([0, 1, 2] * 4)
    result = deviation(features, group)
    for g in range(3):
        expected = np.sqrt(features[group == g].numpy().var(axis=0) + 1e-6)
        np.testing.assert_allclose(result[group == g].numpy(), np.tile(expected, (4, 1)), rtol=1e-4)


def test_a_collapse_is_detected() -> None:
    x = mels(8, SHAPE)
    model, condition = discriminator(), torch.zeros(8, 2)
    alike = x[:1].expand(8, *SHAPE)
    first = model(x, condition).whole[0]
    assert abs(float((model(alike, condition).whole[0] - first).detach())) > 1e-3, "the same clip among its like"


def test_spectral_norm_bounds_every_layer() -> None:
    model = discriminator(spectral=True)
    for _ in range(30):  # the power iteration converges in use
        model(mels(2, SHAPE), torch.rand(2, 2))
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Conv1d)] + [model.pool, model.out]
    for layer in layers:
        largest = float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2))
        assert largest == pytest.approx(1.0, abs=0.05)


def test_the_relativistic_loss_is_of_differences_alone() -> None:
    real, fake = torch.randn(50), torch.randn(50)
    expected = 2 * np.log1p(np.exp((fake - real).double().numpy())).mean()
    assert float(relativistic(logits_of(real), logits_of(fake))) == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(
        relativistic(logits_of(real + 3), logits_of(fake + 3)), relativistic(logits_of(real), logits_of(fake))
    )
    assert float(relativistic(logits_of(real), logits_of(real))) == pytest.approx(2 * math.log(2))


def test_the_hinge_has_a_margin_of_one() -> None:
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.0])
    assert float(hinge(logits_of(real), logits_of(fake))) == pytest.approx(2 * (0.25 + 0.5))
    assert float(hinge(logits_of(real + 9), logits_of(fake - 9))) == 0
    assert float(generator_hinge(logits_of(fake))) == pytest.approx(3.0)


def test_the_penalty_of_a_linear_discriminator_is_half_its_squared_weight() -> None:
    weight = torch.randn(*SHAPE)
    x = torch.randn(5, *SHAPE, requires_grad=True)
    linear = (x * weight).sum(dim=(1, 2))
    nothing = torch.zeros(5, 3)
    result = gradient_penalty(DiscriminatorLogits(linear, nothing), x)
    assert float(result.detach()) == pytest.approx(0.5 * float(weight.square().sum()), rel=1e-5)
    quadratic = gradient_penalty(
        DiscriminatorLogits(0.5 * x.square().sum(dim=(1, 2)), nothing), x
    )  # its gradient is x itself
    assert float(quadratic.detach()) == pytest.approx(0.5 * float(x.detach().square().sum(dim=(1, 2)).mean()), rel=1e-5)


def test_the_penalty_agrees_with_finite_differences() -> None:
    model = discriminator().double().requires_grad_(False)
    x, condition = mels(2, SHAPE).double().requires_grad_(), torch.zeros(2, 2, dtype=torch.double)
    result = float(gradient_penalty(model(x, condition), x).detach())

    @torch.no_grad()
    def logit(at: torch.Tensor) -> float:
        seen = model(at, condition)
        return float((seen.whole + seen.patches.mean(dim=1)).sum())

    logits_of = model(x, condition)
    (gradient,) = torch.autograd.grad(logits_of.whole.sum() + logits_of.patches.mean(dim=1).sum(), x)
    along, step = gradient / gradient.norm(), 1e-5
    # Along its gradient, and nowhere more, a function rises by the gradient's length.
    length = (logit(x + step * along) - logit(x - step * along)) / (2 * step)
    assert 0.5 * length**2 / 2 == pytest.approx(result, rel=1e-3)
