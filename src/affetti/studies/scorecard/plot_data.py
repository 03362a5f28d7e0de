"""What the report draws of a scorecard, as arrays in ``pictures.npz`` beside ``result.json``.

- ``map_real [N, 2]``, ``map_fake [K, 2]``, ``map_share [2]``: clips on the first two principal components of the real
  embeddings, synthetic ones projected onto them, and the share of the real variance along each;
- ``level_real``, ``level_fake [2, M]``: mean over clips of each band's level in dB, and its deviation between clips;
  ``band_hz [M]`` the bands' centres, or ``[0]`` where the front-end is not known;
- ``modulation_real``, ``modulation_fake [2, R]``: mean over clips, and deviation, of the power in dB with which band
  levels swing ``rate [R]`` times a second (a frame, where the front-end is not known): log-spaced bins, all bands;
- ``pairs_fake``, ``pairs_train [P, M, F]``: log-mels of the nearest pairs, where the training set is known;
- ``atypical_fake [P, M, F]``: log-mels of the least typical clips.

Large sets are drawn from evenly spaced clips, at most :data:`MAX_POINTS` on the map and :data:`MAX_CLIPS` for levels
and modulation. No array needs unpickling.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.embedders.clip_set import ClipSet
from affetti.presets import FrontEnd
from affetti.rows import evenly_spaced, release_pages
from affetti.signal.front_ends import band_frequencies
from affetti.storage import atomic_write
from affetti.studies.scorecard.copy_results import NearestPair
from affetti.studies.scorecard.typicality_results import AtypicalClip

MAX_POINTS = 1_500
MAX_CLIPS = 512
MAX_RATES = 28
"""Bins of the modulation spectrum, at the most."""
N_PAIRS = 4
"""Nearest pairs to show and play, each with a different synthetic clip."""
N_ATYPICAL = 4
"""Least typical clips to see and hear."""
MIN_POWER = 0.01
"""Power in dB² that a bin is taken to have at least."""

Rows = NDArray[np.float64]
Arrays = dict[str, Any]


def save(path: Path, arrays: Arrays) -> None:
    """Write arrays, whole or not at all."""
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def plot_arrays(
    reference: ClipSet,
    fake: ClipSet,
    x: Rows,
    y: Rows,
    train: ClipSet | None,
    pairs: Sequence[NearestPair],
    atypical: Sequence[AtypicalClip] = (),
) -> Arrays:
    """The arrays of the module's docstring.

    Args:
        reference: real clips.
        fake: synthetic clips.
        x: embeddings of the real clips ``[N, D]``.
        y: embeddings of the synthetic clips ``[K, D]``.
        train: what the generator was trained on.
        pairs: its nearest pairs, see :mod:`affetti.studies.scorecard.memorisation`.
        atypical: the least typical clips.
    """
    front = reference.front_end or fake.front_end
    arrays: Arrays = {**_map(x, y), "band_hz": np.zeros(0) if front is None else band_frequencies(front)}
    for side, clips in (("real", reference), ("fake", fake)):
        arrays[f"level_{side}"], arrays["rate"], arrays[f"modulation_{side}"] = _courses(clips, front)
    if train is not None and pairs:
        chosen = pairs[:N_PAIRS]
        arrays["pairs_fake"] = np.stack([fake.mel[pair.fake_row] for pair in chosen]).astype(np.float16)
        arrays["pairs_train"] = np.stack([train.mel[pair.train_row] for pair in chosen]).astype(np.float16)
    if atypical:
        arrays["atypical_fake"] = np.stack([fake.mel[clip.row] for clip in atypical[:N_ATYPICAL]]).astype(np.float16)
    return arrays


def _map(x: Rows, y: Rows) -> Arrays:
    middle = x.mean(axis=0)
    _, spread, axes = np.linalg.svd(x[evenly_spaced(len(x), 4 * MAX_POINTS)] - middle, full_matrices=False)
    # An axis may point either way: its largest coordinate is made positive.
    first = axes[:2] * np.sign(axes[:2][np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    share = spread**2 / max(float((spread**2).sum()), 1e-12)
    points = [((rows - middle)[evenly_spaced(len(rows), MAX_POINTS)] @ first.T).astype(np.float32) for rows in (x, y)]
    return {"map_real": points[0], "map_fake": points[1], "map_share": share[:2]}


def _courses(clips: ClipSet, front: FrontEnd | None) -> tuple[Rows, Rows, Rows]:
    """Mean and deviation over clips of levels ``[2, M]`` and of modulation ``[2, R]``, and the rates ``[R]``."""
    levels: list[Rows] = []
    swings: list[Rows] = []
    frames = clips.mel.shape[2]
    window = np.hanning(frames + 2)[1:-1]
    edges = np.unique(np.geomspace(1, frames // 2 + 1, MAX_RATES + 1).round().astype(np.intp))
    for row in evenly_spaced(len(clips), MAX_CLIPS):
        mel = np.asarray(clips.mel[row], dtype=np.float64)
        level = mel.mean(axis=1)
        spectrum = np.fft.rfft((mel - level[:, None]) * window, axis=1)
        power = (np.abs(spectrum) ** 2).mean(axis=0) * 2 / (frames * (window**2).sum())
        binned = np.add.reduceat(power, edges[:-1]) / np.diff(edges)  # past the last edge the rest falls into its bin
        levels.append(level)
        swings.append(10 * np.log10(binned + MIN_POWER / frames))
        release_pages(clips.mel)
    rate = 1.0 if front is None else front.sample_rate / front.hop_length
    middle = np.sqrt(edges[:-1] * (edges[1:] - 1)) * rate / frames
    level, swing = (np.stack([np.mean(part, axis=0), np.std(part, axis=0)]) for part in (levels, swings))
    return level, middle, swing
