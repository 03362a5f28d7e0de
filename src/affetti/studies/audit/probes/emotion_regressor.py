"""A regressor of emotion fitted to a corpus, and the uncertainty of a change in its predictions.

Ridge regression from log-mel statistics to valence and arousal, fitted to a whole corpus. Where the corpus has sound,
valence is predicted from the 42 numbers of its harmony instead, if these predict held-out songs better
(:func:`cross_val_emotion`): a log-mel hardly shows mode and chords. The regressor predicts songs that are in no corpus,
of which one thing was changed. Another corpus of the same kind would have given another regressor, so regressors are
fitted to random halves of the songs too: the spread of their predictions about that of the whole one is, to first
order, that of the regressor about its expectation (the delete-half jackknife, Shao & Wu 1989). Intervals resample the
predicted songs and, with each draw, one of the halves.

When not to use: to say what people feel. On music unlike the corpus a regressor extrapolates, and no interval shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from affetti import metrics
from affetti.progress import Progress, silent
from affetti.signal.descriptors import harmony_descriptors
from affetti.studies.audit.answer import Measurement, NotMeasurableError
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.linear_probe import Floats

NEEDS_LABELS = "5 songs or more whose labels differ"
N_HALVES, N_HALVES_QUICK = 24, 12
N_RESAMPLES = 2_000
MAX_HARMONY_CLIPS, MAX_HARMONY_CLIPS_QUICK = 480, 120
"""Clips whose harmony a regressor is fitted to: it takes time by the clip."""
Rows = NDArray[np.intp]
Fit = Callable[[Floats, Floats], Floats]
"""Valence and arousal ``[N, 2]`` of log-mel statistics ``[N, D]`` and numbers of harmony ``[N, 42]``."""


@dataclass(frozen=True)
class PredictedEmotion:
    """Valence and arousal of a corpus' clips, predicted out of fold."""

    prediction: Floats
    """``[N, 2]``."""
    from_harmony: bool
    """Whether valence is predicted from harmony, else from log-mel statistics as arousal is."""


@dataclass(frozen=True)
class EmotionRegressor:
    """A regressor fitted to all songs of a corpus, and regressors fitted to halves of them."""

    whole: Fit
    halves: tuple[Fit, ...]
    seed: int
    sample_rate: int
    """Of sound that it predicts, samples a second."""
    from_harmony: bool = False
    """Whether valence is predicted from harmony, else from log-mel statistics as arousal is."""

    @classmethod
    def fit(cls, context: AuditContext, progress: Progress = silent) -> EmotionRegressor | None:
        """The regressor of a corpus, None where it has too little to learn from, see :data:`NEEDS_LABELS`."""
        songs, labels = context.corpus.songs, context.corpus.labels
        names = np.unique(songs)
        if len(names) < linear_probe.N_FOLDS or not (labels.std(axis=0) > 0).all():
            return None
        rows = harmony_rows(context)
        varied = np.unique(songs[rows]).size >= linear_probe.N_FOLDS and bool((labels[rows].std(axis=0) > 0).all())
        from_harmony = varied and cross_val_emotion(context, rows, progress).from_harmony
        rng = context.rng("reader")
        whole = np.ones(len(songs), dtype=bool)
        halves = [
            np.isin(songs, rng.permutation(names)[: len(names) // 2])
            for _ in range(context.sample_size(N_HALVES, N_HALVES_QUICK))
        ]
        first, *others = [
            _fit(context, np.flatnonzero(kept), rows[kept[rows]] if from_harmony else None) for kept in (whole, *halves)
        ]
        return cls(first, tuple(others), context.seed, context.front_end.sample_rate, from_harmony)

    def harmony(self, waveform: Tensor) -> Floats:
        """What :meth:`predict` wants of the sound of a clip ``[T]``: its harmony ``[42]``, or ``[0]`` without use."""
        return harmony_descriptors(waveform, self.sample_rate) if self.from_harmony else np.zeros(0)

    def predict(self, statistics: Floats, harmony: Floats) -> Floats:
        """Valence and arousal of clips, of every regressor, the whole one first: ``[R, N, 2]``.

        Args:
            statistics: of the log-mels ``[N, D]``.
            harmony: of the sounds, see :meth:`harmony`, ``[N, 42]`` or ``[N, 0]``.
        """
        return np.stack([fitted(statistics, harmony) for fitted in (self.whole, *self.halves)])

    def mean_effect(self, name: str, label: str, predictions: Floats) -> Measurement:
        """Mean over songs of ``predictions`` ``[R, N]`` (or differences of them) of each regressor, one a song."""
        count = predictions.shape[1]
        rng = np.random.default_rng(self.seed)
        halves = rng.integers(1, len(predictions), N_RESAMPLES)
        drawn = predictions[halves[:, None], rng.integers(count, size=(N_RESAMPLES, count))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Measurement(name, label, float(predictions[0].mean()), (float(low), float(high)), count)


def cross_val_emotion(context: AuditContext, rows: Rows, progress: Progress = silent) -> PredictedEmotion:
    """Emotion of clips ``rows`` out of fold, valence from harmony where there is sound and its CCC is higher.

    Raises:
        InputError: fewer songs than folds, or labels that do not vary.
    """
    songs, labels = context.corpus.songs[rows], context.corpus.labels[rows]
    prediction = linear_probe.cross_val_predict(context.statistics[rows], labels, songs)
    try:
        harmony = context.harmony(rows, progress)
    except NotMeasurableError:
        return PredictedEmotion(prediction, from_harmony=False)
    valence = linear_probe.cross_val_predict(harmony, labels[:, 0], songs)
    if metrics.concordance(valence, labels[:, 0]) <= metrics.concordance(prediction[:, 0], labels[:, 0]):
        return PredictedEmotion(prediction, from_harmony=False)
    return PredictedEmotion(np.column_stack([valence, prediction[:, 1]]), from_harmony=True)


def harmony_of(regressor: EmotionRegressor | None) -> Callable[[Tensor], Floats]:
    """What a regressor wants of the sound of a clip, see :meth:`EmotionRegressor.harmony`; without one, nothing."""
    return (lambda _: np.zeros(0)) if regressor is None else regressor.harmony


def harmony_rows(context: AuditContext) -> Rows:
    """The clips whose harmony a regressor is fitted to."""
    return context.select_rows(context.sample_size(MAX_HARMONY_CLIPS, MAX_HARMONY_CLIPS_QUICK))


def caution(*, from_harmony: bool) -> str:
    """What a regressor predicts from, for a reader of its answer."""
    if from_harmony:
        return (
            "The regressor predicts valence from 42 numbers of harmony of the sound, which predicted held-out songs "
            "better than the log-mel, and arousal from the log-mel."
        )
    return (
        "The regressor predicts valence and arousal from the log-mel: there is no sound, or harmony predicted the "
        "valence of held-out songs no better."
    )


def _fit(context: AuditContext, rows: Rows, of_harmony: Rows | None) -> Fit:
    """Fit clips ``rows``, and valence to the harmony of clips ``of_harmony`` if there are any."""
    songs, labels = context.corpus.songs, context.corpus.labels
    by_mel = linear_probe.fit_regressor(context.statistics[rows], labels[rows], songs[rows])
    if of_harmony is None:
        return lambda statistics, _: by_mel(statistics)
    by_harmony = linear_probe.fit_regressor(context.harmony(of_harmony), labels[of_harmony, 0], songs[of_harmony])
    return lambda statistics, harmony: np.column_stack([by_harmony(harmony), by_mel(statistics)[:, 1]])
