from __future__ import annotations

import torch
from scipy import stats

from affetti.models.noise import noise


def test_noise_depends_on_seed_and_index_alone() -> None:
    whole = noise(3, torch.arange(64), (4, 5))
    order = torch.randperm(64)
    torch.rand(7)  # the global generator has no say
    assert torch.equal(noise(3, order, (4, 5)), whole[order])
    assert torch.equal(noise(3, torch.tensor([63]), (4, 5))[0], whole[63])
    assert not torch.equal(noise(4, torch.arange(64), (4, 5)), whole)
    assert not torch.equal(noise(3, torch.arange(64), (4, 5), stream="other"), whole)


def test_noise_is_standard_normal_within_and_across_samples() -> None:
    drawn = noise(0, torch.arange(500), (100,))
    assert stats.kstest(drawn.flatten(), "norm").pvalue > 1e-3
    assert stats.kstest(drawn[:, 0], "norm").pvalue > 1e-3
    assert abs(torch.corrcoef(drawn[:2]))[0, 1] < 0.4


def test_no_samples_make_no_noise() -> None:
    assert noise(0, torch.arange(0), (3, 2)).shape == (0, 3, 2)
