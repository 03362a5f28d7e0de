"""Where in its song a clip lies: position and section.

A song's length is the end of its last clip, so position is known only where a song has two clips or more; it is that
of the clip's middle. When not to use: for songs of which only the beginning was cut into clips: their length is
unknown.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affetti.studies.audit.probes.linear_probe import N_FOLDS, Floats, Texts, concatenated, one_hot


def positions(clips: pd.DataFrame) -> Floats:
    """Position of each clip ``[N]`` in its song, in (0, 1); NaN where the song has one clip alone."""
    start, duration = (clips[name].to_numpy(dtype=np.float64) for name in ("start", "duration"))
    _, member, count = np.unique(clips["song_id"].to_numpy(dtype=str), return_inverse=True, return_counts=True)
    length = np.zeros(len(count))
    np.maximum.at(length, member, start + duration)
    known = (count[member] > 1) & (length[member] > 0)
    return np.where(known, (start + duration / 2) / np.maximum(length[member], 1e-9), np.nan)


def sections(clips: pd.DataFrame) -> Texts:
    """Section of each clip ``[N]`` in lower case; empty where it is unknown."""
    return clips["section"].fillna("").str.strip().str.lower().to_numpy(dtype=str)


def learnable_classes(kinds: Texts, songs: Texts) -> Texts:
    """The kinds, empty text left out, that occur in as many songs as a probe has folds; fewer teach it nothing."""
    names = np.unique(kinds[kinds != ""])
    return names[np.array([np.unique(songs[kinds == name]).size >= N_FOLDS for name in names], dtype=bool)]


def structure_features(clips: pd.DataFrame) -> Floats | None:
    """Position, its square (an arc) and the section, a column a kind ``[N, D]``; None where neither is known.

    An unknown position is the middle.
    """
    blocks: list[Floats] = []
    position, section = positions(clips), sections(clips)
    if np.isfinite(position).any():
        at = np.where(np.isfinite(position), position, 0.5) - 0.5
        blocks.append(np.column_stack([at, at**2]))
    if np.unique(section[section != ""]).size > 1:
        blocks.append(one_hot(section))
    return concatenated(*blocks) if blocks else None
