"""The same music elsewhere and less tight: composed songs that differ in pan, room or timing and in nothing else.

One stretch of each song, from its first verse or chorus, is rendered dry with all parts in the middle and on the beat
(``dry``), with its parts panned wide, in rooms of :data:`ROOMS` and with onsets of its parts :data:`SPREADS` apart. A
log-mel is of one channel: of each it gets the mean of the two, as every recording that affetti loads.

When not to use: as real halls and real ensembles, see :mod:`affetti.compose.space` and :mod:`affetti.compose.ensemble`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import compose
from affetti.compose.arrangement import PartName
from affetti.compose.space import Space, place_parts
from affetti.embedders.statistics import embed_statistics
from affetti.errors import InputError
from affetti.signal.fidelity import onset_sharpness, onsets
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.instruments import full_section_start
from affetti.studies.audit.probes.linear_probe import Floats, Texts
from affetti.studies.audit.resynthesis import similarity

WIDE: dict[PartName, float] = {"melody": -0.6, "chords": 0.8, "bass": 0.0, "drums": 0.3}
"""Places of the parts in the song that is panned."""
ROOMS: dict[str, float] = {"room_03": 0.3, "room_05": 0.5, "room_1": 1.0, "room_2": 2.0}
"""Reverberation times, seconds."""
SPREADS: dict[str, float] = {"spread_20": 20.0, "spread_40": 40.0, "spread_60": 60.0}
"""Deviation of onsets, milliseconds."""
LABELS: dict[str, str] = {
    "dry": "dry, in the middle, on the beat",
    "wide": "parts panned wide",
    **{name: f"in a room of {seconds:g} s" for name, seconds in ROOMS.items()},
    **{name: f"onsets {spread:g} ms apart" for name, spread in SPREADS.items()},
}
"""Name and words of each variant; the first is what the others are compared with."""
CHANGED = tuple(LABELS)[1:]


@dataclass(frozen=True)
class SpaceVariants:
    """What was measured of ``N`` songs; rows are songs."""

    features: dict[str, Floats]
    """Log-mel statistics ``[N, D]`` of each variant."""
    harmony: dict[str, Floats]
    """Numbers of the harmony of the sound of each, as :func:`measure_variants` was given a function for them."""
    correlations: dict[str, Floats]
    """Pearson's r of the log-mel with the dry one."""
    distances: dict[str, Floats]
    """Log-spectral distance from the dry log-mel, dB."""
    sharpness: dict[str, Floats]
    """Of the panned song and of rooms: sharpness of onsets, % of the dry sound's; NaN: it has none. Of looser songs the
    onsets are elsewhere."""
    side: Floats
    """Energy of the panned song that the mean of its channels does not contain, % of all."""
    other_songs: Floats
    """Pearson's r of a dry song's log-mel with the next song's."""
    songs: Texts


def stereo_variants(context: AuditContext, song: compose.Song) -> Iterator[tuple[str, Tensor]]:
    """Each variant of a song's first full section, ``[2, T]``, as long as a clip."""
    rate = context.front_end.sample_rate
    begin = round(min(full_section_start(song), max(0.0, song.duration - context.front_end.seconds)) * rate)
    parts = compose.render_parts(song, rate)
    spaces = {"dry": Space(), "wide": Space(pan=WIDE)}
    spaces |= {name: Space(room=seconds, seed=song.index) for name, seconds in ROOMS.items()}
    for name, space in spaces.items():
        yield name, _clip(context, place_parts(parts, rate, space), begin)
    for name, spread in SPREADS.items():
        loose = compose.render_in_space(compose.spread_timing(song, spread), rate)
        yield name, _clip(context, loose, begin)


def measure_variants(
    context: AuditContext, songs: list[compose.Song], harmony: Callable[[Tensor], Floats]
) -> SpaceVariants:
    """Measure every variant of every song.

    Args:
        context: the audit.
        songs: the songs.
        harmony: numbers ``[D]`` of the harmony of a sound ``[T]``; D may be 0.

    Raises:
        InputError: there is no song.
    """
    if not songs:
        raise InputError("no song to change", hint="give one or more")
    features: dict[str, list[Floats]] = {name: [] for name in LABELS}
    harmonies: dict[str, list[Floats]] = {name: [] for name in LABELS}
    correlations, distances = ({name: list[float]() for name in CHANGED} for _ in range(2))
    sharpness = {name: list[float]() for name in CHANGED if name not in SPREADS}
    side: list[float] = []
    dry_mels: list[NDArray[np.float32]] = []
    for song in songs:
        dry = torch.zeros(0)
        for name, stereo in stereo_variants(context, song):
            wave = stereo.mean(dim=0)
            mel = context.log_mel(wave)
            features[name].append(embed_statistics(mel[None])[0])
            harmonies[name].append(harmony(wave))
            if name == "dry":
                dry = wave
                dry_mels.append(mel)
                continue
            if name == "wide":
                side.append(side_energy(stereo))
            correlations[name].append(similarity.correlation(dry_mels[-1], mel))
            distances[name].append(similarity.distance_db(dry_mels[-1], mel))
            if name in sharpness:
                sharpness[name].append(_sharpness(dry, wave, context.front_end.sample_rate))
    others = [similarity.correlation(a, b) for a, b in zip(dry_mels, dry_mels[1:] + dry_mels[:1], strict=True)]
    return SpaceVariants(
        {name: np.stack(rows) for name, rows in features.items()},
        {name: np.stack(rows) for name, rows in harmonies.items()},
        *({name: np.array(rows) for name, rows in table.items()} for table in (correlations, distances, sharpness)),
        side=np.array(side),
        other_songs=np.array(others),
        songs=np.array([song.song_id for song in songs]),
    )


def side_energy(stereo: Tensor) -> float:
    """Energy of half the difference of two channels ``[2, T]``, % of that and of half their sum: what mono loses.

    Example:
        >>> side_energy(torch.tensor([[1.0, 2.0], [1.0, 2.0]])), side_energy(torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
        (0.0, 50.0)
    """
    middle, side = (0.5 * (stereo[0] + sign * stereo[1]) for sign in (1.0, -1.0))
    energy = float(side.square().sum())
    return 100.0 * energy / max(energy + float(middle.square().sum()), 1e-20)


def _clip(context: AuditContext, stereo: NDArray[np.float32], begin: int) -> Tensor:
    return torch.stack([context.fit_length(channel[begin:]) for channel in torch.from_numpy(stereo)])


def _sharpness(reference: Tensor, changed: Tensor, rate: int) -> float:
    frames = onsets(reference, rate)
    return 100.0 * onset_sharpness(reference, changed, frames) if len(frames) else float("nan")
