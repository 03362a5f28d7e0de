"""Two generators on the same real songs: paired differences, whose intervals are narrower than those of two scorecards.

Of distances the difference is below 0 where the first generator is nearer to real music; of the Quality Score it is
above 0 where the first is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.errors import InputError
from affetti.studies.scorecard.measurement import Measure
from affetti.studies.scorecard.result import Comparison, DistanceDifference, QualityDifference

Rows = NDArray[np.float64]


def compare_generators(
    reference: ClipSet, fake: ClipSet, other: ClipSet, embedded: tuple[Rows, Rows, Rows], contains_real: int, seed: int
) -> Comparison:
    """``frechet``, ``kernel`` and ``quality`` of ``fake`` less those of ``other``.

    Args:
        reference: real clips.
        fake: clips of the first generator.
        other: clips of the second.
        embedded: embeddings of the three, ``[N, D]`` each.
        contains_real: clips of ``other`` that are real ones.
        seed: of every resampling.
    """
    songs = (reference.songs, fake.songs, other.songs)
    return Comparison(
        other.name,
        len(other),
        _distance(embedded, songs, "frechet", seed),
        _distance(embedded, songs, "kernel", seed),
        _quality((reference, fake, other), seed),
        contains_real,
    )


def _distance(
    embedded: tuple[Rows, Rows, Rows],
    songs: Sequence[NDArray[np.str_]],
    distance: Literal["frechet", "kernel"],
    seed: int,
) -> DistanceDifference:
    try:
        test = metrics.paired_test(*embedded, songs, distance, seed)
    except InputError as error:
        return DistanceDifference(reason=str(error))
    parts = (Measure.of(result) for result in (test.difference, test.first, test.second))
    return DistanceDifference(*parts, p=test.p, seed=test.seed)


def _quality(sets: tuple[ClipSet, ClipSet, ClipSet], seed: int) -> QualityDifference:
    reference, fake, other = (clips.mel for clips in sets)
    songs = (sets[0].songs, sets[1].songs, sets[2].songs)
    try:
        result = metrics.quality_difference(reference, fake, other, songs, seed)
    except InputError as error:
        return QualityDifference(reason=str(error))
    return QualityDifference(Measure.of(result.difference), result.first, result.second, result.n)
