"""What resynthesis does to the predicted arousal of music.

The sound of a clip is rebuilt and its log-mel computed again, at the corpus' own front-end. A ridge regression on
log-mel statistics, trained on other songs, predicts the arousal of both; the difference is the effect of the loss on a
regressor. When not to use: as what listeners perceive. On composed music the regressor has learnt the composer's rules,
and only ratings could measure what people feel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.compose.arrangement import SILENT_DRUMS
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
    """Change of the predicted arousal of clips ``[N]``, on the scale of the labels, [-1, 1]."""

    change: dict[str, Floats]
    """For each of :data:`RESYNTHESES`."""
    songs: Texts
    drums: NDArray[np.bool_]
    """Whether drums are among a clip's instruments."""


def measure_arousal_shift(context: AuditContext, n: int) -> ArousalShift:
    """Change of the predicted arousal of at most ``n`` clips, none of whose songs the regressor was trained on.

    Raises:
        InputError: too few songs to train a regressor on some and predict others.
        NotMeasurableError: the corpus has no sound.
    """
    context.require_audio()
    corpus = context.corpus
    songs = corpus.songs
    rows = context.select_rows(min(n, np.unique(songs).size // 2))
    train = context.select_rows(MAX_TRAINING_CLIPS)
    train = train[~np.isin(songs[train], songs[rows])]
    if not len(rows) or np.unique(songs[train]).size < N_FOLDS:
        raise InputError(
            f"{np.unique(songs).size} songs",
            hint=f"give more than {2 * N_FOLDS}: some train a regressor, the others are predicted",
        )
    predict = fit_regressor(embed_statistics(corpus.mel[train]), corpus.labels[train, 1], songs[train])
    change: dict[str, list[float]] = {way: [] for way in RESYNTHESES}
    kept: list[int] = []
    for row in rows.tolist():
        wave = context.waveform(row)
        wave = wave[: len(wave) // context.front_end.hop_length * context.front_end.hop_length]
        if is_silent(wave.numpy()):
            continue
        kept.append(row)
        before = predict(embed_statistics(context.log_mel(wave)[None]))[0]
        for way, sound in _resynthesise(context, wave).items():
            change[way].append(float(predict(embed_statistics(context.log_mel(sound)[None]))[0] - before))
    return ArousalShift(
        {way: np.array(each) for way, each in change.items()}, songs[kept], has_drums(context, np.array(kept))
    )


def has_drums(context: AuditContext, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the corpus says that drums are rows in clips."""
    table = context.corpus.clips.iloc[rows]
    named = np.array(["drums" in str(names).split("|") for names in table["instruments"]], dtype=bool)
    # The composer's drums are silent in some sections, and the column is the song's.
    silent = np.array([section in SILENT_DRUMS for section in table["section"]], dtype=bool)
    return named & ~silent if context.composed else named


def measurements(context: AuditContext, n: int) -> list[Measurement]:
    """Change of predicted arousal of at most ``n`` clips, and of those with drums."""
    try:
        rows = measure_arousal_shift(context, n)
    except NotMeasurableError as lack:
        return _missing_measurements(lack.needs)
    except InputError as error:
        return _missing_measurements(f"more songs than {error.what}")
    return [measurement for way in RESYNTHESES for measurement in _shifts(rows, way)]


def _shifts(shift: ArousalShift, way: str) -> list[Measurement]:
    change, songs = shift.change[way], shift.songs
    every = Measurement.of_mean(f"arousal_shift{way}", _label(way), change, songs=songs)
    name, label = f"arousal_shift_drums{way}", f"{_label(way)}, clips with drums"
    if not shift.drums.any():
        return [every, Measurement.missing(name, label, "clips whose column instruments names drums")]
    return [every, Measurement.of_mean(name, label, change[shift.drums], songs=songs[shift.drums])]


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
