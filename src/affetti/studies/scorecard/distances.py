"""Distances between log-mels, band by band: levels, modulation and onsets, each with interval and floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.presets import FrontEnd
from affetti.signal.mel import hz_to_mel, mel_to_hz
from affetti.studies.scorecard.measurement import Measure
from affetti.studies.scorecard.result import Band, Spectrogram


def spectrogram(real: ClipSet, fake: ClipSet, seed: int) -> Spectrogram:
    """Levels by band, modulation and onsets; see :func:`affetti.metrics.spectrogram_distances`.

    Where the front-end is not known bands are numbered from 1, and onsets are counted per frame.

    Raises:
        InputError: sets that cannot be compared, or fewer than 2 songs on a side.
    """
    front = real.front_end or fake.front_end
    rate = 1.0 if front is None else front.sample_rate / front.hop_length
    names = None if front is None else [f"{hertz:.0f} Hz" for hertz in band_centres(front)]
    distances = metrics.spectrogram_distances(real.mel, fake.mel, (real.songs, fake.songs), rate, names, seed)
    return Spectrogram(
        Measure.of(distances.level),
        Measure.of(distances.modulation),
        Measure.of(distances.onset_rate),
        Measure.of(distances.onset_strength),
        {name: Band(band.value, band.ci, band.floor) for name, band in distances.bands.items()},
        None if front is None else rate,
    )


def band_centres(front: FrontEnd) -> NDArray[np.float64]:
    """Centre of each mel band in Hz ``[M]``.

    Example:
        >>> from affetti.presets import front_end
        >>> band_centres(front_end("tiny")).round()[:3]
        array([ 66., 112., 158.])
    """
    edges = np.linspace(float(hz_to_mel(front.f_min)), float(hz_to_mel(front.f_max)), front.n_mels + 2)
    return mel_to_hz(edges[1:-1])
