"""Models that are fitted to all clips at once, without steps."""

from __future__ import annotations

import numpy as np
import torch

from affetti.models.regressors.baseline import Baseline
from affetti.training.clips import Clips

BATCH_CLIPS = 256
"""Clips whose features are computed at once."""


def fit_baseline(model: Baseline, clips: Clips) -> None:
    """Fit a baseline to the features and labels of all ``clips``, in place.

    Args:
        model: the baseline; its standardisation and its estimator are fitted.
        clips: log-mels ``[N, M, F]`` in dB, or the vectors ``[N, D]`` of the embedding that it is configured for.

    Raises:
        UsageError: it predicts from an embedding, and log-mels were given.
    """
    parts = (clips.take(rows) for rows in np.array_split(clips.rows, max(1, len(clips) // BATCH_CLIPS)))
    features, labels = zip(*((model.features(mel), part) for mel, part in parts), strict=True)
    model.fit(torch.cat(features), torch.cat(labels))
