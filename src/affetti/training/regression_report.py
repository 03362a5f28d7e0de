"""What a regressor's reading of test songs is worth: every measure with its interval, and where it fails.

Intervals draw songs, not clips. As a share of the ceiling a measure is divided by what the labels can bear
(:mod:`affetti.corpus.ceiling`, over the whole corpus); the ceiling's own interval is not in it and stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from affetti import emotion, metrics
from affetti.errors import InputError

AXES = ("valence", "arousal")
MEASURES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "ccc": metrics.concordance,
    "r2": metrics.r2,
    "pearson": metrics.pearson,
    "rmse": metrics.rmse,
    "mae": metrics.mae,
}
MIN_SONGS = 3
"""Songs of a genre below which no interval is given."""
MAX_WORST_SONGS = 10
"""Songs told as the worst."""


def agreement_measures(
    prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> dict[str, dict[str, Any]]:
    """CCC, R², Pearson's r, RMSE and MAE of valence and arousal, each with a 95 % interval over songs.

    A measure that is not defined (correlation with a constant reading) is ``None``.

    Args:
        prediction: ``[N, 2]``.
        target: ``[N, 2]``.
        songs: song of each row, at least 2.
        seed: of the resampling.
    """
    return {
        name: {
            key: _with_interval(measure, prediction[:, axis], target[:, axis], songs, seed)
            for key, measure in MEASURES.items()
        }
        for axis, name in enumerate(AXES)
    }


def add_ceiling(found: dict[str, dict[str, Any]], ceiling: dict[str, Any]) -> None:
    """Add the ceiling of the labels, where it is known, and CCC and R² as a share of it (``of_ceiling``)."""
    for axis in AXES:
        for key in ("ccc", "r2"):
            top, measure = ceiling[axis], found[axis][key]
            if top is not None and measure is not None and top[key]["value"] > 0:
                best = top[key]["value"]
                share = {"value": measure["value"] / best, "ci": [bound / best for bound in measure["ci"]]}
                measure |= {"of_ceiling": share, "ceiling": top[key]}


def quadrant_accuracy(
    prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> dict[str, Any]:
    """Share of clips read in the quadrant of their label, with its interval, and what guessing the commonest gives."""
    read, true = emotion.quadrant(*prediction.T), emotion.quadrant(*target.T)
    right = (read == true).astype(np.float64)
    interval = metrics.bootstrap_ci(lambda values: float(np.mean(values)), right, groups=songs, seed=seed)
    guess = np.unique(true, return_counts=True)[1].max() / len(true)
    return {"accuracy": {"value": float(right.mean()), "ci": list(interval)}, "guess": float(guess), "n": len(true)}


def agreement_by_genre(
    prediction: NDArray[np.float64], target: NDArray[np.float64], clips: pd.DataFrame, seed: int
) -> list[dict[str, Any]]:
    """CCC of each genre with counts and intervals; ``None`` for a genre of fewer than three songs."""
    genres, songs = clips["genre"].to_numpy(dtype=str), clips["song_id"].to_numpy(dtype=str)
    found: list[dict[str, Any]] = []
    for genre in sorted(set(genres.tolist()) - {""}):
        rows = np.flatnonzero(genres == genre)
        count = np.unique(songs[rows]).size
        row: dict[str, Any] = {"genre": genre, "n": len(rows), "songs": count}
        for axis, name in enumerate(AXES):
            p, t = prediction[rows, axis], target[rows, axis]
            row[name] = _with_interval(metrics.concordance, p, t, songs[rows], seed) if count >= MIN_SONGS else None
        found.append(row)
    return found


def worst_songs(
    prediction: NDArray[np.float64], target: NDArray[np.float64], clips: pd.DataFrame, most: int = MAX_WORST_SONGS
) -> list[dict[str, Any]]:
    """The songs read worst: mean distance on the plane between reading and label, with both means."""
    songs = clips["song_id"].to_numpy(dtype=str)
    error = np.linalg.norm(prediction - target, axis=1)
    found: list[dict[str, Any]] = []
    for song in np.unique(songs):
        rows = np.flatnonzero(songs == song)
        clip = clips.iloc[rows[int(error[rows].argmax())]]
        told: dict[str, Any] = {"song_id": str(song), "error": float(error[rows].mean()), "n": len(rows)}
        told["read"], told["label"] = prediction[rows].mean(axis=0).tolist(), target[rows].mean(axis=0).tolist()
        told |= {"worst_clip": str(clip["clip_id"]), "genre": str(clip["genre"])}
        found.append(told)
    return sorted(found, key=lambda entry: -entry["error"])[:most]


def _with_interval(
    measure: Callable[[ArrayLike, ArrayLike], float],
    p: NDArray[np.float64],
    t: NDArray[np.float64],
    songs: NDArray[np.str_],
    seed: int,
) -> dict[str, Any] | None:
    """Value and interval; ``None`` where the measure is not defined."""
    try:
        return {"value": measure(p, t), "ci": list(metrics.bootstrap_ci(measure, p, t, groups=songs, seed=seed))}
    except InputError:
        return None
