"""What is measured of songs whose melody is played by one instrument after another.

Six seconds of each song, from its first verse or chorus, are analysed at every resolution, the melody alone and the
whole song; and a clip of the whole song at the corpus' own front-end, for the corpus' regressor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.compose.renderer import Samples
from affetti.embedders.statistics import embed_statistics
from affetti.progress import Progress
from affetti.signal.audio import resample
from affetti.signal.statistics import mel_statistics
from affetti.studies.audit.codec.resolutions import PAPER, RESOLUTIONS, power_spectrograms, to_db
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.instruments import INSTRUMENTS, full_section_start, render_with_each
from affetti.studies.audit.probes.linear_probe import Floats
from affetti.studies.audit.resynthesis import similarity

SECONDS = 6.0
"""No section is shorter."""
PAIRS = tuple(combinations(INSTRUMENTS, 2))
SIGNALS: dict[str, str] = {"alone": "the melody alone", "mix": "the whole song"}


@dataclass(frozen=True)
class InstrumentSpectra:
    """Of N songs on I instruments, which make P pairs."""

    correlations: dict[str, Floats]
    """By resolution, r of the melodies alone ``[N, P]``."""
    other_songs: Floats
    """r at 128 bands of melodies of different songs, both on the piano ``[N]``."""
    differences: dict[str, Floats]
    """By resolution, how far the mean spectra of the melodies are apart, % ``[N, P]``."""
    features: dict[tuple[str, str], Floats]
    """By place and resolution, statistics ``[N · I, D]``."""
    clips: Floats
    """Statistics of whole songs at the corpus' front-end ``[N · I, D]``."""
    harmony: Floats
    """Numbers of their harmony, as :func:`instrument_spectra` was given a function for them ``[N · I, K]``."""

    @property
    def songs(self) -> NDArray[np.str_]:
        """Song of each row of features."""
        return np.repeat([f"song {index:03d}" for index in range(len(self.other_songs))], len(INSTRUMENTS))

    @property
    def instruments(self) -> NDArray[np.str_]:
        """Instrument of each row of features."""
        return np.tile(INSTRUMENTS, len(self.other_songs))


def instrument_spectra(
    context: AuditContext, n: int, progress: Progress, harmony: Callable[[torch.Tensor], Floats]
) -> InstrumentSpectra:
    """Compose, render and measure ``n`` songs; ``harmony`` gives numbers ``[K]`` of a sound ``[T]``, K may be 0."""
    alike: dict[str, list[Floats]] = {name: [] for name in RESOLUTIONS}
    apart: dict[str, list[list[float]]] = {name: [] for name in RESOLUTIONS}
    features = {(place, name): list[NDArray[np.float32]]() for place in SIGNALS for name in RESOLUTIONS}
    pianos: list[NDArray[np.float32]] = []
    clips: list[NDArray[np.float32]] = []
    harmonies: list[Floats] = []
    for index in range(n):
        progress("timbre", index, n)
        song = context.compose_song(index)
        first = full_section_start(song)
        alone: list[dict[str, torch.Tensor]] = []
        for lead, mix in render_with_each(song, PAPER.sample_rate):
            spectra = {
                "alone": power_spectrograms(_excerpt(lead, first)),
                "mix": power_spectrograms(_excerpt(mix, first)),
            }
            for place, name in features:
                features[place, name].append(mel_statistics(to_db(spectra[place][name])[None])[0].numpy())
            alone.append(spectra["alone"])
            clip = _clip(context, mix, first, song.duration)
            clips.append(context.log_mel(clip))
            harmonies.append(harmony(clip))
        for name in RESOLUTIONS:
            levels = np.stack([to_db(power[name]).numpy() for power in alone])
            alike[name].append(_correlations(levels))
            apart[name].append(
                [similarity.spectrum_difference(a[name].numpy(), b[name].numpy()) for a, b in combinations(alone, 2)]
            )
            if name == "mel128":
                pianos.append(levels[INSTRUMENTS.index("piano")])
    progress("timbre", n, n)
    return InstrumentSpectra(
        {name: np.stack(rows) for name, rows in alike.items()},
        np.array([similarity.correlation(a, b) for a, b in zip(pianos, [*pianos[1:], pianos[0]], strict=True)]),
        {name: np.array(rows) for name, rows in apart.items()},
        {key: np.stack(rows).astype(np.float64) for key, rows in features.items()},
        embed_statistics(np.stack(clips)),
        np.stack(harmonies),
    )


def _correlations(levels: NDArray[np.float32]) -> Floats:
    """R of the cells of spectrograms ``[I, K, F]``, for each of :data:`PAIRS`."""
    rows, columns = np.triu_indices(len(levels), 1)
    r = np.atleast_2d(np.corrcoef(levels.reshape(len(levels), -1)))
    return r[rows, columns]


def _excerpt(wave: Samples, first: float) -> torch.Tensor:
    begin = round(first * PAPER.sample_rate)
    return torch.from_numpy(wave[begin : begin + round(SECONDS * PAPER.sample_rate)])


def _clip(context: AuditContext, wave: Samples, first: float, duration: float) -> torch.Tensor:
    """From the same place on, a clip at the corpus' front-end; from earlier where the song would not reach."""
    rate = context.front_end.sample_rate
    begin = round(min(first, max(0.0, duration - context.front_end.seconds)) * rate)
    return context.fit_length(torch.from_numpy(resample(wave, PAPER.sample_rate, rate)[begin:]))
