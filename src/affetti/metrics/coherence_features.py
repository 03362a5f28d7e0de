"""Coherence: whether the bands of a clip belong together.

One note sounds in many bands at once. Measured are the correlations between changes of level in eight groups of bands,
over 2, 4, 8 and 16 frames (``frequency`` has those of the levels themselves), and, at each cut between a low and a
high register, the correlation of their onsets at the same frame and how far it stands above that four frames off. Low
bands of one song and high bands of another have the right levels in every band and nothing in common.

When not to use: to distinguish instruments, or where parts are meant to be independent.
"""

from __future__ import annotations

import numpy as np

from affetti.metrics.mel_features import MIN_SPREAD_DB, Batch, by_group
from affetti.metrics.sample import Floats

BAND_GROUPS = 8
LAGS = (2, 4, 8, 16)
"""Frames over which change is measured; those up to F/4 are used. From one frame to the next noise counts as much."""
APART = (1, 2, 4)
"""Groups between two that are compared."""
OFF = 4
"""Frames off at which onsets of two registers are no longer one."""


def coherence_features(x: Batch) -> Floats:
    """Features of log-mels in dB ``[B, M, F]``: ``[B, D]``, D by F alone."""
    return np.concatenate([_changes(by_group(x, BAND_GROUPS)), _onsets(x)], axis=1)


def _changes(level: Floats) -> Floats:
    """Correlations of changes of level between groups of bands."""
    columns: list[Floats] = []
    for lag in LAGS:
        if 4 * lag > level.shape[2]:
            break
        move = level[:, :, lag:] - level[:, :, :-lag]
        move -= move.mean(axis=2, keepdims=True)
        product = move @ move.transpose(0, 2, 1) / move.shape[2]
        spread = np.sqrt(np.diagonal(product, axis1=1, axis2=2)) + MIN_SPREAD_DB
        together = product / (spread[:, :, None] * spread[:, None, :])
        columns += [np.diagonal(together, apart, axis1=1, axis2=2).mean(axis=1) for apart in APART]
        neighbours = np.diagonal(together, 1, axis1=1, axis2=2)
        columns += [neighbours.min(axis=1), *neighbours.T]
    return np.stack(columns, axis=1)


def _onsets(x: Batch) -> Floats:
    """How onsets below and above each cut fall together, and how much more than ``OFF`` frames apart."""
    onsets = np.sqrt(by_group(np.maximum(np.diff(x, axis=2), 0), BAND_GROUPS))
    onsets -= onsets.mean(axis=2, keepdims=True)
    columns: list[Floats] = []
    for cut in range(1, onsets.shape[1]):
        low, high = (_standard(part.mean(axis=1)) for part in (onsets[:, :cut], onsets[:, cut:]))
        same = (low * high).mean(axis=1)
        off = [(low[:, OFF:] * high[:, :-OFF]).mean(axis=1), (low[:, :-OFF] * high[:, OFF:]).mean(axis=1)]
        columns += [same, same - np.maximum(*off)]
    return np.stack(columns, axis=1)


def _standard(curve: Floats) -> Floats:
    return np.asarray(curve / (curve.std(axis=1, keepdims=True) + 0.01))
