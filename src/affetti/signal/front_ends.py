"""What a front-end computes, whichever its kind: spectrogram, frequencies of the bands, filters on a linear spectrum.

Everything above ``signal/`` that depends on the bands asks here, so that a corpus, a model, a metric or a picture of
mel bands and one of constant-Q bins go through the same code. The way back to sound is :mod:`affetti.signal.inversion`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affetti.errors import UsageError
from affetti.presets import ConstantQFrontEnd, FrontEnd, MelFrontEnd
from affetti.signal.constant_q import ConstantQSpectrogram, constant_q_filters
from affetti.signal.mel import SILENCE_DB, MelSpectrogram, hz_to_mel, mel_filters, mel_to_hz

Floats = NDArray[np.float64]
Spectrogram = MelSpectrogram | ConstantQSpectrogram

CONSTANT_Q_SILENCE_DB = -75.0
"""White noise that reaches ±:data:`affetti.signal.audio.SILENCE` has a maximum of -73 dB in a constant-Q transform."""


def spectrogram(front: FrontEnd) -> Spectrogram:
    """The module that turns waveforms ``[*, T]`` into dB ``[*, M, F]``.

    Example:
        >>> import torch
        >>> from affetti.presets import front_end
        >>> [tuple(spectrogram(front_end(name))(torch.zeros(22_050)).shape) for name in ("tiny", "cqt-tiny")]
        [(64, 22), (80, 22)]
    """
    if isinstance(front, MelFrontEnd):
        return MelSpectrogram(front)
    return ConstantQSpectrogram(_constant_q(front))


def band_filters(front: FrontEnd) -> Floats:
    """Power in each band by power in each bin of the linear spectrum ``[M, n_fft/2 + 1]``.

    Exact for mel bands, which are made of that spectrum; on average for constant-Q bins, see
    :func:`~affetti.signal.constant_q.constant_q_filters`.
    """
    return mel_filters(front) if isinstance(front, MelFrontEnd) else constant_q_filters(_constant_q(front))


def band_frequencies(front: FrontEnd) -> Floats:
    """Centre of each band in Hz ``[M]``.

    Example:
        >>> from affetti.presets import front_end
        >>> band_frequencies(front_end("tiny")).round()[:3], band_frequencies(front_end("cqt-tiny")).round(1)[:3]
        (array([ 66., 112., 158.]), array([55. , 58.3, 61.7]))
    """
    return frequency_at(np.arange(front.n_bands), front)


def frequency_at(band: Floats | NDArray[np.integer] | float, front: FrontEnd) -> Floats:
    """Frequency in Hz at a place on the axis of bands, 0 for the centre of the lowest: inverse of :func:`band_at`."""
    place = np.asarray(band, dtype=np.float64)
    if isinstance(front, MelFrontEnd):
        low, width = _mel_axis(front)
        return mel_to_hz(low + (place + 1) * width)
    front = _constant_q(front)
    return front.f_min * 2.0 ** (place / front.bins_per_octave)


def band_at(hertz: Floats | float, front: FrontEnd) -> Floats:
    """Place of frequencies > 0 Hz on the axis of bands: 0 for the centre of the lowest band, M - 1 for the highest.

    Example:
        >>> from affetti.presets import front_end
        >>> float(band_at(440.0, front_end("cqt-tiny")))
        36.0
    """
    hertz = np.asarray(hertz, dtype=np.float64)
    if isinstance(front, MelFrontEnd):
        low, width = _mel_axis(front)
        return (hz_to_mel(hertz) - low) / width - 1
    front = _constant_q(front)
    return front.bins_per_octave * np.log2(hertz / front.f_min)


def silence_db(front: FrontEnd) -> float:
    """Level that no value of a silent clip reaches, dB; see :func:`affetti.signal.mel.is_silent_mel`."""
    return SILENCE_DB if isinstance(front, MelFrontEnd) else CONSTANT_Q_SILENCE_DB


def describe(front: FrontEnd) -> str:
    """The front-end in words, for cards and errors.

    Example:
        >>> from affetti.presets import front_end
        >>> describe(front_end("cqt-tiny"))
        '80 constant-Q bins from 55 to 5,274 Hz, hop 1,024 at 22,050 Hz'
    """
    low, high = (front.f_min, front.f_max) if isinstance(front, MelFrontEnd | ConstantQFrontEnd) else (0.0, 0.0)
    window = f", window {front.n_fft:,}" if isinstance(front, MelFrontEnd) else ""
    bands = f"{front.n_bands} {front.bands}s from {low:,.0f} to {high:,.0f} Hz"
    return f"{bands}{window}, hop {front.hop_length:,} at {front.sample_rate:,} Hz"


def _mel_axis(front: MelFrontEnd) -> tuple[float, float]:
    """Lower edge of the lowest band, and distance of two bands, in mel."""
    low, high = float(hz_to_mel(front.f_min)), float(hz_to_mel(front.f_max))
    return low, (high - low) / (front.n_mels + 1)


def _constant_q(front: FrontEnd) -> ConstantQFrontEnd:
    if not isinstance(front, ConstantQFrontEnd):
        raise UsageError(f"a front-end of no known kind ({type(front).__name__})", hint="give a preset's")
    return front
