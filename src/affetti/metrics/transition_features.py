"""Transitions: how one moment gives way to the next.

Two windows of s frames that touch are compared at every frame, for s = 1, 2, 4 and 8, band by band. The root mean
square of what rises from one to the other and of what falls are taken apart, and the smaller of the two is called
*replacement*: a note that is struck adds to what sounds, and what sounds dies away by itself, whereas a cut takes one
sound away and puts another in its place. Measured at each scale are the largest replacement and the mean of the largest
ones, and how much more rises than falls at the strongest changes.

When not to use: to count notes; onsets are in ``rhythm_features``. Slower change is in ``form_features``.
"""

from __future__ import annotations

import numpy as np

from affetti.metrics.mel_features import MIN_SPREAD_DB, Batch
from affetti.metrics.sample import Floats

SCALES = (1, 2, 4, 8)
"""Frames of the windows; those up to F/4 are used."""
FRAMES_PER_CHANGE = 24
"""One in so many frames counts among the strongest."""


def transition_features(x: Batch) -> Floats:
    """Features of log-mels in dB ``[B, M, F]``: ``[B, D]``, D by F alone."""
    count = max(1, x.shape[2] // FRAMES_PER_CHANGE)
    columns: list[Floats] = []
    for scale in SCALES:
        if 4 * scale > x.shape[2]:
            break
        mean = _window_means(x, scale)
        move = mean[:, :, scale:] - mean[:, :, :-scale]
        both, rise = _mean_square(move), _mean_square(np.maximum(move, 0))
        fall = np.maximum(both - rise, 0)
        strongest = np.argpartition(-both, count - 1, axis=1)[:, :count]
        rising = np.take_along_axis((rise - fall) / (both + MIN_SPREAD_DB**2), strongest, axis=1)
        replaced = np.sqrt(np.minimum(rise, fall))
        largest = np.partition(replaced, -count, axis=1)[:, -count:]
        columns += [np.log(largest.max(axis=1) + MIN_SPREAD_DB), np.log(largest.mean(axis=1) + MIN_SPREAD_DB)]
        columns += [rising.mean(axis=1), rising.min(axis=1)]
    return np.stack(columns, axis=1)


def _window_means(x: Batch, width: int) -> Batch:
    """Mean of every window of ``width`` frames, a power of 2: each doubling averages two windows that touch."""
    done = 1
    while done < width:
        x = np.asarray((x[:, :, :-done] + x[:, :, done:]) / 2, dtype=np.float32)
        done *= 2
    return x


def _mean_square(move: Batch) -> Floats:
    """Over bands, ``[B, T]``."""
    return np.einsum("bmt,bmt->bt", move, move).astype(np.float64) / move.shape[1]
