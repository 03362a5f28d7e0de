"""The established metrics of the scorecard, on embeddings and on log-mels, each with interval and floor.

Distances have the interval of the delete-a-group jackknife and the floor of ``metrics.jackknife``; measures of
neighbours, and the Vendi score, those of ``metrics.halves``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.errors import InputError
from affetti.metrics.half_splits import MEASURES
from affetti.presets import FrontEnd
from affetti.signal.mel import hz_to_mel, mel_to_hz
from affetti.studies.scorecard.measures import refused, told

Songs = tuple[NDArray[np.str_], NDArray[np.str_]]


def distances(x: NDArray[np.float64], y: NDArray[np.float64], songs: Songs, seed: int) -> dict[str, dict[str, Any]]:
    """``frechet``, ``frechet_infinity``, ``kernel`` and ``sliced_wasserstein`` of embeddings ``[N, D]``, ``[K, D]``.

    Raises:
        InputError: the Fréchet distance cannot be had: embeddings that are not finite, or real ones that are all alike.
    """
    return {
        "frechet": metrics.frechet(x, y, songs, seed).to_dict(),
        "frechet_infinity": told(lambda: metrics.frechet_infinity(x, y, songs, seed)),
        "kernel": told(lambda: metrics.kernel(x, y, songs, seed)),
        "sliced_wasserstein": told(lambda: metrics.sliced_wasserstein(x, y, songs, seed=seed)),
    }


def neighbours(x: NDArray[np.float64], y: NDArray[np.float64], songs: Songs, seed: int) -> dict[str, dict[str, Any]]:
    """The measures of :func:`affetti.metrics.by_halves`, of embeddings about the mean of the real ones."""
    middle = x.mean(axis=0)
    try:
        found = metrics.by_halves(x - middle, y - middle, songs, seed=seed)
    except InputError as error:
        return {name: refused(str(error)) for name in MEASURES}
    return {name: result.to_dict() for name, result in found.items()}


def spectrogram(real: ClipSet, fake: ClipSet, seed: int) -> dict[str, Any]:
    """Levels by band, modulation and onsets; without a front-end bands go by number, and onsets by frame."""
    front = real.front_end or fake.front_end
    rate = 1.0 if front is None else front.sample_rate / front.hop_length
    names = None if front is None else [f"{hertz:.0f} Hz" for hertz in band_centres(front)]
    songs = (real.songs, fake.songs)
    found = metrics.spectrogram_distances(real.mel, fake.mel, songs, rate, names, seed).to_dict()
    found["bands"] = {
        name: {key: band[key] for key in ("value", "ci", "floor")} for name, band in found["bands"].items()
    }
    return {**found, "frame_rate": None if front is None else rate}


def band_centres(front: FrontEnd) -> NDArray[np.float64]:
    """Centre of each mel band in Hz ``[M]``."""
    edges = np.linspace(float(hz_to_mel(front.f_min)), float(hz_to_mel(front.f_max)), front.n_mels + 2)
    return mel_to_hz(edges[1:-1])
