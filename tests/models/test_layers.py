from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.material import mels, present, stir

from affetti.errors import UsageError
from affetti.models.layers import BandNorm, FiLMBlock, SelfAttention, require, sinusoids


@pytest.fixture
def norm() -> BandNorm:
    norm = BandNorm(16)
    norm.fit(mels(20, (16, 30)))
    return norm


def test_band_norm_takes_mean_and_deviation_of_each_band(norm: BandNorm) -> None:
    data = mels(20, (16, 30)).numpy().astype(float)
    np.testing.assert_allclose(norm.mean[:, 0], data.mean(axis=(0, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.std[:, 0], data.std(axis=(0, 2), ddof=1), rtol=1e-5)
    normal = norm(mels(20, (16, 30)))
    assert normal.mean(dim=(0, 2)).abs().max() < 0.02
    assert (normal.std(dim=(0, 2)) - 1).abs().max() < 0.02


def test_band_norm_returns_to_decibels_within_its_limit(norm: BandNorm) -> None:
    inside = norm.mean + norm.std * torch.linspace(-3.9, 3.9, 30)
    torch.testing.assert_close(norm.inverse(norm(inside)), inside, rtol=0, atol=1e-3)
    beyond = norm.mean + norm.std * torch.tensor([-9.0, 9.0])
    torch.testing.assert_close(norm(beyond), torch.tensor([-4.0, 4.0]).expand(16, 2))
    torch.testing.assert_close(norm.inverse(norm(beyond)), norm.mean + norm.std * torch.tensor([-4.0, 4.0]))


def test_band_norm_does_not_blow_up_a_band_without_content() -> None:
    norm = BandNorm(2)
    norm.fit(torch.full((4, 2, 8), -80.0))
    assert (norm.std == 1).all()
    assert norm(torch.full((1, 2, 8), -79.5)).max() == 0.5


def test_sinusoids_turn_at_geometric_rates() -> None:
    result = sinusoids(torch.tensor([0.0, 3.0]), 6)
    rates = [1.0, 10_000 ** (-1 / 3), 10_000 ** (-2 / 3)]
    expected = [[1, 1, 1, 0, 0, 0], [*(math.cos(3 * r) for r in rates), *(math.sin(3 * r) for r in rates)]]
    torch.testing.assert_close(result, torch.tensor(expected, dtype=torch.float32))


def test_film_block_begins_as_the_identity() -> None:
    x, embedding = torch.randn(2, 16, 5, 7), torch.randn(2, 8)
    block = FiLMBlock(16, 16, 8)
    assert torch.equal(block(x, embedding), x)
    moved = stir(block)(x, embedding)
    assert not torch.equal(moved, x)
    assert not torch.equal(stir(block)(x, embedding.flip(0)), moved), "the embedding has no say"
    wide = FiLMBlock(16, 24, 8)
    torch.testing.assert_close(wide(x, embedding), wide.skip(x))


def test_attention_with_its_gate_shut_is_the_identity() -> None:
    x = torch.randn(2, 16, 3, 5)
    assert torch.equal(SelfAttention(16)(x), x)


def test_attention_is_softmax_of_products() -> None:
    block, x = SelfAttention(16, heads=2), torch.randn(3, 16, 3, 5)
    torch.nn.init.constant_(block.gate, 0.7)
    tokens = block.norm(x).flatten(2).transpose(1, 2)  # [B, positions, C]
    weight, bias = block.qkv.weight[:, :, 0, 0], block.qkv.bias
    attended = []
    for head in range(2):
        query, key, value = (
            tokens @ weight[i * 16 + head * 8 :][:8].T + present(bias)[i * 16 + head * 8 :][:8] for i in range(3)
        )
        attended.append(torch.softmax(query @ key.transpose(1, 2) / math.sqrt(8), dim=2) @ value)
    out = torch.cat(attended, dim=2) @ block.out.weight[:, :, 0, 0].T + present(block.out.bias)
    expected = x + 0.7 * out.transpose(1, 2).reshape(x.shape)
    torch.testing.assert_close(block(x), expected)


def test_attention_does_not_see_where_a_position_lies() -> None:
    block, x = stir(SelfAttention(16)), torch.randn(1, 16, 4, 6)
    torch.testing.assert_close(block(x.flip(2, 3)), block(x).flip(2, 3))


def test_a_setting_that_does_not_fit_is_named() -> None:
    require(True, "width", 8, "a multiple of 8")
    with pytest.raises(UsageError, match=r"width 100 is invalid\. Give a multiple of 8"):
        require(False, "width", 100, "a multiple of 8")
