"""A regressor of emotion fitted to a corpus, and the uncertainty of a change in its predictions.

Ridge regression from log-mel statistics to valence and arousal, fitted to a whole corpus. It predicts songs that are in
no corpus, of which one thing was changed. Another corpus of the same kind would have given another regressor, so
regressors are fitted to random halves of the songs too: the spread of their predictions about that of the whole one is,
to first order, that of the regressor about its expectation (the delete-half jackknife, Shao & Wu 1989). Intervals
resample the predicted songs and, with each draw, one of the halves.

When not to use: to say what people feel. On music unlike the corpus a regressor extrapolates, and no interval shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.linear_probe import Floats

NEEDS_LABELS = "5 songs or more whose labels differ"
N_HALVES, N_HALVES_QUICK = 24, 12
N_RESAMPLES = 2_000


@dataclass(frozen=True)
class EmotionRegressor:
    """A regressor fitted to all songs of a corpus, and regressors fitted to halves of them."""

    whole: Callable[[Floats], Floats]
    halves: tuple[Callable[[Floats], Floats], ...]
    seed: int

    @classmethod
    def fit(cls, context: AuditContext) -> EmotionRegressor | None:
        """The regressor of a corpus, None where it has too little to learn from, see :data:`NEEDS_LABELS`."""
        songs, labels = context.corpus.songs, context.corpus.labels
        names = np.unique(songs)
        if len(names) < linear_probe.N_FOLDS or not (labels.std(axis=0) > 0).all():
            return None
        rng = context.rng("reader")
        halves: list[Callable[[Floats], Floats]] = []
        for _ in range(context.sample_size(N_HALVES, N_HALVES_QUICK)):
            rows = np.flatnonzero(np.isin(songs, rng.permutation(names)[: len(names) // 2]))
            halves.append(linear_probe.fit_regressor(context.statistics[rows], labels[rows], songs[rows]))
        return cls(linear_probe.fit_regressor(context.statistics, labels, songs), tuple(halves), context.seed)

    def predict(self, features: Floats) -> Floats:
        """Valence and arousal of statistics ``[N, D]``, of every regressor, the whole one first: ``[R, N, 2]``."""
        return np.stack([predict(features) for predict in (self.whole, *self.halves)])

    def mean_effect(self, name: str, label: str, predictions: Floats) -> Measurement:
        """Mean over songs of ``predictions`` ``[R, N]`` (or differences of them) of each regressor, one a song."""
        count = predictions.shape[1]
        rng = np.random.default_rng(self.seed)
        halves = rng.integers(1, len(predictions), N_RESAMPLES)
        drawn = predictions[halves[:, None], rng.integers(count, size=(N_RESAMPLES, count))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Measurement(name, label, float(predictions[0].mean()), (float(low), float(high)), count)
