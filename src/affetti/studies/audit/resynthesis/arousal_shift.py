"""What resynthesis does to the arousal that is read of music.

A clip's sound is rebuilt and its log-mel computed again, at the corpus' own front-end; a ridge reader of log-mel
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
from affetti.studies.audit.probes.linear_probe import FOLDS, Floats, Texts, learn_values
from affetti.studies.audit.scope import Scope

TAUGHT_BY = 2_000
"""Clips, at most."""
WAYS: dict[str, str] = {
    "": "from its log-mel",
    "_true_magnitude": "from its true magnitude",
    "_random_phase": "from its true magnitude with random phases",
}
"""Ending of a measurement's name, and how the sound is rebuilt."""


@dataclass(frozen=True)
class Reread:
    """Change of the arousal read of clips ``[N]``."""

    change: dict[str, Floats]
    """For each of :data:`WAYS`."""
    songs: Texts
    drums: NDArray[np.bool_]
    """Whether drums are among a clip's instruments."""


def reread(scope: Scope, n: int) -> Reread:
    """The change of at most ``n`` clips, each of another song than the reader's.

    Raises:
        InputError: too few songs to teach a reader and to be read.
        NotMeasurableError: no sound.
    """
    scope.require_sound()
    corpus = scope.corpus
    songs = corpus.songs
    heard = scope.rows(min(n, np.unique(songs).size // 2))
    rows = scope.rows(TAUGHT_BY)
    rows = rows[~np.isin(songs[rows], songs[heard])]
    if not len(heard) or np.unique(songs[rows]).size < FOLDS:
        raise InputError(f"{np.unique(songs).size} songs", hint=f"give more than {2 * FOLDS}: a reader needs some")
    read = learn_values(embed_statistics(corpus.mel[rows]), corpus.labels[rows, 1], songs[rows])
    change: dict[str, list[float]] = {way: [] for way in WAYS}
    kept: list[int] = []
    for row in heard.tolist():
        wave = scope.sound(row)
        wave = wave[: len(wave) // scope.front.hop_length * scope.front.hop_length]
        if is_silent(wave.numpy()):
            continue
        kept.append(row)
        before = read(embed_statistics(scope.mel(wave)[None]))[0]
        for way, sound in _rebuilt(scope, wave).items():
            change[way].append(float(read(embed_statistics(scope.mel(sound)[None]))[0] - before))
    return Reread({way: np.array(each) for way, each in change.items()}, songs[kept], has_drums(scope, np.array(kept)))


def has_drums(scope: Scope, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the corpus says that drums are heard in clips."""
    table = scope.corpus.clips.iloc[rows]
    named = np.array(["drums" in str(names).split("|") for names in table["instruments"]], dtype=bool)
    # The composer's drums are silent in some sections, and the column is the song's.
    silent = np.array([section in SILENT_DRUMS for section in table["section"]], dtype=bool)
    return named & ~silent if scope.composed else named


def measurements(scope: Scope, n: int) -> list[Measurement]:
    """Change of predicted arousal of at most ``n`` clips, and of those with drums."""
    try:
        found = reread(scope, n)
    except NotMeasurableError as lack:
        return _missing(lack.needs)
    except InputError as error:
        return _missing(f"more songs than {error.what}")
    return [measurement for way in WAYS for measurement in _shifts(found, way)]


def _shifts(found: Reread, way: str) -> list[Measurement]:
    change, songs = found.change[way], found.songs
    every = Measurement.of_mean(f"arousal_shift{way}", _label(way), change, songs=songs)
    name, label = f"arousal_shift_drums{way}", f"{_label(way)}, clips with drums"
    if not found.drums.any():
        return [every, Measurement.missing(name, label, "clips whose column instruments names drums")]
    return [every, Measurement.of_mean(name, label, change[found.drums], songs=songs[found.drums])]


def _missing(needs: str) -> list[Measurement]:
    return [
        Measurement.missing("arousal_shift", _label(""), needs),
        Measurement.missing("arousal_shift_drums", f"{_label('')}, clips with drums", needs),
    ]


def _label(way: str) -> str:
    return f"Change of predicted arousal, rebuilt {WAYS[way]}"


def _rebuilt(scope: Scope, wave: Tensor) -> dict[str, Tensor]:
    front = scope.front
    magnitude = stft(wave, front).abs()
    return {
        "": griffin_lim(invert_mel(torch.from_numpy(scope.mel(wave)), front), hop_length=front.hop_length),
        "_true_magnitude": griffin_lim(magnitude, hop_length=front.hop_length),
        "_random_phase": griffin_lim(magnitude, 0, front.hop_length, start="random"),
    }
