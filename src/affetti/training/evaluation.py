"""Examine a regressor: calibrated on validation songs, tested on songs never seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.corpus import Corpus, splits
from affetti.corpus.ceiling import ceiling
from affetti.models.base import Regressor
from affetti.training.calibration import calibrate, interval_coverage
from affetti.training.regression_report import (
    add_ceiling,
    agreement_by_genre,
    agreement_measures,
    quadrant_accuracy,
    worst_songs,
)


def evaluate_regressor(
    model: Regressor, data: NDArray[np.floating], corpus: Corpus, part: splits.Fold, seed: int
) -> dict[str, Any]:
    """Calibrate ``model`` and test it; what ``result.json`` says of it.

    Args:
        model: the regressor; its ``half_width`` is set.
        data: what it reads of each clip of the corpus: log-mels ``[N, M, F]``, or embeddings ``[N, D]``.
        corpus: labels, songs and genres.
        part: the fold; where it has no validation clips the training clips calibrate, and the result says so.
        seed: of the resampling.
    """
    held = part.validation if len(part.validation) else part.train
    labels, songs = corpus.labels, corpus.songs
    calibration = calibrate(model, predict(model, data, held), labels[held], songs[held])
    calibration["on"] = "validation songs" if len(part.validation) else "training songs: too narrow"
    prediction = predict(model, data, part.test)
    target, tested, clips = labels[part.test], songs[part.test], corpus.clips.iloc[part.test]
    test = agreement_measures(prediction, target, tested, seed)
    add_ceiling(test, ceiling(corpus.clips, seed))
    return {
        "calibration": calibration,
        "test": test,
        "coverage": interval_coverage(model, prediction, target, tested, seed),
        "quadrants": quadrant_accuracy(prediction, target, tested, seed),
        "genres": agreement_by_genre(prediction, target, clips, seed),
        "worst": worst_songs(prediction, target, clips),
    }


@torch.inference_mode()
def predict(
    model: torch.nn.Module, data: NDArray[np.floating], rows: NDArray[np.intp], batch_size: int = 128
) -> NDArray[np.float64]:
    """A regressor's reading of the given rows of log-mels ``[N, M, F]`` (or embeddings): ``[len(rows), 2]``."""
    parts = [
        model(torch.from_numpy(np.asarray(data[rows[at : at + batch_size]], dtype=np.float32))).numpy()
        for at in range(0, len(rows), batch_size)
    ]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, 2))
