"""What generated clips keep of harmony, beside real clips of songs that the generator was not trained on.

Both are seen as log-mels alone (:func:`~affetti.studies.audit.codec.notes.notes_of_log_mel`), since a generator may
make no sound: *key strength* is the correlation of a clip's pitch classes with the profile of the key that fits best.
And ridge regression, fitted to real clips that the generator was trained on, predicts valence from the 24 chroma
numbers relative to the tonic and how much better major fits than minor; its correlation with the label of real clips,
or with the condition of generated ones, says how far valence shows in their harmony.

When not to use: to compare front-ends. With 64 bands little harmony is seen of real clips either, see the correlation
that those have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import Corpus
from affetti.presets import FrontEnd
from affetti.progress import Progress
from affetti.rows import evenly_spaced
from affetti.signal.harmony import Tuning, harmony_of_notes
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.codec.notes import notes_of_log_mel
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.harmony_gain import chroma_profile
from affetti.studies.audit.probes.linear_probe import Floats, Texts

Rows = NDArray[np.intp]
NEEDS_GENERATOR = "a generator: give --models"
MAX_CLIPS, MAX_CLIPS_QUICK = 800, 200
"""Clips of each set, at most."""
LABELS = {
    "key_strength": "key strength of {}, from log-mels",
    "valence_in_harmony": "correlation of valence predicted from harmony with that of {}",
}


def generated_harmony(context: AuditContext, progress: Progress) -> list[Measurement]:
    """``key_strength`` and ``valence_in_harmony`` of each generator, and with ``_real`` behind it of held-out clips."""
    if not context.generated:
        return [
            Measurement.missing(f"{what}_generated", label.format("generated clips"), NEEDS_GENERATOR)
            for what, label in LABELS.items()
        ]
    measurements: list[Measurement] = []
    for number, (kind, path) in enumerate(context.generated):
        progress("harmony of generated clips", number, len(context.generated))
        measurements += _compare(context, kind, path, with_real=number == 0)
    return measurements


def log_mel_harmony(log_mels: NDArray[np.floating], rows: Sequence[int], front: FrontEnd) -> Floats:
    """Of log-mels ``[N, M, F]`` at ``rows``: 24 chroma numbers, major over minor, and key strength ``[n, 26]``."""
    numbers: list[Floats] = []
    for row in rows:
        notes = notes_of_log_mel(np.asarray(log_mels[row]), front)
        harmony = harmony_of_notes(notes, front.hop_length / front.sample_rate, Tuning(0.0, 1.0))
        major, minor = harmony.correlations.mean(axis=0)
        numbers.append(np.concatenate([chroma_profile(harmony), [major - minor, harmony.key.strength]]))
    return np.stack(numbers)


def _compare(context: AuditContext, kind: str, path: Path, *, with_real: bool) -> list[Measurement]:
    corpus, real = Corpus.open(path), context.corpus
    trained_on = np.isin(real.songs, list((corpus.meta.get("provenance") or {}).get("training_songs", ())))
    train, held = (_some(context, np.flatnonzero(chosen)) for chosen in (trained_on, ~trained_on))
    made = _some(context, np.arange(len(corpus)))
    predict = _valence_regressor(context, train)
    clips = corpus.clips["clip_id"].to_numpy(dtype=str)[made]
    sets = [_Set(f"_{kind}", f"clips of {kind}", corpus, made, clips, "generated clips")]
    if with_real:
        sets.append(_Set("_real", "held-out real clips", real, held, real.songs[held], "songs"))
    measurements: list[Measurement] = []
    for each in sets:
        strength, valence = ((f"{what}{each.ending}", label.format(each.words)) for what, label in LABELS.items())
        if predict is None or not len(each.rows):
            needs = "real songs that it was trained on, and others"
            measurements += [Measurement.missing(*naming, needs) for naming in (strength, valence)]
            continue
        harmony = log_mel_harmony(each.corpus.mel, each.rows.tolist(), context.front_end)
        values, seed = harmony[:, -1], context.seed
        measurements.append(Measurement.of_mean(*strength, values, songs=each.units, seed=seed, of=each.of))
        pair = predict(harmony[:, :-1]), each.corpus.labels[each.rows, 0]
        measurements.append(
            Measurement.of_statistic(*valence, metrics.pearson, *pair, songs=each.units, seed=seed, of=each.of)
        )
    return measurements


@dataclass(frozen=True)
class _Set:
    """Clips that are compared."""

    ending: str
    """Of the measurements' names."""
    words: str
    corpus: Corpus
    rows: Rows
    units: Texts
    """What intervals resample."""
    of: str
    """What these are."""


def _some(context: AuditContext, rows: Rows) -> Rows:
    return rows[evenly_spaced(len(rows), context.sample_size(MAX_CLIPS, MAX_CLIPS_QUICK))]


def _valence_regressor(context: AuditContext, rows: Rows) -> Callable[[Floats], Floats] | None:
    """Valence from what :func:`log_mel_harmony` gives but the key strength, fitted to clips; None of too few."""
    songs, valence = context.corpus.songs[rows], context.corpus.labels[rows, 0]
    if np.unique(songs).size < linear_probe.N_FOLDS or not valence.std() > 0:
        return None
    harmony = log_mel_harmony(context.corpus.mel, rows.tolist(), context.front_end)
    return linear_probe.fit_regressor(harmony[:, :-1], valence, songs)
