from __future__ import annotations

import numpy as np
import torch
from tests.material import mels

from affetti.embedders.base import BATCH_SIZE
from affetti.embedders.statistics import STATISTICS, embed_statistics
from affetti.signal.statistics import mel_statistics


def test_statistics_of_many_clips_are_those_of_each() -> None:
    data = mels(BATCH_SIZE + 3, (16, 32)).half().numpy()
    features = embed_statistics(data)
    assert features.shape == (BATCH_SIZE + 3, 3 * 16 + 48)
    for row in (0, BATCH_SIZE - 1, BATCH_SIZE, BATCH_SIZE + 2):
        alone = mel_statistics(torch.from_numpy(data[row : row + 1].astype(np.float32))).numpy()[0]
        np.testing.assert_allclose(features[row], alone, rtol=1e-4, atol=1e-4)


def test_this_version_of_the_statistics_gives_these_numbers() -> None:
    # Cached features carry the version: a change of the numbers needs a new one, in embedders.STATISTICS.
    mel = np.sin(np.arange(8 * 64, dtype=np.float64)).reshape(1, 8, 64) * 20 - 40
    result = embed_statistics(mel)[0]
    assert STATISTICS.version == "statistics-1"
    known = [-39.9698, 14.1334, 13.6903, -38.5975, -9.5374, -3.7231]
    np.testing.assert_allclose(result[[0, 8, 16, 24, 40, 71]], known, rtol=1e-5)
