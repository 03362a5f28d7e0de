"""Keep the generated clips whose predicted emotion is near the one requested.

Two regressors are cross-fitted inside the generator's training fold: each learns from half of its songs and predicts
the other half. How far these predictions for real clips lie from their labels sets the tolerance: a generated clip is
kept when the mean of both predictions lies no farther from the emotion requested than the share ``keep`` of real clips
do from their labels.

When not to use: to claim that what is kept is of better quality. It follows the condition as far as ridge regression
can predict it, and where the regressor predicts poorly, the filter keeps the clips whose emotion is easy to predict:
check ``shift`` and ``coverage`` as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.emotion import AXES
from affetti.errors import MismatchError
from affetti.models.regressors.baseline import Baseline
from affetti.training.closed_form import fit_baseline
from affetti.training.evaluation import predict
from affetti.training.fit import labelled_clips
from affetti.training.run import TrainedModel

CELLS = 5
"""Cells an axis over which coverage of the plane is counted."""


@dataclass(frozen=True)
class FilterSummary:
    """What a filter kept of the samples that were generated."""

    tried: int
    """Samples."""
    accepted: float
    """Share of them that passed, 0 to 1."""
    tolerance: float
    """Largest distance on the plane between a prediction and the emotion requested, > 0."""
    coverage: float
    """Share of the requested cells of the plane that clips which passed still cover, 0 to 1."""
    shift: dict[str, float]
    """Mean emotion of those that passed minus that of all, by axis."""
    spread: dict[str, float]
    """Deviation of the emotion of those that passed over that of all, by axis."""


@dataclass(frozen=True)
class EmotionFilter:
    """Cross-fitted regressors and the tolerance that they set."""

    regressors: tuple[Baseline, Baseline]
    tolerance: float
    """Largest distance on the plane between a prediction and the emotion requested."""

    @classmethod
    def fit(cls, trained: TrainedModel, corpus: Corpus, keep: float = 0.8) -> EmotionFilter:
        """Fit to the clips that the generator ``trained`` was trained on, taken from ``corpus``.

        Raises:
            MismatchError: the corpus is not the generator's, or of another front-end.
        """
        require_training_corpus(trained, corpus)
        rows = corpus.fold(trained.meta.fold).train
        songs = np.unique(corpus.songs[rows])
        first = np.isin(corpus.songs[rows], np.random.default_rng(0).permutation(songs)[::2])
        regressors: list[Baseline] = []
        distance = np.empty(len(rows))
        for half in (first, ~first):
            regressor = Baseline(corpus.front_end.shape)
            fit_baseline(regressor, labelled_clips(corpus, rows[half]))
            error = predict(regressor, corpus.mel, rows[~half]) - corpus.labels[rows[~half]]
            distance[~half] = np.linalg.norm(error, axis=1)
            regressors.append(regressor)
        return cls((regressors[0], regressors[1]), float(np.quantile(distance, keep)))

    def accepts(self, mel: NDArray[np.float16], emotion: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the predicted emotion of each log-mel ``[N, M, F]`` is near ``emotion``, the requested ``[N, 2]``."""
        rows = np.arange(len(mel))
        prediction = np.mean([predict(regressor, mel, rows) for regressor in self.regressors], axis=0)
        return np.linalg.norm(prediction - emotion, axis=1) <= self.tolerance


def require_training_corpus(trained: TrainedModel, corpus: Corpus) -> None:
    """Refuse a corpus that the generator was not trained on.

    Raises:
        MismatchError: the corpus is not the generator's, or of another front-end.
    """
    corpus.require_front_end(trained.front_end, trained.path)
    if corpus.hash != trained.meta.corpus.content_hash:
        raise MismatchError(
            "not the corpus of this generator", where=corpus.path, hint="give the one it was trained on"
        )


def filter_summary(emotion: NDArray[np.float64], kept: NDArray[np.bool_], tolerance: float) -> FilterSummary:
    """What filtering did.

    Args:
        emotion: requested valence and arousal of all samples ``[N, 2]``.
        kept: which of them passed ``[N]``.
        tolerance: of the filter.
    """
    cells = np.clip(((emotion + 1) / 2 * CELLS).astype(int), 0, CELLS - 1) @ [1, CELLS]
    shift = emotion[kept].mean(axis=0) - emotion.mean(axis=0) if kept.any() else np.full(2, np.nan)
    spread = emotion[kept].std(axis=0) / emotion.std(axis=0).clip(1e-9) if kept.any() else np.full(2, np.nan)
    return FilterSummary(
        tried=len(emotion),
        accepted=float(kept.mean()),
        tolerance=tolerance,
        coverage=len(np.unique(cells[kept])) / len(np.unique(cells)),
        shift={axis: float(shift[i]) for i, axis in enumerate(AXES)},
        spread={axis: float(spread[i]) for i, axis in enumerate(AXES)},
    )
