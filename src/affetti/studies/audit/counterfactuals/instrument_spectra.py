"""What is measured of songs whose melody is played by one instrument after another.

Six seconds of each song, from its first verse or chorus, are analysed at every resolution, the melody alone and the
whole song; and a clip of the whole song at the corpus' own front-end, for the corpus' reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.compose.render import Samples
from affetti.embedders.statistics import embed_statistics
from affetti.progress import Progress
from affetti.signal.audio import resample
from affetti.signal.statistics import mel_statistics
from affetti.studies.audit.codec.resolutions import PAPER, RESOLUTIONS, decibels, powers
from affetti.studies.audit.counterfactuals.instruments import INSTRUMENTS, full_section, rendered
from affetti.studies.audit.probes.linear_probe import Floats
from affetti.studies.audit.resynthesis import similarity
from affetti.studies.audit.scope import Scope

SECONDS = 6.0
"""No section is shorter."""
PAIRS = tuple(combinations(INSTRUMENTS, 2))
PLACES: dict[str, str] = {"alone": "the melody alone", "mix": "the whole song"}


@dataclass(frozen=True)
class LeadSpectra:
    """Of N songs on I instruments, which make P pairs."""

    alike: dict[str, Floats]
    """By resolution, r of the melodies alone ``[N, P]``."""
    strangers: Floats
    """r at 128 bands of melodies of different songs, both on the piano ``[N]``."""
    apart: dict[str, Floats]
    """By resolution, how far the mean spectra of the melodies are apart, % ``[N, P]``."""
    features: dict[tuple[str, str], Floats]
    """By place and resolution, statistics ``[N · I, D]``."""
    clips: Floats
    """Statistics of whole songs at the corpus' front-end ``[N · I, D]``."""

    @property
    def songs(self) -> NDArray[np.str_]:
        """Song of each row of features."""
        return np.repeat([f"song {index:03d}" for index in range(len(self.strangers))], len(INSTRUMENTS))

    @property
    def leads(self) -> NDArray[np.str_]:
        """Instrument of each row of features."""
        return np.tile(INSTRUMENTS, len(self.strangers))


def lead_spectra(scope: Scope, n: int, progress: Progress) -> LeadSpectra:
    """Compose, render and measure ``n`` songs."""
    alike: dict[str, list[Floats]] = {name: [] for name in RESOLUTIONS}
    apart: dict[str, list[list[float]]] = {name: [] for name in RESOLUTIONS}
    features = {(place, name): list[NDArray[np.float32]]() for place in PLACES for name in RESOLUTIONS}
    pianos: list[NDArray[np.float32]] = []
    clips: list[NDArray[np.float32]] = []
    for index in range(n):
        progress("timbre", index, n)
        song = scope.fresh_song(index)
        first = full_section(song)
        alone: list[dict[str, torch.Tensor]] = []
        for lead, mix in rendered(song, PAPER.sample_rate):
            spectra = {"alone": powers(_stretch(lead, first)), "mix": powers(_stretch(mix, first))}
            for place, name in features:
                features[place, name].append(mel_statistics(decibels(spectra[place][name])[None])[0].numpy())
            alone.append(spectra["alone"])
            clips.append(scope.mel(_clip(scope, mix, first, song.duration)))
        for name in RESOLUTIONS:
            levels = np.stack([decibels(power[name]).numpy() for power in alone])
            alike[name].append(_correlations(levels))
            apart[name].append(
                [similarity.share_apart(a[name].numpy(), b[name].numpy()) for a, b in combinations(alone, 2)]
            )
            if name == "mel128":
                pianos.append(levels[INSTRUMENTS.index("piano")])
    progress("timbre", n, n)
    return LeadSpectra(
        {name: np.stack(rows) for name, rows in alike.items()},
        np.array([similarity.correlation(a, b) for a, b in zip(pianos, [*pianos[1:], pianos[0]], strict=True)]),
        {name: np.array(rows) for name, rows in apart.items()},
        {key: np.stack(rows).astype(np.float64) for key, rows in features.items()},
        embed_statistics(np.stack(clips)),
    )


def _correlations(levels: NDArray[np.float32]) -> Floats:
    """R of the cells of spectrograms ``[I, K, F]``, for each of :data:`PAIRS`."""
    rows, columns = np.triu_indices(len(levels), 1)
    r = np.atleast_2d(np.corrcoef(levels.reshape(len(levels), -1)))
    return r[rows, columns]


def _stretch(wave: Samples, first: float) -> torch.Tensor:
    begin = round(first * PAPER.sample_rate)
    return torch.from_numpy(wave[begin : begin + round(SECONDS * PAPER.sample_rate)])


def _clip(scope: Scope, wave: Samples, first: float, duration: float) -> torch.Tensor:
    """From the same place on, a clip at the corpus' front-end; from earlier where the song would not reach."""
    rate = scope.front.sample_rate
    begin = round(min(first, max(0.0, duration - scope.front.seconds)) * rate)
    return scope.filled(torch.from_numpy(resample(wave, PAPER.sample_rate, rate)[begin:]))
