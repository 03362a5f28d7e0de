"""How much lyrics add to the prediction of emotion from the log-mel: nested models.

Labels are predicted from log-mel statistics, and from these joined by numbers made of the words: their valence by the
composer's list where it knows any of them, and hashed words and word stems (:mod:`affetti.training.text_embedders`),
each with a penalty of its own (:mod:`~affetti.studies.audit.probes.banded_ridge`). The difference of R² on held-out
songs, in % of the labels' variance, is what the words add. Only clips with words are used.

When not to use: as the effect of lyrics on listeners. Words that correlate with the music carry information on it that
the log-mel regressor misses, and add to R² without any effect of their own. And hashing does not encode meaning: a
language model may predict more.
"""

from __future__ import annotations

import numpy as np

from affetti import compose
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.added_variance import added_percent, of_gain
from affetti.training.text_embedders import text_embedder

NEEDS_LYRICS = "lyrics: a column of words"


def text_gain(context: AuditContext) -> list[Measurement]:
    """For either axis what words add to log-mel, and what each explains alone, % of the variance."""
    words = context.corpus.clips["lyrics"].fillna("").to_numpy(dtype=str)
    rows = np.flatnonzero(np.char.strip(words) != "")
    if not len(rows):
        return _missing(NEEDS_LYRICS)
    mel, text = context.statistics[rows], text_features(words[rows])
    everything = tuple(text)
    songs, labels = context.corpus.songs[rows], context.corpus.labels[rows]
    try:
        alone = linear_probe.cross_val_predict(linear_probe.concatenated(*text.values()), labels, songs)
        beside = linear_probe.cross_val_subsets(mel, text, labels, songs)
    except InputError as error:
        return _missing(f"songs with words and labels that differ ({error.what})")
    measurements: list[Measurement] = []
    for axis, name in enumerate(AXES):
        from_mel, both, from_text = (prediction[:, axis] for prediction in (beside[()], beside[everything], alone))
        target = labels[:, axis]
        statistics = (
            ("text_adds", added_percent, (both, from_mel, target)),
            ("mel_explains", _explained, (from_mel, target)),
            ("text_explains", _explained, (from_text, target)),
        )
        measured = [
            Measurement.of_statistic(*_named(what, name), statistic, *arrays, songs=songs, seed=context.seed, unit="%")
            for what, statistic, arrays in statistics
        ]
        measured[0] = of_gain(measured[0], both - from_mel, songs)
        measurements += measured
    return measurements


def text_features(words: linear_probe.Texts) -> dict[str, linear_probe.Floats]:
    """Numbers made of texts ``[N, D]``: valence by the composer's list and whether it knows a word; hashed stems."""
    valence = np.array([compose.valence_of(text.splitlines()) for text in words.tolist()])
    known = np.isfinite(valence)
    return {
        "valence": np.column_stack([np.where(known, valence, 0.0), known]),
        "words": text_embedder()(words.tolist()),
    }


LABELS = {
    "text_adds": "variance of {} that words explain beyond log-mel",
    "mel_explains": "variance of {} that log-mel explains, clips with words",
    "text_explains": "variance of {} that words explain alone",
}


def _named(what: str, axis: str) -> tuple[str, str]:
    return f"{what}_{axis}", LABELS[what].format(axis)


def _missing(needs: str) -> list[Measurement]:
    return [Measurement.missing(*_named(what, axis), needs, "%") for axis in AXES for what in LABELS]


def _explained(prediction: linear_probe.Floats, target: linear_probe.Floats) -> float:
    return 100.0 * linear_probe.r2(prediction, target)
