from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeCV
from tests.material import mels

from affetti.models.regressors.baseline import Baseline
from affetti.signal.statistics import mel_statistics


@pytest.fixture
def data() -> tuple[torch.Tensor, torch.Tensor]:
    mel = mels(60, (16, 32))
    labels = torch.stack([mel.mean(dim=(1, 2)) / 10 + 4, mel[:, :4].std(dim=(1, 2)) / 5 - 1], dim=1).clamp(-0.9, 0.9)
    return mel, labels


def test_it_is_scikit_learns_ridge_on_the_same_features(data: tuple[torch.Tensor, torch.Tensor]) -> None:
    mel, labels = data
    features = mel_statistics(mel)
    model = Baseline((16, 32))
    model.fit(features[:40], labels[:40])
    x = features.double().numpy()
    centre, spread = x[:40].mean(axis=0), x[:40].std(axis=0, ddof=1)
    witness = RidgeCV(alphas=np.logspace(0, 5, 16)).fit((x[:40] - centre) / spread, labels[:40].double().numpy())
    expected = np.clip(witness.predict((x[40:] - centre) / spread), -1, 1)
    np.testing.assert_allclose(model(mel[40:]), expected, atol=1e-4)
    assert np.corrcoef(expected[:, 0], labels[40:, 0])[0, 1] > 0.5, "there is something to learn here"


def test_it_predicts_two_numbers_on_the_plane(data: tuple[torch.Tensor, torch.Tensor]) -> None:
    model = Baseline((16, 32))
    model.fit(mel_statistics(data[0]), data[1])
    emotion, half = model.predict(data[0] * 50)
    assert emotion.shape == half.shape == (60, 2)
    assert emotion.abs().max() == 1
    assert half.isnan().all()


def test_a_feature_that_never_varies_is_harmless(data: tuple[torch.Tensor, torch.Tensor]) -> None:
    model = Baseline((16, 32))
    features = mel_statistics(data[0])
    features[:, 3] = -80.0
    model.fit(features, data[1])
    weight = model.estimator.get_buffer("weight")
    assert weight.isfinite().all()
    assert (weight[3] == 0).all()
