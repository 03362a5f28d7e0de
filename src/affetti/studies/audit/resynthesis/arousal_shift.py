"""What resynthesis does to the arousal that is read of music.

A clip's sound is rebuilt and its log-mel computed again, at the corpus' own front-end; a ridge regressor of log-mel
statistics, taught by the songs that are not read, reads both. What changes is what a regressor makes of the loss. It is
no listener: on composed music it has learnt the composer's rules, and only ratings would say what people hear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.compose.score import SILENT_DRUMS
from affetti.embedders.statistics import embed_statistics
from affetti.errors import InputError
from affetti.signal.audio import is_silent
from affetti.signal.inversion import invert_mel
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim
from affetti.studies.audit.answer import Measurement, NotMeasurableError
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes.linear_probe import N_FOLDS, Floats, Texts, fit_regressor

MAX_TRAINING_CLIPS = 2_000
"""Clips, at most."""
RESYNTHESES: dict[str, str] = {
    "": "from its log-mel",
    "_true_magnitude": "from its true magnitude",
    "_random_phase": "from its true magnitude with random phases",
}
"""Ending of a measurement's name, and how the sound is rebuilt."""


@dataclass(frozen=True)
class ArousalShift:
    """Change of the arousal read of clips ``[N]``."""

    change: dict[str, Floats]
    """For each of :data:`RESYNTHESES`."""
    songs: Texts
    drums: NDArray[np.bool_]
    """Whether drums are among a clip's instruments."""


def measure_arousal_shift(context: AuditContext, n: int) -> ArousalShift:
    """The change of at most ``n`` clips, each of another song than the regressor's.

    Raises:
        InputError: too few songs to teach a regressor and to be read.
        NotMeasurableError: no sound.
    """
    context.require_audio()
    corpus = context.corpus
    songs = corpus.songs
    heard = context.select_rows(min(n, np.unique(songs).size // 2))
    rows = context.select_rows(MAX_TRAINING_CLIPS)
    rows = rows[~np.isin(songs[rows], songs[heard])]
    if not len(heard) or np.unique(songs[rows]).size < N_FOLDS:
        raise InputError(f"{np.unique(songs).size} songs", hint=f"give more than {2 * N_FOLDS}: a regressor needs some")
    read = fit_regressor(embed_statistics(corpus.mel[rows]), corpus.labels[rows, 1], songs[rows])
    change: dict[str, list[float]] = {way: [] for way in RESYNTHESES}
    kept: list[int] = []
    for row in heard.tolist():
        wave = context.waveform(row)
        wave = wave[: len(wave) // context.front_end.hop_length * context.front_end.hop_length]
        if is_silent(wave.numpy()):
            continue
        kept.append(row)
        before = read(embed_statistics(context.log_mel(wave)[None]))[0]
        for way, sound in _resynthesise(context, wave).items():
            change[way].append(float(read(embed_statistics(context.log_mel(sound)[None]))[0] - before))
    return ArousalShift(
        {way: np.array(each) for way, each in change.items()}, songs[kept], has_drums(context, np.array(kept))
    )


def has_drums(context: AuditContext, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the corpus says that drums are heard in clips."""
    table = context.corpus.clips.iloc[rows]
    named = np.array(["drums" in str(names).split("|") for names in table["instruments"]], dtype=bool)
    # The composer's drums are silent in some sections, and the column is the song's.
    silent = np.array([section in SILENT_DRUMS for section in table["section"]], dtype=bool)
    return named & ~silent if context.composed else named


def measurements(context: AuditContext, n: int) -> list[Measurement]:
    """Change of predicted arousal of at most ``n`` clips, and of those with drums."""
    try:
        found = measure_arousal_shift(context, n)
    except NotMeasurableError as lack:
        return _missing_measurements(lack.needs)
    except InputError as error:
        return _missing_measurements(f"more songs than {error.what}")
    return [measurement for way in RESYNTHESES for measurement in _shifts(found, way)]


def _shifts(found: ArousalShift, way: str) -> list[Measurement]:
    change, songs = found.change[way], found.songs
    every = Measurement.of_mean(f"arousal_shift{way}", _label(way), change, songs=songs)
    name, label = f"arousal_shift_drums{way}", f"{_label(way)}, clips with drums"
    if not found.drums.any():
        return [every, Measurement.missing(name, label, "clips whose column instruments names drums")]
    return [every, Measurement.of_mean(name, label, change[found.drums], songs=songs[found.drums])]


def _missing_measurements(needs: str) -> list[Measurement]:
    return [
        Measurement.missing("arousal_shift", _label(""), needs),
        Measurement.missing("arousal_shift_drums", f"{_label('')}, clips with drums", needs),
    ]


def _label(way: str) -> str:
    return f"Change of predicted arousal, rebuilt {RESYNTHESES[way]}"


def _resynthesise(context: AuditContext, wave: Tensor) -> dict[str, Tensor]:
    front = context.front_end
    magnitude = stft(wave, front).abs()
    return {
        "": griffin_lim(invert_mel(torch.from_numpy(context.log_mel(wave)), front), hop_length=front.hop_length),
        "_true_magnitude": griffin_lim(magnitude, hop_length=front.hop_length),
        "_random_phase": griffin_lim(magnitude, 0, front.hop_length, start="random"),
    }
