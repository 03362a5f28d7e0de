"""Labels of windows, from ratings over time: ``dynamic.parquet`` gives each clip a label of its own.

A rating holds from its time to the next one, for at most twice the usual step of its song, and the last for one step. A
clip's label is the mean of the ratings that hold in it, weighted by how long they do. A clip of which ratings cover
less than half (DEAM's and PMEmo's begin after 15 s) has no label, and belongs to no part of any fold.

Ratings follow the music by the raters' reaction, a second or more; no lag is corrected here.

When not to use: to compare with results on labels of songs, which are another task. Labels of windows are the means of
fewer ratings and noisier; their ceiling is unknown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.storage import is_file, reading

LabelUnit = Literal["song", "window"]
"""Whether clips have the labels of their corpus, those of songs as a rule, or their own from ratings over time."""
FILE = "dynamic.parquet"
MIN_COVERED = 0.5
"""Share of a clip that ratings must cover."""
MAX_STEPS = 2.0
"""Steps of its song for which a rating holds at most."""
HINT = "leave out --labels window"


def read_ratings(folder: Path) -> pd.DataFrame:
    """The ratings over time of a corpus: ``song_id``, ``time`` in seconds, ``valence`` and ``arousal``.

    Raises:
        InputError: the corpus has none, or they have no times.
        StorageError: the file cannot be read.
    """
    path = folder / FILE
    if not is_file(path):
        raise InputError("has no ratings over time, so that its windows have no labels", where=folder, hint=HINT)
    with reading(path, "make the corpus again"):
        ratings = pd.read_parquet(path)
    absent = [name for name in ("song_id", "time", *AXES) if name not in ratings.columns]
    if absent:
        raise InputError(f"column {absent[0]!r} is missing", where=path, hint=f"make the corpus again, or {HINT}")
    return ratings.dropna(subset=["time", *AXES])


def window_labels(clips: pd.DataFrame, ratings: pd.DataFrame) -> NDArray[np.float64]:
    """Valence and arousal of each clip ``[N, 2]``, NaN where ratings cover too little of it.

    Args:
        clips: ``song_id``, ``start`` and ``duration`` in seconds.
        ratings: see :func:`read_ratings`.

    Example:
        >>> clips = pd.DataFrame({"song_id": ["a", "a"], "start": [0.0, 1.0], "duration": [2.0, 2.0]})
        >>> ratings = pd.DataFrame({"song_id": "a", "time": [0.0, 2.0], "valence": [0.0, 1.0], "arousal": [0.5, 0.5]})
        >>> window_labels(clips, ratings).tolist()
        [[0.0, 0.5], [0.5, 0.5]]
    """
    labels = np.full((len(clips), 2), np.nan)
    of_song = {str(song): table.sort_values("time") for song, table in ratings.groupby("song_id", sort=False)}
    start, duration = (clips[name].to_numpy(dtype=np.float64) for name in ("start", "duration"))
    for song, rows in clips.groupby("song_id", sort=False).indices.items():
        table = of_song.get(str(song))
        if table is None or len(table) < 2:
            continue
        begins, values = table["time"].to_numpy(dtype=np.float64), table[list(AXES)].to_numpy(dtype=np.float64)
        ends = _ends(begins)
        held = np.minimum(ends, (start + duration)[rows, None]) - np.maximum(begins, start[rows, None])
        weights = np.maximum(held, 0.0)  # [clips, ratings]
        covered = weights.sum(axis=1)
        enough = covered >= MIN_COVERED * duration[rows]
        labels[rows[enough]] = weights[enough] @ values / covered[enough, None]
    return labels


def with_window_labels(clips: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """A manifest whose labels are those of windows, and which clips have one; the others keep theirs.

    Spread and number of raters are those of songs, and therefore unknown here.

    Raises:
        InputError: there are no ratings over time, or none of the clips is covered by them.
        StorageError: they cannot be read.
    """
    labels = window_labels(clips, read_ratings(folder))
    rated = np.isfinite(labels[:, 0]) & np.isfinite(labels[:, 1])
    if not rated.any():
        raise InputError("no clip is covered by ratings over time", where=folder, hint=HINT)
    clips = clips.copy()
    for axis, name in enumerate(AXES):
        clips[name] = np.where(rated, labels[:, axis], clips[name].to_numpy(dtype=np.float64))
        clips[f"{name}_std"] = np.nan
    clips["raters"] = np.zeros(len(clips), dtype=np.int16)
    return clips, rated


def _ends(begins: NDArray[np.float64]) -> NDArray[np.float64]:
    """When each rating of a song ends, seconds."""
    steps = np.diff(begins)
    usual = float(np.median(steps))
    return begins + np.append(np.minimum(steps, MAX_STEPS * usual), usual)
