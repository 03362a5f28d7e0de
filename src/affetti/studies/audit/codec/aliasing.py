"""What is left of a tone above half the target rate when affetti resamples: whether content is aliased or filtered.

A tone is written as a 16-bit file, read back by :func:`affetti.signal.audio.load` at the lower rate, and the loudest
frequency that is left, anywhere in the band, is set against the tone. A folded tone would have 0 dB. Rounding to 16
bits leaves lines of its own some 100 dB down, so levels below that are not reported.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import windows

from affetti.signal import audio

SECONDS = 3.0
LEVEL = 0.5


def alias_db(hertz: float, source_rate: int = 44_100, sample_rate: int = 22_050) -> float:
    """Level of the loudest frequency left of a tone of ``hertz``, dB against the tone, after resampling."""
    time = np.arange(round(SECONDS * source_rate)) / source_rate
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tone.wav"
        audio.save(path, (LEVEL * np.sin(2.0 * np.pi * hertz * time)).astype(np.float32), source_rate)
        resampled = audio.load(path, sample_rate).numpy()
    # The ends are cut away: a tone that begins at once is a click, which belongs to every frequency.
    return 20.0 * float(
        np.log10(max(peak_amplitude(resampled[len(resampled) // 6 : -len(resampled) // 6]) / LEVEL, 1e-10))
    )


def peak_amplitude(samples: NDArray[np.float32]) -> float:
    """Amplitude of the loudest sinusoid in ``samples`` ``[T]``; a constant, which rounding down leaves, is none."""
    window: NDArray[np.float64] = windows.flattop(len(samples))
    return 2.0 * float(np.abs(np.fft.rfft((samples - samples.mean()) * window)).max()) / float(window.sum())
