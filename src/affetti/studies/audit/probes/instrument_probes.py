"""Which instruments a linear probe finds in clips: in real clips, and in generated ones.

A probe for each instrument of the column ``instruments`` that is neither rare nor everywhere, fitted to real clips. It
predicts real clips out of fold, and generated clips, whose target is the requested instruments. The measure is balanced
accuracy, mean over instruments: 0.5 is chance. What generated clips lose of the distance to chance is their blur.

When not to use: to say why. A generator that ignores what was requested, and is otherwise sharp, is at chance too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.embedders.statistics import embed_statistics
from affetti.errors import InputError
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.training.registry import REFERENCE_GENERATOR

MIN_FRACTION = 0.05
MAX_CLIPS, MAX_CLIPS_QUICK = 960, 400
NEEDS_INSTRUMENTS = "instruments: a column of names, of 5 songs or more that differ in them"
NEEDS_GENERATOR = "a generator conditioned on instruments: give --models"
CORPUS_READ = ("corpus_read", "instruments predicted from the corpus' clips, balanced accuracy")
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]


@dataclass(frozen=True)
class InstrumentProbes:
    """Probes for instruments, and their out-of-fold predictions of the real clips they were fitted to."""

    instruments: tuple[str, ...]
    features: linear_probe.Floats
    songs: Texts
    present: Flags
    """Which clip has which instrument ``[N, K]``."""
    predicted: Flags
    """Predictions of the same, out of fold ``[N, K]``."""

    @classmethod
    def fit(cls, context: AuditContext) -> InstrumentProbes:
        """Fitted to a corpus.

        Raises:
            InputError: it names no instruments that some clips have and some have not, or has too few songs.
        """
        rows = context.select_rows(context.sample_size(MAX_CLIPS, MAX_CLIPS_QUICK))
        named = named_instruments(context.corpus)[rows]
        rows, named = rows[named != ""], named[named != ""]
        known = common_instruments(named)
        if not known:
            raise InputError("no instrument that some clips have and some have not")
        features, songs, has = context.statistics[rows], context.corpus.songs[rows], contains_instruments(named, known)
        predicted = [linear_probe.cross_val_classify(features, column.astype(str), songs) == "True" for column in has.T]
        return cls(known, features, songs, has, np.stack(predicted, axis=1))

    def predict(self, features: linear_probe.Floats) -> Flags:
        """Predicted instruments ``[N, K]`` of other clips ``[N, D]``."""
        probes = [
            linear_probe.fit_classifier(self.features, column.astype(str), self.songs) for column in self.present.T
        ]
        return np.stack([classify(features) == "True" for classify in probes], axis=1)


def instrument_measurements(context: AuditContext) -> list[Measurement]:
    """``corpus_read``; ``generated_read`` and ``generated_blur``, of further generators with their name behind it."""
    kinds = [kind for kind, _ in context.generated]
    first = kinds[0] if kinds and REFERENCE_GENERATOR not in kinds else REFERENCE_GENERATOR
    suffix = {kind: "" if kind == first else f"_{kind}" for kind in kinds or [first]}
    try:
        probes = InstrumentProbes.fit(context)
    except InputError:
        return [
            Measurement.missing(*CORPUS_READ, NEEDS_INSTRUMENTS),
            *(m for kind in suffix for m in _missing_measurements(suffix[kind], NEEDS_INSTRUMENTS)),
        ]
    measurements = [
        Measurement.of_statistic(
            *CORPUS_READ,
            mean_balanced_accuracy,
            probes.predicted,
            probes.present,
            songs=probes.songs,
            seed=context.seed,
        )
    ]
    for kind, path in context.generated:
        measurements += _generated(probes, kind, path, suffix[kind], context.seed)
    return measurements if kinds else measurements + _missing_measurements("", NEEDS_GENERATOR)


def _generated(probes: InstrumentProbes, kind: str, path: Path, suffix: str, seed: int) -> list[Measurement]:
    made = Corpus.open(path)
    requested = contains_instruments(named_instruments(made), probes.instruments)
    if not requested.any():
        return _missing_measurements(suffix, NEEDS_GENERATOR)
    predicted = probes.predict(embed_statistics(made.mel))
    clips = np.char.add(f"generated {kind} ", made.clips["clip_id"].to_numpy(dtype=str))
    units = np.concatenate([probes.songs, clips])
    both = (np.concatenate([probes.predicted, predicted]), np.concatenate([probes.present, requested]))
    made_by = np.arange(len(units)) >= len(probes.songs)
    name, label = f"generated_read{suffix}", f"requested instruments, predicted from clips of {kind}, balanced accuracy"
    blurred = f"generated_blur{suffix}", f"loss of that against the corpus' clips, {kind}"
    of = "songs and generated clips"
    return [
        Measurement.of_statistic(
            name, label, mean_balanced_accuracy, predicted, requested, songs=clips, seed=seed, of="generated clips"
        ),
        Measurement.of_statistic(*blurred, accuracy_loss, *both, made_by, songs=units, seed=seed, unit="%", of=of),
    ]


def named_instruments(corpus: Corpus) -> Texts:
    """The instruments of each clip, as the corpus names them ``[N]``."""
    return corpus.clips["instruments"].fillna("").to_numpy(dtype=str)


def common_instruments(named: Texts) -> tuple[str, ...]:
    """The instruments that more than 5 % and less than 95 % of clips have."""
    rows = [set(text.split("|")) - {""} for text in named.tolist()]
    every = sorted(set[str]().union(*rows))
    return tuple(name for name in every if MIN_FRACTION < np.mean([name in row for row in rows]) < 1 - MIN_FRACTION)


def contains_instruments(named: Texts, known: tuple[str, ...]) -> Flags:
    """Which clip has which of the known instruments ``[N, K]``."""
    return np.array([[name in text.split("|") for name in known] for text in named.tolist()]).reshape(len(named), -1)


def mean_balanced_accuracy(predicted: Flags, has: Flags) -> float:
    """Balanced accuracy, mean over the instruments that some clips have and some have not.

    Raises:
        InputError: there is none.
    """
    with_it, without = has.sum(axis=0), (~has).sum(axis=0)
    varies = (with_it > 0) & (without > 0)
    if not varies.any():
        raise InputError("no instrument that some clips have and some have not")
    sensitivity = (predicted & has).sum(axis=0)[varies] / with_it[varies]
    specificity = (~predicted & ~has).sum(axis=0)[varies] / without[varies]
    return float((sensitivity + specificity).mean() / 2.0)


def accuracy_loss(predicted: Flags, has: Flags, generated: Flags) -> float:
    """What clips ``generated`` lose of the real ones' distance to chance, in %: 0 none of it, 100 all.

    Raises:
        InputError: as :func:`mean_balanced_accuracy`, or real clips are at chance themselves.
    """
    real, made = (mean_balanced_accuracy(predicted[side], has[side]) - 0.5 for side in (~generated, generated))
    if not real > 0:
        raise InputError("instruments that cannot be predicted from real clips")
    return 100.0 * (1.0 - made / real)


def _missing_measurements(suffix: str, needs: str) -> list[Measurement]:
    return [
        Measurement.missing(f"generated_read{suffix}", "requested instruments, predicted from generated clips", needs),
        Measurement.missing(f"generated_blur{suffix}", "loss of that against the corpus' clips", needs, "%"),
    ]
