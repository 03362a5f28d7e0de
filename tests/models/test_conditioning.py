from __future__ import annotations

import pytest
import torch

from affetti.errors import InputError
from affetti.models.conditioning import EmotionEmbedding, drop, require_on_plane

NAN = float("nan")


def test_nothing_asked_becomes_the_null() -> None:
    embed = EmotionEmbedding(16)
    found = embed(torch.tensor([[0.3, -0.2], [NAN, NAN], [NAN, 0.5]]))
    assert torch.equal(found[1], embed.null)
    assert torch.equal(found[2], embed.null), "half a wish is none"
    assert not torch.equal(found[0], embed.null)
    torch.testing.assert_close(embed(torch.tensor([[0.3, -0.2]]))[0], found[0])


def test_points_of_the_plane_are_told_apart_smoothly() -> None:
    embed = EmotionEmbedding(16)
    here, near, far = embed(torch.tensor([[0.3, -0.2], [0.301, -0.2], [-0.6, 0.4]]))
    assert 0 < (here - near).norm() < 0.1 * (here - far).norm()


def test_the_null_does_not_poison_the_gradient() -> None:
    embed = EmotionEmbedding(16)
    embed(torch.tensor([[0.3, -0.2], [NAN, NAN]])).square().sum().backward()
    for weights in embed.parameters():
        assert weights.grad is not None
        assert weights.grad.isfinite().all()
    assert embed.null.grad is not None
    assert embed.null.grad.abs().sum() > 0


def test_drop_withholds_the_share_it_is_told() -> None:
    condition = torch.zeros(20_000, 2)
    dropped = drop(condition, 0.12).isnan()
    assert (dropped[:, 0] == dropped[:, 1]).all()
    assert abs(dropped[:, 0].float().mean() - 0.12) < 4 * (0.12 * 0.88 / 20_000) ** 0.5
    assert not drop(condition, 0.0).isnan().any()
    assert not condition.isnan().any()


@pytest.mark.parametrize("row", [(1.001, 0.0), (0.0, -1.5), (float("inf"), 0.0), (0.0, -float("inf"))])
def test_conditions_off_the_plane_are_refused(row: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"condition 1 is \(.*outside \[-1, 1\]"):
        require_on_plane(torch.tensor([(0.0, 0.0), row]))


@pytest.mark.parametrize("shape", [(2,), (2, 3), (1, 2, 2)])
def test_conditions_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="shape"):
        require_on_plane(torch.zeros(shape))


def test_the_corners_and_nothing_are_on_the_plane() -> None:
    require_on_plane(torch.tensor([[1.0, -1.0], [-1.0, 1.0], [NAN, NAN]]))
