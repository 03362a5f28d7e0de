"""The manifest of a corpus, ``clips.parquet``: one row a clip; and the hash of what a corpus holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.errors import InputError

COLUMNS: dict[str, str] = {
    "clip_id": "string",
    "song_id": "string",
    "artist": "string",
    "genre": "string",
    "dataset": "string",
    "fold": "int16",
    "part": "string",
    "valence": "float64",
    "arousal": "float64",
    "valence_std": "float64",
    "arousal_std": "float64",
    "raters": "int16",
    "valence_original": "float64",
    "arousal_original": "float64",
    "tags": "string",
    "start": "float64",
    "duration": "float64",
    "mode": "string",
    "section": "string",
    "instruments": "string",
    "lyrics": "string",
    "source_path": "string",
    "sha256": "string",
    "duplicates": "string",
    "synthetic": "bool",
}
"""Columns of ``clips.parquet``, one row a clip. Empty text and NaN mean "unknown".

``fold`` is the fold whose test set the clip is in, -1 where it is in none (synthetic sets, the training part of a fixed
split); ``part`` is train, validation or test in a fixed split; ``valence_original`` and ``arousal_original`` are the
labels as published, on the scale of their ``dataset``; ``tags`` the published categories; ``duplicates`` names a set of
clips that sound alike though they are of different songs.
"""

OPTIONAL: dict[str, str] = {"language": "string", "tempo": "float64", "genre_original": "string"}
"""Columns that a corpus has only where some clip is known: language of the words, beats per minute, and the genre as
published, where ``genre`` is the study's."""


def is_empty(column: pd.Series) -> bool:
    """Whether a column says nothing of any clip."""
    return bool((column.isna() | (column.astype(str) == "")).all())


def require_unique(clips: pd.DataFrame, where: str | Path) -> None:
    """Raise if a clip id occurs twice in a manifest.

    Raises:
        InputError: names the first.
    """
    again = clips["clip_id"].duplicated().to_numpy()
    if again.any():
        name = clips["clip_id"].iloc[int(again.argmax())]
        raise InputError(f"clip {name!r} occurs twice", where=where, hint="rename one of the files")


def content_hash(clips: pd.DataFrame, mel: NDArray[np.float16]) -> str:
    """SHA-256 over the manifest's rows and the log-mels, independent of the file formats."""
    digest = hashlib.sha256()
    digest.update(clips.to_csv(index=False).encode())
    for start in range(0, len(mel), 256):
        digest.update(np.ascontiguousarray(mel[start : start + 256]).tobytes())
    return digest.hexdigest()
