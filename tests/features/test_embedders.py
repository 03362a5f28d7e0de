from __future__ import annotations

import numpy as np
import torch
from tests.material import mels

from affetti.features.embedders import BATCH, Standardiser, statistics
from affetti.signal.statistics import mel_statistics


def test_statistics_of_many_clips_are_those_of_each() -> None:
    data = mels(BATCH + 3, (16, 32)).half().numpy()
    found = statistics(data)
    assert found.shape == (BATCH + 3, 3 * 16 + 48)
    for row in (0, BATCH - 1, BATCH, BATCH + 2):
        alone = mel_statistics(torch.from_numpy(data[row : row + 1].astype(np.float32))).numpy()[0]
        np.testing.assert_allclose(found[row], alone, rtol=1e-4, atol=1e-4)


def test_features_are_scaled_by_the_reference_alone() -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal([5, -2, 0], [2, 0.1, 1], (500, 3))
    standard = Standardiser.of(reference)
    scaled = standard(reference)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    np.testing.assert_allclose(standard(reference + standard.std), scaled + 1)


def test_a_feature_that_never_varies_is_kept_as_it_is() -> None:
    standard = Standardiser.of(np.full((10, 1), 3.0))
    np.testing.assert_allclose(standard(np.array([[3.0], [4.5]])), [[0], [1.5]])
