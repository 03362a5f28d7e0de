from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.preprocessing import QuantileTransformer
from tests.material import mels

from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.generators.quantile_norm import LIMIT, MIN_RISE_DB, QuantileNorm

SHAPE = (16, 30)


@pytest.fixture
def norm() -> QuantileNorm:
    norm = QuantileNorm(SHAPE[0])
    norm.fit(mels(200, SHAPE))
    return norm


def test_it_agrees_with_the_quantile_transformation_of_scikit_learn(norm: QuantileNorm) -> None:
    data = mels(200, SHAPE)
    by_band = data.permute(0, 2, 1).flatten(0, 1).double().numpy()
    n = len(by_band)
    expected = QuantileTransformer(n_quantiles=n, output_distribution="normal", subsample=n).fit_transform(by_band)
    normal = norm(data).permute(0, 2, 1).flatten(0, 1).numpy()
    inner = np.abs(expected) < 2.5  # beyond, a knot stands for few values
    assert np.abs(normal - expected)[inner].max() < 0.08


def test_levels_become_normal_in_each_band(norm: QuantileNorm) -> None:
    normal = norm(mels(200, SHAPE))
    assert normal.mean(dim=(0, 2)).abs().max() < 0.02
    assert (normal.std(dim=(0, 2)) - 1).abs().max() < 0.02


def test_it_returns_to_decibels_and_never_leaves_the_range_of_the_training_clips(norm: QuantileNorm) -> None:
    data = mels(200, SHAPE)
    torch.testing.assert_close(norm.inverse(norm(data)), data, rtol=0, atol=0.1)
    low, high = data.amin(dim=(0, 2)), data.amax(dim=(0, 2))
    made = norm.inverse(9 * torch.randn(8, *SHAPE))
    assert (made >= low[:, None] - 1e-3).all()
    assert (made <= high[:, None] + 57 * MIN_RISE_DB + 1e-3).all()


def test_a_clip_is_mapped_alike_in_any_batch(norm: QuantileNorm) -> None:
    data = mels(200, SHAPE)
    assert torch.equal(norm(data)[7:9], norm(data[7:9]))


def test_a_band_of_one_level_is_mapped_within_the_limit() -> None:
    norm = QuantileNorm(2)
    norm.fit(torch.full((4, 2, 8), -80.0))
    normal = norm(torch.tensor([[-120.0, -80.0, 0.0]]).expand(1, 2, 3))
    assert normal.isfinite().all()
    assert normal.abs().max() <= LIMIT
    assert (norm.inverse(normal) + 80).abs().max() < 0.1


def test_a_flow_keeps_below_the_loudest_training_clip_where_mean_and_deviation_do_not() -> None:
    # Levels crowd under a ceiling of 0 dB, as those of music do.
    ceiling = -30 * torch.randn(60, *SHAPE, generator=torch.Generator().manual_seed(0)).abs()
    loudest: dict[str, float] = {}
    for normaliser in ("bands", "quantiles"):
        torch.manual_seed(0)
        model = Flow(SHAPE, FlowConfig(normaliser=normaliser, patch=2, components=4, widths=(8,), embedding=8))  # type: ignore[arg-type]
        model.fit_statistics(ceiling, torch.rand(60, 2))
        loudest[normaliser] = float(model.eval().sample(torch.zeros(8, 2), 0).max())
    assert loudest["quantiles"] < 0.1 < 5 < loudest["bands"]
