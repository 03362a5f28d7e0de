"""How alike two spectrograms are.

- :func:`correlation`: Pearson's r of all cells, as the study compares spectrograms. Every spectrogram of
  music is loud at the bottom and quiet at the top, so that different songs too have a high r: compare with theirs.
- :func:`correlation_in_time`: the same after each band's mean over time is taken out. What is left is when bands
  sound, not that low ones are louder.
- :func:`distance_db`: how far apart the levels are, which r does not measure.
- :func:`spectrum_difference`: how far apart the spectra are that remain when time is averaged out: timbre more than
notes.

When not to use: on spectrograms that are shifted in time against each other. All compare cell with cell.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.errors import InputError
from affetti.signal.fidelity import log_spectral_distance

Mel = NDArray[np.floating]


def correlation(a: Mel, b: Mel) -> float:
    """Pearson's r of the cells of two log spectrograms ``[M, F]``.

    Raises:
        InputError: one of them is the same throughout.
    """
    return metrics.pearson(a.ravel(), b.ravel())


def correlation_in_time(a: Mel, b: Mel) -> float:
    """Pearson's r of the cells, each band's mean over time taken out.

    Raises:
        InputError: one of them does not change over time.
    """
    return correlation(a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True))


def distance_db(a: Mel, b: Mel) -> float:
    """Log-spectral distance of two dB spectrograms: root mean square over bands of the difference, mean over frames."""
    return log_spectral_distance(*(10.0 ** (torch.from_numpy(x).double() / 20.0) for x in (a, b)))


def spectrum_difference(a: Mel, b: Mel) -> float:
    """Total variation distance of two power spectra, in %: the share of power that would have to move to other bands.

    Powers ``[M, F]`` are averaged over time and scaled to sum to 1; then ½ Σ |p − q|. 0: the same spectrum; 100: no
    band in common. Level plays no part.

    Raises:
        InputError: one of them is silent.
    """
    p, q = (x.astype(np.float64).mean(axis=1) for x in (a, b))
    if not (p.sum() > 0 and q.sum() > 0):
        raise InputError("a spectrum of silence", hint="give a sound")
    return 50.0 * float(np.abs(p / p.sum() - q / q.sum()).sum())
