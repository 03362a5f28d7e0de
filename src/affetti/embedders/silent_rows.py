"""Which rows of a corpus or of an array of log-mels are silent, and no music.

``prepare`` leaves silence out by its waveform. Here there are log-mels alone: a generator's, or made by other tools.
The rule is :func:`affetti.signal.mel.is_silent_mel` where the values are dB; on another scale, where levels mean
nothing, a row is silent only if all its values are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.embedders.value_scale import CHECKED_CLIPS, unlike_decibels
from affetti.execution.base import ranges
from affetti.presets import FrontEnd
from affetti.rows import evenly_spaced, release_pages
from affetti.signal.front_ends import silence_db
from affetti.signal.mel import SILENCE_DB, is_silent_mel

CLIPS_AT_A_TIME = 64
"""Clips that are read before their memory is given back."""


def silent_rows(mel: NDArray[np.floating[Any]], front: FrontEnd | None = None) -> NDArray[np.intp]:
    """Rows of log-mels ``[N, M, F]`` that are silent.

    Args:
        mel: possibly memory-mapped.
        front: the front-end that made them; None: not known, and whether they are dB of mel bands shows in those that
            vary.

    Example:
        >>> from affetti.presets import front_end
        >>> mel = np.random.default_rng(0).uniform(-80, 0, (3, 64, 128))
        >>> mel[1] = -100
        >>> silent_rows(mel, front_end("tiny"))
        array([1])
    """
    if front is None:
        constant = _rows(mel, lambda row: bool(row.max() == row.min()))
        varying = np.setdiff1d(np.arange(len(mel)), constant)
        checked = varying[evenly_spaced(len(varying), CHECKED_CLIPS)]
        if not len(varying) or unlike_decibels(mel[checked]) is not None:
            return constant
    threshold = SILENCE_DB if front is None else silence_db(front)
    return _rows(mel, partial(is_silent_mel, threshold=threshold))


def _rows(mel: NDArray[np.floating[Any]], is_silent: Callable[[NDArray[np.floating[Any]]], bool]) -> NDArray[np.intp]:
    rows: list[int] = []
    for start, stop in ranges(len(mel), CLIPS_AT_A_TIME):
        rows += [row for row in range(start, stop) if is_silent(mel[row])]
        release_pages(mel)
    return np.array(rows, dtype=np.intp)
