"""The axis of bands in pictures: marks in Hz for mel bands, in notes for constant-Q bins."""

from __future__ import annotations

import math

from affetti.presets import FrontEnd, MelFrontEnd
from affetti.signal.front_ends import band_at

HERTZ = (250, 500, 1_000, 2_000, 4_000, 8_000)
MIN_SHARE = 0.14
"""Distance between marks, as a share of the axis, at least."""


def band_marks(front: FrontEnd, min_share: float = MIN_SHARE) -> list[tuple[float, str]]:
    """Places on the axis of bands (0 is the centre of the lowest) with what to write there, from the lowest up.

    Example:
        >>> from affetti.presets import front_end
        >>> [name for _, name in band_marks(front_end("cqt-tiny"))], [name for _, name in band_marks(front_end("tiny"))]
        (['C2', 'C3', 'C4', 'C5', 'C6', 'C7', 'C8'], ['250 Hz', '1 kHz', '2 kHz', '4 kHz'])
    """
    if isinstance(front, MelFrontEnd):
        named = [(float(hertz), f"{hertz // 1_000} kHz" if hertz >= 1_000 else f"{hertz} Hz") for hertz in HERTZ]
    else:
        named = [(440.0 * 2.0 ** (octave - 4.75), f"C{octave}") for octave in range(10)]
    last, marks = -math.inf, list[tuple[float, str]]()
    for hertz, name in named:
        place = float(band_at(hertz, front))
        if 0 <= place <= front.n_bands - 1 and place - last >= min_share * front.n_bands:
            marks.append((place, name))
            last = place
    return marks


def picture_name(front: FrontEnd) -> str:
    """What a picture of the front-end is called."""
    return "Log-mel spectrogram" if isinstance(front, MelFrontEnd) else "Constant-Q spectrogram"
