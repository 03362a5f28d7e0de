"""Which rows of a corpus or of an array of log-mels are silent, and no music.

``prepare`` leaves silence out by its waveform. Here there are log-mels alone: a generator's, or made by other tools.
The rule is :func:`affetti.signal.mel.is_silent_mel` where the values are dB; on another scale, where levels mean
nothing, a row is silent only if all its values are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.embedders.value_scale import CHECKED_CLIPS, unlike_decibels
from affetti.execution.base import ranges
from affetti.rows import evenly_spaced, release_pages
from affetti.signal.mel import is_silent_mel

CLIPS_AT_A_TIME = 64
"""Clips that are read before their memory is given back."""


def silent_rows(mel: NDArray[np.floating[Any]], *, in_decibels: bool) -> NDArray[np.intp]:
    """Rows of log-mels ``[N, M, F]`` that are silent.

    Args:
        mel: possibly memory-mapped.
        in_decibels: whether the values are known to be dB, reference 1; else the rows that vary show it.

    Example:
        >>> mel = np.random.default_rng(0).uniform(-80, 0, (3, 64, 128))
        >>> mel[1] = -100
        >>> silent_rows(mel, in_decibels=True)
        array([1])
    """
    if not in_decibels:
        constant = _rows(mel, lambda row: bool(row.max() == row.min()))
        varying = np.setdiff1d(np.arange(len(mel)), constant)
        checked = varying[evenly_spaced(len(varying), CHECKED_CLIPS)]
        if not len(varying) or unlike_decibels(mel[checked]) is not None:
            return constant
    return _rows(mel, is_silent_mel)


def _rows(mel: NDArray[np.floating[Any]], is_silent: Callable[[NDArray[np.floating[Any]]], bool]) -> NDArray[np.intp]:
    rows: list[int] = []
    for start, stop in ranges(len(mel), CLIPS_AT_A_TIME):
        rows += [row for row in range(start, stop) if is_silent(mel[row])]
        release_pages(mel)
    return np.array(rows, dtype=np.intp)
