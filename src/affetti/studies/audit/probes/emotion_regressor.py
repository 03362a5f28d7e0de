"""A reader of emotion, and how sure one can be of a change in what it reads.

Ridge regression from log-mel statistics to valence and arousal, fitted to a whole corpus. It reads songs that are in no
corpus, of which one thing was changed. Another corpus of the same kind would have given another reader: so readers are
fitted to random halves of the songs too, whose spread about the whole one's reading is, to first order, that of a
reader about its truth (the delete-half jackknife, Shao & Wu 1989). Intervals draw the songs that are read again, and
with each draw one of the halves.

When not to use: to say what people feel. On music unlike the corpus a reader extrapolates, and no interval knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.linear_probe import Floats
from affetti.studies.audit.scope import Scope

LABELS = "5 songs or more whose labels differ"
HALVES, HALVES_QUICK = 24, 12
DRAWS = 2_000


@dataclass(frozen=True)
class Reader:
    """A reader fitted to all songs of a corpus, and readers fitted to halves of them."""

    whole: Callable[[Floats], Floats]
    halves: tuple[Callable[[Floats], Floats], ...]
    seed: int

    @classmethod
    def of(cls, scope: Scope) -> Reader | None:
        """The reader of a corpus, None where it has too little to learn from, see :data:`LABELS`."""
        songs, labels = scope.corpus.songs, scope.corpus.labels
        names = np.unique(songs)
        if len(names) < linear_probe.FOLDS or not (labels.std(axis=0) > 0).all():
            return None
        rng = scope.rng("reader")
        halves: list[Callable[[Floats], Floats]] = []
        for _ in range(scope.few(HALVES, HALVES_QUICK)):
            rows = np.flatnonzero(np.isin(songs, rng.permutation(names)[: len(names) // 2]))
            halves.append(linear_probe.learn_values(scope.statistics[rows], labels[rows], songs[rows]))
        return cls(linear_probe.learn_values(scope.statistics, labels, songs), tuple(halves), scope.seed)

    def __call__(self, features: Floats) -> Floats:
        """Valence and arousal of statistics ``[N, D]``, of every reader, the whole one first: ``[R, N, 2]``."""
        return np.stack([read(features) for read in (self.whole, *self.halves)])

    def measured(self, name: str, label: str, readings: Floats) -> Measurement:
        """The mean over songs of what readers find, such as differences of their readings ``[R, N]``, one a song."""
        count = readings.shape[1]
        rng = np.random.default_rng(self.seed)
        halves = rng.integers(1, len(readings), DRAWS)
        drawn = readings[halves[:, None], rng.integers(count, size=(DRAWS, count))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Measurement(name, label, float(readings[0].mean()), (float(low), float(high)), count)
