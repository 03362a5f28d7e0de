from __future__ import annotations

import pytest
import torch
from torch import nn

from affetti.models.regressors.mobilevit import AttentionBlock, InvertedResidual, over_time


@pytest.mark.parametrize("fused", [False, True])
def test_an_inverted_residual_halves_the_grid_or_adds_to_it(fused: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 8, 12, 10)
    assert InvertedResidual(8, 16, stride=2, fused=fused)(x).shape == (2, 16, 6, 5)
    straight = InvertedResidual(8, 8, fused=fused).eval()
    nn.init.zeros_(straight.body[-1].weight)  # type: ignore[arg-type]
    torch.testing.assert_close(straight(x), x)


def test_without_fusion_channels_are_filtered_one_by_one() -> None:
    assert [layer.groups for layer in InvertedResidual(8, 8).body if isinstance(layer, nn.Conv2d)] == [1, 16, 1]


def test_attention_begins_as_the_identity() -> None:
    x = torch.randn(2, 8, 3, 5)
    torch.testing.assert_close(AttentionBlock(8)(x), x)


def test_attention_is_pytorchs_over_all_positions() -> None:
    torch.manual_seed(0)
    block, x = AttentionBlock(8, heads=2), torch.randn(2, 8, 3, 5)
    nn.init.ones_(block.gate1)
    witness = nn.MultiheadAttention(8, 2, batch_first=True)
    witness.in_proj_weight, witness.in_proj_bias = block.qkv.weight, block.qkv.bias  # type: ignore[assignment]
    witness.out_proj.weight, witness.out_proj.bias = block.out.weight, block.out.bias
    tokens = x.flatten(2).transpose(1, 2)
    normal = block.norm1(tokens)
    expected = tokens + witness(normal, normal, normal)[0]
    torch.testing.assert_close(block(x).flatten(2).transpose(1, 2), expected, atol=1e-5, rtol=1e-4)


def test_attention_does_not_mind_the_order_of_positions() -> None:
    torch.manual_seed(0)
    block, x = AttentionBlock(8), torch.randn(1, 8, 2, 6)
    nn.init.ones_(block.gate1)
    torch.testing.assert_close(block(x.flip(3)), block(x).flip(3))


def test_pooling_over_time_keeps_mean_and_deviation_and_drops_order() -> None:
    x = torch.randn(2, 3, 4, 50, generator=torch.Generator().manual_seed(0))
    result = over_time(x).reshape(2, 6, 4)
    torch.testing.assert_close(result[:, :3], x.mean(dim=3))
    torch.testing.assert_close(result[:, 3:], x.std(dim=3, correction=0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(over_time(x.flip(3)), over_time(x))
    assert not torch.allclose(over_time(x.flip(2)), over_time(x))
