"""Distances between log-mels, band by band: levels, modulation and onsets, each with interval and floor."""

from __future__ import annotations

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.signal.front_ends import band_frequencies
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
    names = None if front is None else [f"{hertz:.0f} Hz" for hertz in band_frequencies(front)]
    distances = metrics.spectrogram_distances(real.mel, fake.mel, (real.songs, fake.songs), rate, names, seed)
    return Spectrogram(
        Measure.of(distances.level),
        Measure.of(distances.modulation),
        Measure.of(distances.onset_rate),
        Measure.of(distances.onset_strength),
        {name: Band(band.value, band.ci, band.floor) for name, band in distances.bands.items()},
        None if front is None else rate,
    )
