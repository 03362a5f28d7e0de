"""Fine steps: whether levels are graded, or take few values.

Levels more than 10 dB above the clip's minimum (below that the floor of the front-end shapes them) are counted in bins
of a quarter of a decibel. Levels that lie on a grid give the histogram a period, whatever the step and wherever the
grid begins: measured is the largest magnitude of its Fourier transform for steps of ½ to 1½, to 4 and to 8 dB, 1 for
a grid and about 1/√values for music. Beside it stand the probability that two levels share a bin, which sees few levels
at irregular distances, and the shares of neighbours, in time and in frequency, that are equal, and of frames that lie
on a straight line between their neighbours.

Noise of a decibel and a lossy codec change none of these. They are in units in which a tenth is small (see
``quality.MIN_SPREAD``): real music hardly varies in them, so its own spread would be too strict a measure.

When not to use: on levels that were stored in steps of more than a quarter of a decibel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affetti.metrics.mel_features import Batch
from affetti.metrics.sample import Floats

ABOVE_MINIMUM_DB = 10.0
BINS, PER_DB = 512, 4
STEPS_DB = ((0.5, 1.5), (1.5, 4.0), (4.0, 8.0))
UNIT = 0.1


def step_features(x: Batch) -> Floats:
    """Features of log-mels in dB ``[B, M, F]``: ``[B, 7]``."""
    lowest = x.min(axis=(1, 2), keepdims=True)
    counted = x > lowest + ABOVE_MINIMUM_DB
    levels = _histogram(x - lowest, counted)
    period = np.abs(np.fft.rfft(levels, axis=1))  # bin j is a step of BINS / PER_DB / j decibels
    width = BINS // PER_DB
    columns = [
        np.log(period[:, int(width / longest) : int(width / shortest) + 1].max(axis=1) + 0.1)
        for shortest, longest in STEPS_DB
    ]
    columns.append(np.log((levels**2).sum(axis=1) + 0.01))
    in_time, in_frequency = np.abs(np.diff(x, axis=2)), np.abs(np.diff(x, axis=1))
    columns.append(np.log(_share(in_time < 0.02, counted[:, :, 1:]) + 0.3))
    columns.append(np.log(_share(in_frequency < 0.02, counted[:, 1:]) + 0.3))
    bend = np.abs(x[:, :, 2:] - 2 * x[:, :, 1:-1] + x[:, :, :-2])
    columns.append(np.log(_share(bend < 0.05, counted[:, :, 2:]) + 1.0))
    return UNIT * np.stack(columns, axis=1)


def _histogram(above: Batch, counted: NDArray[np.bool_]) -> Floats:
    """Shares of levels in each bin, ``[B, BINS]``; all 0 for a clip without any."""
    level = np.minimum((above * PER_DB + 0.5).astype(np.int32), BINS - 1)
    level += BINS * np.arange(len(above), dtype=np.int32)[:, None, None]
    count = np.bincount(level[counted], minlength=BINS * len(above)).reshape(len(above), BINS)
    return np.asarray(count / np.maximum(1, count.sum(axis=1, keepdims=True)))


def _share(holds: NDArray[np.bool_], counted: NDArray[np.bool_]) -> Floats:
    return np.asarray((holds & counted).sum(axis=(1, 2)) / np.maximum(1, counted.sum(axis=(1, 2))))
