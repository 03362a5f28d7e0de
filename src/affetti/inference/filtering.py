"""Keep the generated clips that read as they were asked.

Two regressors are cross-fitted inside the generator's training fold: each learns from half of its songs and reads the
other half. How far these readings of real clips lie from their labels says how far a clip may be off that fulfils its
wish: a generated clip is kept when the mean of both readings lies no farther from its wish than the share ``keep`` of
real clips do from their labels.

When not to use: to claim that what is kept is of better quality. It follows the wish, as ridge regression reads it, and
where the regressor cannot tell, the filter keeps what is easy to tell: read ``shift`` and ``coverage`` beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
class EmotionFilter:
    """Cross-fitted readers and the tolerance they set."""

    readers: tuple[Baseline, Baseline]
    tolerance: float
    """Largest distance on the plane between a reading and its wish."""

    @classmethod
    def fit(cls, trained: TrainedModel, corpus: Corpus, keep: float = 0.8) -> EmotionFilter:
        """Fit to the clips that the generator ``trained`` was trained on, taken from ``corpus``.

        Raises:
            MismatchError: the corpus is not the generator's, or of another front-end.
        """
        corpus.require_front_end(trained.front_end, trained.path)
        if corpus.hash != trained.meta["corpus"]["content_hash"]:
            raise MismatchError(
                "not the corpus of this generator", where=corpus.path, hint="give the one it learnt from"
            )
        rows = corpus.fold(int(trained.meta["fold"])).train
        songs = np.unique(corpus.songs[rows])
        first = np.isin(corpus.songs[rows], np.random.default_rng(0).permutation(songs)[::2])
        readers: list[Baseline] = []
        apart = np.empty(len(rows))
        for half in (first, ~first):
            reader = Baseline(corpus.front_end.shape)
            fit_baseline(reader, labelled_clips(corpus, rows[half]))
            off = predict(reader, corpus.mel, rows[~half]) - corpus.labels[rows[~half]]
            apart[~half] = np.linalg.norm(off, axis=1)
            readers.append(reader)
        return cls((readers[0], readers[1]), float(np.quantile(apart, keep)))

    def reads_as_asked(self, mel: NDArray[np.float16], wish: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which log-mels ``[N, M, F]`` read as the emotions ``[N, 2]`` they were asked for."""
        rows = np.arange(len(mel))
        reading = np.mean([predict(reader, mel, rows) for reader in self.readers], axis=0)
        return np.linalg.norm(reading - wish, axis=1) <= self.tolerance


def filter_summary(wish: NDArray[np.float64], kept: NDArray[np.bool_], tolerance: float) -> dict[str, Any]:
    """What filtering did: the share kept, the cells of the plane still covered, and the shift of the labels."""
    cells = np.clip(((wish + 1) / 2 * CELLS).astype(int), 0, CELLS - 1) @ [1, CELLS]
    shift = wish[kept].mean(axis=0) - wish.mean(axis=0) if kept.any() else np.full(2, np.nan)
    spread = wish[kept].std(axis=0) / wish.std(axis=0).clip(1e-9) if kept.any() else np.full(2, np.nan)
    return {
        "tried": len(wish),
        "accepted": float(kept.mean()),
        "tolerance": tolerance,
        "coverage": len(np.unique(cells[kept])) / len(np.unique(cells)),
        "shift": {axis: float(shift[i]) for i, axis in enumerate(AXES)},
        "spread": {axis: float(spread[i]) for i, axis in enumerate(AXES)},
    }
