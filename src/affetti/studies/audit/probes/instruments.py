"""Which instruments are heard in clips: read off log-mels of real clips, and of generated ones.

A probe for each instrument of the column ``instruments`` that is neither rare nor everywhere, fitted to real clips.
Of real clips it is asked out of fold, of generated ones whether they hold the instruments that were asked for. The
measure is balanced accuracy, mean over instruments: 0.5 is chance. What generated clips lose of the distance to chance
is their blur.

When not to use: to say whether a generator blurs or disobeys. A generator that ignores what it was asked for, and is
otherwise sharp, is at chance too.
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
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.scope import Scope

RARE = 0.05
CLIPS, CLIPS_QUICK = 960, 400
COLUMN = "instruments: a column of names, of 5 songs or more that differ in them"
GENERATOR = "a generator that is asked for instruments: give --models"
FIRST = "gan"
"""The generator that the study speaks of."""
READ = ("corpus_read", "instruments read off the corpus' clips, balanced accuracy")
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]


@dataclass(frozen=True)
class Judges:
    """Probes for instruments, and what they read of the real clips they were fitted to, out of fold."""

    known: tuple[str, ...]
    features: linear_probe.Floats
    songs: Texts
    has: Flags
    """Which clip has which instrument ``[N, K]``."""
    read: Flags
    """What was read of it."""

    @classmethod
    def of(cls, scope: Scope) -> Judges:
        """Fitted to a corpus.

        Raises:
            InputError: it names no instruments that some clips have and some have not, or has too few songs.
        """
        rows = scope.rows(scope.few(CLIPS, CLIPS_QUICK))
        named = asked(scope.corpus)[rows]
        rows, named = rows[named != ""], named[named != ""]
        known = neither_rare_nor_everywhere(named)
        if not known:
            raise InputError("no instrument that some clips have and some have not")
        features, songs, has = scope.statistics[rows], scope.corpus.songs[rows], holds(named, known)
        read = [linear_probe.read_classes(features, column.astype(str), songs) == "True" for column in has.T]
        return cls(known, features, songs, has, np.stack(read, axis=1))

    def __call__(self, features: linear_probe.Floats) -> Flags:
        """What is read of other clips ``[N, D]``: ``[N, K]``."""
        judges = [linear_probe.learn_classes(self.features, column.astype(str), self.songs) for column in self.has.T]
        return np.stack([judge(features) == "True" for judge in judges], axis=1)


def measured(scope: Scope) -> list[Measurement]:
    """``corpus_read``; ``generated_read`` and ``generated_blur``, of further generators with their name behind it."""
    kinds = [kind for kind, _ in scope.generated]
    first = kinds[0] if kinds and FIRST not in kinds else FIRST
    suffix = {kind: "" if kind == first else f"_{kind}" for kind in kinds or [first]}
    try:
        judges = Judges.of(scope)
    except InputError:
        return [Measurement.missing(*READ, COLUMN), *(m for kind in suffix for m in _missing(suffix[kind], COLUMN))]
    found = [Measurement.of_statistic(*READ, accuracy, judges.read, judges.has, songs=judges.songs, seed=scope.seed)]
    for kind, path in scope.generated:
        found += _generated(judges, kind, path, suffix[kind], scope.seed)
    return found if kinds else found + _missing("", GENERATOR)


def _generated(judges: Judges, kind: str, path: Path, suffix: str, seed: int) -> list[Measurement]:
    made = Corpus.open(path)
    wished = holds(asked(made), judges.known)
    if not wished.any():
        return _missing(suffix, GENERATOR)
    heard = judges(embed_statistics(made.mel))
    clips = np.char.add(f"generated {kind} ", made.clips["clip_id"].to_numpy(dtype=str))
    units = np.concatenate([judges.songs, clips])
    both = (np.concatenate([judges.read, heard]), np.concatenate([judges.has, wished]))
    made_by = np.arange(len(units)) >= len(judges.songs)
    name, label = f"generated_read{suffix}", f"instruments asked for, read off clips of {kind}, balanced accuracy"
    blurred = f"generated_blur{suffix}", f"loss of that against the corpus' clips, {kind}"
    of = "songs and generated clips"
    return [
        Measurement.of_statistic(name, label, accuracy, heard, wished, songs=clips, seed=seed, of="generated clips"),
        Measurement.of_statistic(*blurred, blur, *both, made_by, songs=units, seed=seed, unit="%", of=of),
    ]


def asked(corpus: Corpus) -> Texts:
    """The instruments of each clip, as the corpus names them ``[N]``."""
    return corpus.clips["instruments"].fillna("").to_numpy(dtype=str)


def neither_rare_nor_everywhere(named: Texts) -> tuple[str, ...]:
    """The instruments that more than 5 % and less than 95 % of clips have."""
    rows = [set(text.split("|")) - {""} for text in named.tolist()]
    every = sorted(set[str]().union(*rows))
    return tuple(name for name in every if RARE < np.mean([name in row for row in rows]) < 1 - RARE)


def holds(named: Texts, known: tuple[str, ...]) -> Flags:
    """Which clip has which of the known instruments ``[N, K]``."""
    return np.array([[name in text.split("|") for name in known] for text in named.tolist()]).reshape(len(named), -1)


def accuracy(read: Flags, has: Flags) -> float:
    """Balanced accuracy, mean over the instruments that some clips have and some have not.

    Raises:
        InputError: there is none.
    """
    with_it, without = has.sum(axis=0), (~has).sum(axis=0)
    told = (with_it > 0) & (without > 0)
    if not told.any():
        raise InputError("no instrument that some clips have and some have not")
    right = (read & has).sum(axis=0)[told] / with_it[told] + (~read & ~has).sum(axis=0)[told] / without[told]
    return float(right.mean() / 2.0)


def blur(read: Flags, has: Flags, generated: Flags) -> float:
    """What clips ``generated`` lose of the real ones' distance to chance, in %: 0 none of it, 100 all.

    Raises:
        InputError: as :func:`accuracy`, or real clips are at chance themselves.
    """
    real, made = (accuracy(read[side], has[side]) - 0.5 for side in (~generated, generated))
    if not real > 0:
        raise InputError("instruments that cannot be read off real clips")
    return 100.0 * (1.0 - made / real)


def _missing(suffix: str, needs: str) -> list[Measurement]:
    return [
        Measurement.missing(f"generated_read{suffix}", "instruments asked for, read off generated clips", needs),
        Measurement.missing(f"generated_blur{suffix}", "loss of that against the corpus' clips", needs, "%"),
    ]
