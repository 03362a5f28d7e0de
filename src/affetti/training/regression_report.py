"""How well a regressor predicts the emotion of test songs: every measure with its interval, and where it fails.

Intervals resample songs, not clips. As a share of the ceiling a measure is divided by what noisy labels leave to be
reached (:mod:`affetti.corpus.ceiling`, over the whole corpus); the ceiling's own interval is not in that of the share
and is reported beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from affetti import emotion, metrics, results
from affetti.corpus.ceiling import LabelCeiling
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.training.result import (
    Agreement,
    AgreementEstimate,
    Estimate,
    GenreAgreement,
    QuadrantAccuracy,
    SongError,
)

MIN_SONGS = 3
"""Songs of a genre below which no interval is given."""
MAX_WORST_SONGS = 10
"""Songs listed as those of the largest error."""

Measure = Callable[[ArrayLike, ArrayLike], float]


def agreement_measures(
    prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> dict[str, Agreement]:
    """CCC, R², Pearson's r, RMSE and MAE of valence and arousal, each with a 95 % interval over songs.

    A measure that is not defined (correlation with a constant prediction) is ``None``.

    Args:
        prediction: ``[N, 2]``.
        target: ``[N, 2]``.
        songs: song of each row, at least 2.
        seed: of the resampling.
    """

    def agreement(p: NDArray[np.float64], t: NDArray[np.float64]) -> Agreement:
        def estimate(measure: Measure) -> Estimate | None:
            return _with_interval(measure, p, t, songs, seed)

        ccc, r2 = (_with_ceiling(estimate(measure), None) for measure in (metrics.concordance, metrics.r2))
        return Agreement(ccc, r2, estimate(metrics.pearson), estimate(metrics.rmse), estimate(metrics.mae))

    return {name: agreement(prediction[:, axis], target[:, axis]) for axis, name in enumerate(AXES)}


def add_ceiling(agreement: dict[str, Agreement], ceiling: LabelCeiling) -> dict[str, Agreement]:
    """Agreement with the ceiling of the labels, where it is known, and CCC and R² as a share of it.

    Args:
        agreement: of :func:`agreement_measures`.
        ceiling: of :func:`affetti.corpus.ceiling.ceiling`.
    """
    highest = ceiling.by_axis()
    return {
        name: replace(
            measures,
            ccc=_with_ceiling(measures.ccc, None if (best := highest[name]) is None else best.ccc),
            r2=_with_ceiling(measures.r2, None if best is None else best.r2),
        )
        for name, measures in agreement.items()
    }


def song_means(values: NDArray[np.float64], songs: NDArray[np.str_]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Means of songs ``[S, ...]`` of rows ``[N, ...]``, songs sorted, and the song of each row ``[N]``.

    Example:
        >>> song_means(np.array([1.0, 3.0, 5.0]), np.array(["b", "b", "a"]))[0].tolist()
        [5.0, 2.0]
    """
    _, member, count = np.unique(songs, return_inverse=True, return_counts=True)
    sums = np.zeros((len(count), *values.shape[1:]))
    np.add.at(sums, member, values)
    return sums / count.reshape(-1, *(1,) * (values.ndim - 1)), member


def agreement_by_song(
    prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> dict[str, Agreement]:
    """:func:`agreement_measures` of the means of songs."""
    means = [song_means(values, songs)[0] for values in (prediction, target)]
    return agreement_measures(means[0], means[1], np.unique(songs), seed)


def correlation_within_songs(
    prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> dict[str, Estimate | None]:
    """By axis, Pearson's r of predictions and labels ``[N, 2]``, both less their song's mean, with its interval.

    None where it is not defined, as where labels do not vary within songs.
    """
    deviations: list[NDArray[np.float64]] = []
    for values in (prediction, target):
        means, member = song_means(values, songs)
        deviations.append(values - means[member])
    p, t = deviations
    return {
        name: _with_interval(metrics.pearson, p[:, axis], t[:, axis], songs, seed)
        if np.ptp(t[:, axis]) > 1e-9
        else None
        for axis, name in enumerate(AXES)
    }


def quadrant_accuracy(
    prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> QuadrantAccuracy:
    """Share of clips predicted in the quadrant of their label, with its interval, and what chance would reach."""
    predicted, labelled = emotion.quadrant(*prediction.T), emotion.quadrant(*target.T)
    right = (predicted == labelled).astype(np.float64)

    def share(values: NDArray[np.float64]) -> float:
        return float(np.mean(values))

    interval = metrics.bootstrap_ci(share, right, groups=songs, seed=seed)
    chance = np.unique(labelled, return_counts=True)[1].max() / len(labelled)
    return QuadrantAccuracy(Estimate(float(right.mean()), interval), float(chance), len(labelled))


def agreement_by_genre(
    prediction: NDArray[np.float64], target: NDArray[np.float64], clips: pd.DataFrame, seed: int
) -> tuple[GenreAgreement, ...]:
    """CCC of each genre with counts and intervals; ``None`` for a genre of fewer than :data:`MIN_SONGS` songs."""
    genres, songs = clips["genre"].to_numpy(dtype=str), clips["song_id"].to_numpy(dtype=str)
    rows_of = {genre: np.flatnonzero(genres == genre) for genre in sorted(set(genres.tolist()) - {""})}
    table: list[GenreAgreement] = []
    for genre, rows in rows_of.items():
        n_songs = np.unique(songs[rows]).size
        ccc: list[Estimate | None] = [None, None]
        if n_songs >= MIN_SONGS:
            ccc = [
                _with_interval(metrics.concordance, prediction[rows, axis], target[rows, axis], songs[rows], seed)
                for axis in range(2)
            ]
        table.append(GenreAgreement(genre, len(rows), n_songs, ccc[0], ccc[1]))
    return tuple(table)


def worst_songs(
    prediction: NDArray[np.float64], target: NDArray[np.float64], clips: pd.DataFrame, limit: int = MAX_WORST_SONGS
) -> tuple[SongError, ...]:
    """The songs of the largest mean distance on the plane between prediction and label, worst first, with both means.

    Args:
        prediction: ``[N, 2]``.
        target: ``[N, 2]``.
        clips: rows of a corpus; of its columns ``song_id``, ``clip_id`` and ``genre`` are used.
        limit: songs at most.
    """
    songs = clips["song_id"].to_numpy(dtype=str)
    error = np.linalg.norm(prediction - target, axis=1)
    table: list[SongError] = []
    for song in np.unique(songs):
        rows = np.flatnonzero(songs == song)
        clip = clips.iloc[rows[int(error[rows].argmax())]]
        table.append(
            SongError(
                song_id=str(song),
                error=float(error[rows].mean()),
                n=len(rows),
                prediction=_pair(prediction[rows]),
                label=_pair(target[rows]),
                worst_clip=str(clip["clip_id"]),
                genre=str(clip["genre"]),
            )
        )
    return tuple(sorted(table, key=lambda entry: -entry.error)[:limit])


def _pair(emotions: NDArray[np.float64]) -> tuple[float, float]:
    valence, arousal = emotions.mean(axis=0).tolist()
    return valence, arousal


def _with_ceiling(estimate: Estimate | None, ceiling: results.Estimate | None) -> AgreementEstimate | None:
    if estimate is None:
        return None
    if ceiling is None or not ceiling.value > 0:
        return AgreementEstimate(estimate.value, estimate.ci)
    best, (low, high) = ceiling.value, ceiling.ci
    share = Estimate(estimate.value / best, (estimate.ci[0] / best, estimate.ci[1] / best))
    return AgreementEstimate(estimate.value, estimate.ci, share, Estimate(best, (low, high)))


def _with_interval(
    measure: Measure, p: NDArray[np.float64], t: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> Estimate | None:
    """Value and interval; ``None`` where the measure is not defined."""
    try:
        return Estimate(measure(p, t), metrics.bootstrap_ci(measure, p, t, groups=songs, seed=seed))
    except InputError:
        return None
