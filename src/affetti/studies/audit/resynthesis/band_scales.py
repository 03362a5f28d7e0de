"""Bands on another scale, and without a logarithm: what the mel scale and the decibels of a log-mel do to a sound.

The study takes 10 points off for the mel scale and 5 for the logarithm. Three ways to sound and back differ in one
thing each, and all have the same inverse, non-negative least squares
(:func:`affetti.signal.inversion.nnls_of_bands`), which takes bands of any scale, and the same Griffin-Lim:

===============  =======================================================================================
``mel``          mel bands in dB, floored ``top_db`` under the maximum, as a log-mel is
``equal``        as many bands of equal width in Hz over the same range, in dB, floored likewise
``magnitudes``   the mel bands' magnitudes, without the logarithm and its floor
===============  =======================================================================================

The logarithm alone can be undone exactly: what is lost is under its floor. When not to use: as the best way to sound.
The regression of :class:`affetti.signal.inversion.MelInverse` is better, and there is none for other scales.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.presets import MelFrontEnd
from affetti.signal.inversion import nnls_of_bands
from affetti.signal.mel import mel_filters, power_to_db, stft
from affetti.signal.phase import griffin_lim

BandScale = Literal["mel", "equal", "magnitudes"]


@lru_cache(maxsize=4)
def equal_width_filters(front: MelFrontEnd) -> NDArray[np.float64]:
    """Triangular filters ``[M, n_fft/2 + 1]`` of equal width over the front-end's range, each of unit area in Hz.

    Example:
        >>> filters = equal_width_filters(MelFrontEnd(n_mels=64))
        >>> centres = filters.argmax(axis=1)
        >>> int(np.ptp(np.diff(centres))) <= 1
        True
    """
    bins = np.linspace(0.0, front.sample_rate / 2, 1 + front.n_fft // 2)
    edges = np.linspace(front.f_min, front.f_max, front.n_mels + 2)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.maximum(triangles, 0.0) * 2.0 / (high - low)


def through_bands(waveform: Tensor, front: MelFrontEnd, scale: BandScale, iterations: int) -> Tensor:
    """The sound of a waveform ``[T]`` after its bands, see the module: ``[hop_length · (F - 1)]``.

    Args:
        waveform: ``[T]``.
        front: the front-end, whose ``n_mels`` bands, range and ``top_db`` hold.
        scale: of the bands.
        iterations: of Griffin-Lim.
    """
    filters = torch.from_numpy(equal_width_filters(front) if scale == "equal" else mel_filters(front)).float()
    power = filters @ stft(waveform, front).abs().square()
    if scale != "magnitudes":
        power = 10.0 ** (power_to_db(power, front.top_db) / 10.0)
    return griffin_lim(nnls_of_bands(power, filters), iterations, front.hop_length)
