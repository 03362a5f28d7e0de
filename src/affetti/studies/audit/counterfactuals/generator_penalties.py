"""What a field of the condition is worth to a generator: one that was trained with it beside one that was not.

Runs of one kind and one fold whose conditions differ in one field alone make a pair (``affetti train gan`` and
``affetti train gan --without genre``). Their clips are scored against the same real songs, which neither was trained
on; the penalty is the Quality Score with the field less that without. Of several pairs, runs differ as well as clips:
the interval is Student's over the pairs, widened by the mean variance within them.

When not to use: as what listeners miss. The score compares log-mels, and one pair says nothing about other trainings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from affetti import metrics
from affetti.corpus import Corpus
from affetti.errors import InputError
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext
from affetti.training import run as runs

FIELDS = {"lyrics": "lyrics", "timbre": "instruments", "structure": "section", "genre": "genre"}
"""Field of a condition by the factor that it stands for."""
Pair = tuple[Corpus, Corpus]
"""Clips of the run that has the field, and of the run that lacks it."""


def generator_penalties(context: AuditContext) -> list[Measurement]:
    """A penalty for each of :data:`FIELDS`, in points."""
    return [_penalty(context, factor, field) for factor, field in FIELDS.items()]


def field_pairs(context: AuditContext, field: str) -> list[Pair]:
    """Clips of runs of one kind and fold that differ in ``field`` alone, in the order given, each used once."""
    made = [
        (trained.kind, trained.meta.fold, set(trained.generator.followed_fields), path)
        for trained, (_, path) in zip(map(runs.load, context.models), context.generated, strict=True)
    ]
    pairs: list[Pair] = []
    free = [it for it in made if field not in it[2]]
    for kind, fold, fields, path in (it for it in made if field in it[2]):
        match = next((it for it in free if it[:2] == (kind, fold) and it[2] == fields - {field}), None)
        if match is not None:
            free.remove(match)
            pairs.append((Corpus.open(path), Corpus.open(match[3])))
    return pairs


def combine(values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> tuple[float, tuple[float, float]]:
    """Mean of the penalties of pairs, and its 95 % interval; of one pair, its own.

    Example:
        >>> combine([2.0], [(1.0, 4.0)])
        (2.0, (1.0, 4.0))
    """
    if len(values) == 1:
        return values[0], intervals[0]
    middle, count = float(np.mean(values)), len(values)
    within = np.mean([((high - low) / (2 * 1.96)) ** 2 for low, high in intervals])
    half = float(t.ppf(0.975, count - 1) * np.sqrt(np.var(values, ddof=1) / count + within))
    return middle, (middle - half, middle + half)


def _penalty(context: AuditContext, factor: str, field: str) -> Measurement:
    name, label = f"penalty_{factor}_generator", f"points that a generator loses without {field}"
    pairs = field_pairs(context, field)
    if not pairs:
        needs = f"a generator without {field} beside one with it: affetti train gan --without {field}; give both"
        return Measurement.missing(name, label, needs, "points")
    values: list[float] = []
    intervals: list[tuple[float, float]] = []
    counts: list[int] = []
    for has, lacks in pairs:
        seen = set(has.meta["provenance"]["training_songs"]) | set(lacks.meta["provenance"]["training_songs"])
        rows = np.flatnonzero(~np.isin(context.corpus.songs, sorted(seen)))
        songs = context.corpus.songs[rows]
        try:
            result = metrics.quality_difference(
                context.corpus.mel[rows], has.mel, lacks.mel, (songs, None, None), context.seed
            ).difference
        except InputError as error:
            return Measurement.missing(name, label, error.what, "points")
        values.append(result.value)
        counts.append(int(np.unique(songs).size))
        intervals.append(result.ci or (result.value, result.value))
    value, ci = combine(values, intervals)
    note = "one run each: another training may differ" if len(pairs) == 1 else f"{len(pairs)} runs each"
    return Measurement(name, label, value, ci, min(counts), "songs a side", "points", note)
