"""Emotions at which a regressor errs most: what ``-hard`` sets request of a generator.

Ridge regression predicts each training clip from the other training songs (out of fold, by song); emotions are then
drawn among the clips' labels in proportion to the squared error of the prediction. When not to use: where errors are
those of noisy labels, which more clips like them do not cure.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.emotion import AXES
from affetti.models.regressors.baseline import Baseline
from affetti.random import child_seed
from affetti.storage import write_text
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.evaluation import predict

N_FOLDS = 4
"""Folds of the training songs for predictions out of fold."""


def squared_errors(corpus: Corpus, rows: NDArray[np.intp], seed: int) -> NDArray[np.float64]:
    """Squared distance on the plane between label and out-of-fold prediction of each clip ``[len(rows)]``."""
    songs = np.unique(corpus.songs[rows])
    home = np.random.default_rng(child_seed("hard", seed)).permutation(len(songs)) % min(N_FOLDS, len(songs))
    fold = home[np.searchsorted(songs, corpus.songs[rows])]
    errors = np.zeros(len(rows))
    for number in np.unique(fold):
        model = Baseline(corpus.front_end.shape)
        fit_baseline(model, Clips(corpus.mel, corpus.labels, rows[fold != number]))
        held_out = rows[fold == number]
        prediction = predict(model, corpus.mel, held_out)
        errors[fold == number] = np.square(prediction - corpus.labels[held_out]).sum(axis=1)
    return errors


def write_hard_emotions(corpus: Corpus, fold: int, n: int, path: Path, *, seed: int = 0) -> Path:
    """Write ``n`` emotions at which ridge regression errs most, as a CSV of valence and arousal; made once.

    Args:
        corpus: the real corpus.
        fold: the emotions are those of its training clips.
        n: how many.
        path: the file.
        seed: of the folds and of the draw.
    """
    if path.exists():
        return path
    rows = corpus.fold(fold).train
    errors = squared_errors(corpus, rows, seed)
    rng = np.random.default_rng(child_seed("hard emotions", seed))
    chosen = rows[rng.choice(len(rows), n, p=errors / errors.sum())]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(AXES)
    writer.writerows(np.round(corpus.labels[chosen], 6).tolist())
    write_text(path, text.getvalue())
    return path
