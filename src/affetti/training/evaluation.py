"""Evaluate a regressor: calibrated on validation songs, tested on songs that it has not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.corpus import Corpus, splits
from affetti.corpus.ceiling import ceiling
from affetti.errors import InputError
from affetti.models.base import Regressor
from affetti.training.calibration import calibrate, interval_coverage
from affetti.training.curve_report import curve_agreement
from affetti.training.regression_report import (
    add_ceiling,
    agreement_by_genre,
    agreement_by_song,
    agreement_measures,
    correlation_within_songs,
    quadrant_accuracy,
    worst_songs,
)
from affetti.training.result import RegressorEvaluation, TrainResult


def evaluate_regressor(
    model: Regressor, data: NDArray[np.floating], corpus: Corpus, part: splits.Fold, seed: int
) -> RegressorEvaluation:
    """Calibrate a regressor on validation songs, and test it.

    Args:
        model: the regressor; its ``half_width`` is set.
        data: what it predicts from, of each clip of the corpus: log-mels ``[N, M, F]``, or embeddings ``[N, D]``.
        corpus: labels, songs and genres.
        part: the fold; where it has no validation clips the training clips calibrate, and the result says so.
        seed: of the resampling.

    Raises:
        InputError: the test clips are of one song.
    """
    held_out = part.validation if len(part.validation) else part.train
    labels, songs = corpus.labels, corpus.songs
    calibration = calibrate(model, predict(model, data, held_out), labels[held_out], songs[held_out])
    if not len(part.validation):
        calibration = replace(calibration, on="training songs: too narrow")
    prediction = predict(model, data, part.test)
    target, test_songs, clips = labels[part.test], songs[part.test], corpus.clips.iloc[part.test]
    agreement = agreement_measures(prediction, target, test_songs, seed)
    of_windows = corpus.label_unit == "window"
    return RegressorEvaluation(
        calibration=calibration,
        test=add_ceiling(agreement, ceiling(corpus.clips, seed)),
        coverage=interval_coverage(model, prediction, target, test_songs, seed),
        quadrants=quadrant_accuracy(prediction, target, test_songs, seed),
        genres=agreement_by_genre(prediction, target, clips, seed),
        worst=worst_songs(prediction, target, clips),
        by_song=agreement_by_song(prediction, target, test_songs, seed) if of_windows else None,
        within_songs=correlation_within_songs(prediction, target, test_songs, seed) if of_windows else None,
        curves=curve_agreement(prediction, target, test_songs, seed) if of_windows else None,
    )


def with_evaluation(result: TrainResult, evaluation: RegressorEvaluation) -> TrainResult:
    """The result of training a regressor with what its test showed."""
    return replace(
        result,
        calibration=evaluation.calibration,
        test=evaluation.test,
        coverage=evaluation.coverage,
        quadrants=evaluation.quadrants,
        genres=evaluation.genres,
        worst=evaluation.worst,
        test_by_song=evaluation.by_song,
        within_songs=evaluation.within_songs,
        curves=evaluation.curves,
    )


@torch.inference_mode()
def predict(
    model: torch.nn.Module, data: NDArray[np.floating], rows: NDArray[np.intp], batch_size: int = 128
) -> NDArray[np.float64]:
    """Predict valence and arousal of rows of an array, batch by batch.

    Args:
        model: a regressor in evaluation mode, on the CPU.
        data: log-mels ``[N, M, F]`` in dB, or embeddings ``[N, D]``; may be memory-mapped.
        rows: the rows to predict.
        batch_size: clips at once.

    Returns:
        ``[len(rows), 2]`` in [-1, 1].

    Raises:
        InputError: a prediction is not finite: its clip is damaged.
    """
    parts = [
        model(torch.from_numpy(np.asarray(data[rows[at : at + batch_size]], dtype=np.float32))).numpy()
        for at in range(0, len(rows), batch_size)
    ]
    predicted = np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, 2))
    broken = np.flatnonzero(~np.isfinite(predicted).all(axis=1))
    if broken.size:
        raise InputError(
            f"the prediction of clip {rows[broken[0]]} is not finite, and that of {broken.size - 1} others",
            hint="the corpus is damaged there: remove those clips or make it again",
        )
    return predicted
