"""Six aspects of music as features of a clip beside its log-mel: five that the study says it loses, and harmony.

- lyrics: the words' valence by the composer's list, and hashed words and stems (:mod:`.text_gain`);
- timbre: which instruments play, those that are neither rare nor everywhere;
- structure: position in the song, its square, and the section;
- genre;
- phase: from the sound (:mod:`~affetti.studies.audit.probes.phase_features`), the middle six seconds of a clip;
- harmony: the 42 numbers of the sound that :func:`affetti.signal.descriptors.harmony_descriptors` gives.

An aspect that a corpus lacks, or that does not vary in it, is None, with what it needs. When not to use: as all that
can be said of an aspect. Hashed words know no grammar, and a list of instruments not how they are played.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from affetti.progress import Progress
from affetti.studies.audit.answer import NotMeasurableError
from affetti.studies.audit.context import NEEDS_STORED_AUDIO, AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.banded_ridge import subsets
from affetti.studies.audit.probes.emotion_spread import half_ranges
from affetti.studies.audit.probes.genre_ccc import clip_genres
from affetti.studies.audit.probes.instrument_probes import (
    NEEDS_INSTRUMENTS,
    common_instruments,
    contains_instruments,
    named_instruments,
)
from affetti.studies.audit.probes.linear_probe import Floats, Texts
from affetti.studies.audit.probes.phase_features import phase_features
from affetti.studies.audit.probes.song_position import learnable_classes, structure_features
from affetti.studies.audit.probes.text_gain import text_features

STUDY_ASPECTS = ("lyrics", "timbre", "structure", "genre", "phase")
"""Those of the study, which adds them up."""
ASPECTS = (*STUDY_ASPECTS, "harmony")
NEEDS_LYRICS = f"lyrics: a column of words, in {linear_probe.N_FOLDS} songs or more"
NEEDS_STRUCTURE = "songs with two clips or more, or a column section; and a label of its own for each clip"
NEEDS_GENRE = f"genre: a column with two or more kinds, each in {linear_probe.N_FOLDS} songs or more"
SECONDS = 6.0
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Aspects:
    """What is known of clips."""

    features: Mapping[str, Floats]
    """By aspect ``[N, D]``; one of two bands, that want a penalty each, as ``aspect`` and ``aspect:band``."""
    missing: Mapping[str, str]
    """By aspect that is not there, what it needs."""

    @property
    def names(self) -> tuple[str, ...]:
        """The aspects that are known."""
        return tuple(name for name in ASPECTS if name in self.features)

    def predict(self, base: Floats, labels: Floats, songs: Texts) -> dict[tuple[str, ...], Floats]:
        """Labels predicted out of fold from ``base`` joined by each subset of aspects, an aspect's bands together.

        Raises:
            InputError: as :func:`~affetti.studies.audit.probes.linear_probe.cross_val_subsets`.
        """
        predictions = linear_probe.cross_val_subsets(base, self.features, labels, songs)
        return {
            chosen: predictions[tuple(band for band in self.features if band.partition(":")[0] in chosen)]
            for chosen in subsets(self.names)
        }


def extract_aspects(context: AuditContext, rows: Rows, progress: Progress) -> Aspects:
    """The aspects of clips ``rows``, in the order of :data:`ASPECTS`."""
    makers = (
        _lyrics,
        _timbre,
        _structure,
        _genre,
        partial(_phase, progress=progress),
        partial(_harmony, progress=progress),
    )
    features: dict[str, Floats] = {}
    lacking: dict[str, str] = {}
    for name, make in zip(ASPECTS, makers, strict=True):
        try:
            features |= make(context, rows)
        except NotMeasurableError as lack:
            lacking[name] = lack.needs
    return Aspects(features, lacking)


def _lyrics(context: AuditContext, rows: Rows) -> dict[str, Floats]:
    words = context.corpus.clips["lyrics"].fillna("").str.strip().to_numpy(dtype=str)
    if np.unique(context.corpus.songs[words != ""]).size < linear_probe.N_FOLDS:
        raise NotMeasurableError(NEEDS_LYRICS)
    text = text_features(words[rows])
    return {"lyrics": text["valence"], "lyrics:words": text["words"]}


def _timbre(context: AuditContext, rows: Rows) -> dict[str, Floats]:
    named = named_instruments(context.corpus)
    known = common_instruments(named)
    if not known:
        raise NotMeasurableError(NEEDS_INSTRUMENTS)
    return {"timbre": contains_instruments(named[rows], known).astype(np.float64)}


def _structure(context: AuditContext, rows: Rows) -> dict[str, Floats]:
    features = structure_features(context.corpus.clips)
    own = any(half_ranges(context.corpus.labels[:, k], context.corpus.songs, 2)[0].any() for k in (0, 1))
    if features is None or not own:
        raise NotMeasurableError(NEEDS_STRUCTURE)
    return {"structure": features[rows]}


def _genre(context: AuditContext, rows: Rows) -> dict[str, Floats]:
    genre = clip_genres(context.corpus.clips)
    names = learnable_classes(genre, context.corpus.songs)
    if len(names) < 2:
        raise NotMeasurableError(NEEDS_GENRE)
    return {"genre": (genre[rows, None] == names[None]).astype(np.float64)}


def _phase(context: AuditContext, rows: Rows, progress: Progress) -> dict[str, Floats]:
    """The middle seconds of each clip; sound that must be composed again takes too long for a quick audit."""
    context.require_audio()
    if context.quick and not (context.corpus.path / "audio").is_dir():
        raise NotMeasurableError(NEEDS_STORED_AUDIO)
    rate = context.front_end.sample_rate
    size = min(context.front_end.samples, round(SECONDS * rate))
    features: list[NDArray[np.float64]] = []
    for done, row in enumerate(rows.tolist()):
        progress("phase", done, len(rows))
        wave = context.central_excerpt(context.waveform(row))
        first = (len(wave) - size) // 2
        features.append(phase_features(wave[first : first + size], rate))
    return {"phase": np.stack(features)}


def _harmony(context: AuditContext, rows: Rows, progress: Progress) -> dict[str, Floats]:
    return {"harmony": context.harmony(rows, progress)}
