"""Examine a regressor: calibrated on validation songs, tested on songs never seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.corpus import Corpus, splits
from affetti.corpus.ceiling import ceiling
from affetti.models.regressors.base import Regressor
from affetti.training.calibration import calibrate, covered
from affetti.training.regression_report import agreement, by_genre, of_ceiling, quadrants, worst_songs


def examine(
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
    calibration = calibrate(model, read(model, data, held), labels[held], songs[held])
    calibration["on"] = "validation songs" if len(part.validation) else "training songs: too narrow"
    prediction = read(model, data, part.test)
    target, tested, clips = labels[part.test], songs[part.test], corpus.clips.iloc[part.test]
    test = agreement(prediction, target, tested, seed)
    of_ceiling(test, ceiling(corpus.clips, seed))
    return {
        "calibration": calibration,
        "test": test,
        "coverage": covered(model, prediction, target, tested, seed),
        "quadrants": quadrants(prediction, target, tested, seed),
        "genres": by_genre(prediction, target, clips, seed),
        "worst": worst_songs(prediction, target, clips),
    }


@torch.inference_mode()
def read(
    model: torch.nn.Module, data: NDArray[np.floating], rows: NDArray[np.intp], batch_size: int = 128
) -> NDArray[np.float64]:
    """A regressor's reading of the given rows of log-mels ``[N, M, F]`` (or embeddings): ``[len(rows), 2]``."""
    parts = [
        model(torch.from_numpy(np.asarray(data[rows[at : at + batch_size]], dtype=np.float32))).numpy()
        for at in range(0, len(rows), batch_size)
    ]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, 2))
