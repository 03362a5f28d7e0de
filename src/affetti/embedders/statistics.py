"""The default embedder: summary statistics of a log-mel, for which no weights are needed.

:func:`affetti.signal.statistics.mel_statistics` gives level, spread and change over time of each band, and a coarse
modulation spectrum: ``[B, 3 M + 48]`` from ``[B, M, F]``. Coordinates are standardised with the mean and deviation of
the reference set, so that each counts alike.

When not to use: to compare melody or harmony, which show only through their traces in spectrum and modulation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affetti.embedders.base import FunctionEmbedder, embed_rows
from affetti.embedders.clip_set import ClipSet
from affetti.signal.statistics import mel_statistics

STATISTICS = FunctionEmbedder("statistics", "statistics-1", mel_statistics, standardise=True)
"""The default of ``--features``."""


def embed_statistics(mel: NDArray[np.floating]) -> NDArray[np.float64]:
    """Statistics of dB log-mels ``[N, M, F]``: ``[N, 3 M + 48]``, not yet standardised.

    Example:
        >>> embed_statistics(np.zeros((2, 64, 128), np.float32)).shape
        (2, 240)
    """
    clips = ClipSet("log-mels", mel, np.zeros(len(mel), str))
    return embed_rows(STATISTICS, clips, range(len(mel))).astype(np.float64)
