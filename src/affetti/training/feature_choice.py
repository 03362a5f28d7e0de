"""Which features a baseline predicts from: those that predict validation songs best.

A baseline is fitted to the training clips on each candidate and compared on the validation clips; test songs are not
looked at. The interval of the chosen one is calibrated on the same validation songs, which makes it slightly too
narrow: check the coverage on test songs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import config, metrics
from affetti.corpus import splits
from affetti.errors import InputError
from affetti.models.regressors.baseline import Baseline, BaselineConfig
from affetti.training.evaluation import predict


def validation_ccc(
    candidates: Mapping[str, NDArray[np.float64]],
    labels: NDArray[np.float64],
    part: splits.Fold,
    settings: Mapping[str, Any],
) -> dict[str, float]:
    """CCC on validation clips, mean of valence and arousal, of a baseline on each of several features.

    Args:
        candidates: features ``[N, D]`` of all clips, by name.
        labels: valence and arousal ``[N, 2]``.
        part: the fold; it has validation clips.
        settings: of the baseline, see :class:`affetti.models.regressors.baseline.BaselineConfig`.

    Returns:
        In the order of ``candidates``; 0 where it is not defined, as where all labels are equal.
    """
    scores: dict[str, float] = {}
    for name, vectors in candidates.items():
        own = {**settings, "features": name, "version": name, "dimension": vectors.shape[1]}
        model = Baseline((1, 1), config.structure(own, BaselineConfig, "settings"))
        model.fit(torch.from_numpy(vectors[part.train]).float(), torch.from_numpy(labels[part.train]).float())
        predictions, targets = predict(model, vectors, part.validation), labels[part.validation]
        try:
            scores[name] = float(np.mean([metrics.concordance(predictions[:, a], targets[:, a]) for a in range(2)]))
        except InputError:
            scores[name] = 0.0
    return scores
