"""Valence predicted from harmony, where all sets have sound and validation songs prefer it to the log-mel's.

A network on log-mels predicts valence badly where it follows mode and chords, which it would have to infer. Ridge
regression on the 42 numbers of harmony of the sound (:mod:`affetti.embedders.descriptors`) is fitted to the same
training clips, and takes the network's place for valence if its CCC on the same validation clips is higher.

When not to use: to compare clips of sound with clips that were turned into sound from log-mels, as those of spectrogram
generators are. Mel inversion blurs their harmony, so that their response to the condition is a lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import splits
from affetti.embedders.cache import embed
from affetti.embedders.clip_set import ClipSet
from affetti.embedders.descriptors import HARMONY
from affetti.errors import InputError
from affetti.models.regressors.baseline import Baseline, BaselineConfig
from affetti.training.evaluation import predict

Rows = NDArray[np.float64]
MIN_VALIDATION_SONGS = 3
"""Validation songs below which the choice would be chance."""


def harmony_valence(
    real: ClipSet, part: splits.Fold, of_network: Rows, sets: Sequence[ClipSet]
) -> tuple[Rows, tuple[Rows, ...]] | None:
    """Valence of the fold's test clips and of other sets, from harmony; None where it is not preferred.

    Args:
        real: the real clips.
        part: rows of ``real``.
        of_network: what the network predicts of the validation clips ``[V, 2]``.
        sets: other sets.

    Returns:
        Predicted valence of the test clips, and of each set ``[N]``, in [-1, 1].
    """
    if real.labels is None or not all(map(_has_sound, (real, *sets))):
        return None
    valence = real.labels[part.validation, 0]
    if np.unique(real.songs[part.validation]).size < MIN_VALIDATION_SONGS:
        return None
    vectors = embed(real, HARMONY)
    model = Baseline((1, 1), BaselineConfig(features=HARMONY.name, version=HARMONY.version, dimension=vectors.shape[1]))
    model.fit(torch.from_numpy(vectors[part.train]).float(), torch.from_numpy(real.labels[part.train]).float())
    model.eval()
    own = predict(model, vectors, part.validation)[:, 0]
    if not _ccc(own, valence) > _ccc(of_network[:, 0], valence):
        return None
    of_sets = [embed(clips, HARMONY) for clips in sets]
    predicted = tuple(predict(model, each, np.arange(len(each)))[:, 0] for each in of_sets)
    return predict(model, vectors, part.test)[:, 0], predicted


def _has_sound(clips: ClipSet) -> bool:
    return clips.front_end is not None and clips.files is not None and all(file.is_file() for file in clips.files)


def _ccc(prediction: Rows, target: Rows) -> float:
    try:
        return float(metrics.concordance(prediction, target))
    except InputError:
        return 0.0
