"""Generators on the same real songs: paired differences, whose intervals are narrower than those of several scorecards.

Of distances the difference is below 0 where the first generator is nearer to real music; of the Quality Score and of
control (how the predicted emotion follows the requested one) it is above 0 where the first is better.

With K other generators each measure has K intervals, of which one in twenty would leave out 0 by chance alone. The
simultaneous intervals hold for all K at once with a probability of 95 % (Bonferroni: each is one of 1 − .05/K), however
the comparisons depend on each other: they share the real songs and the first generator's clips. They are for one
measure; ``bench/side_by_side.py`` measures their coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.studies.scorecard.comparison import (
    AxisControlDifference,
    Comparison,
    ControlDifference,
    DifferenceEstimate,
    DistanceDifference,
    QualityDifference,
)
from affetti.studies.scorecard.emotion_predictions import EmotionPredictions
from affetti.studies.scorecard.measurement import Interval, Measure

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class OtherGenerator:
    """Clips of another generator, and what is known of them."""

    clips: ClipSet
    embedded: Rows
    """``[N, D]``"""
    contains_real: int
    """How many are real clips."""
    emotions: Rows | None = None
    """Predicted valence and arousal ``[N, 2]``, where their conditions vary."""


def compare_generators(
    reference: ClipSet,
    fake: ClipSet,
    embedded: tuple[Rows, Rows],
    others: Sequence[OtherGenerator],
    predictions: EmotionPredictions | None,
    seed: int,
) -> tuple[Comparison, ...]:
    """``frechet``, ``kernel``, ``quality`` and control of ``fake`` less those of each other generator.

    Args:
        reference: real clips.
        fake: clips of the first generator.
        embedded: embeddings of these two, ``[N, D]`` each.
        others: the other generators.
        predictions: the emotions of the first generator's clips.
        seed: of every resampling.
    """
    several = len(others)
    comparisons: list[Comparison] = []
    for other in others:
        rows, songs = (*embedded, other.embedded), (reference.songs, fake.songs, other.clips.songs)
        comparisons.append(
            Comparison(
                other.clips.name,
                len(other.clips),
                _distance(rows, songs, "frechet", seed, several),
                _distance(rows, songs, "kernel", seed, several),
                _quality((reference, fake, other.clips), seed, several),
                other.contains_real,
                _control(fake, other, predictions, seed, several),
            )
        )
    return tuple(comparisons)


def _distance(
    embedded: tuple[Rows, Rows, Rows],
    songs: Sequence[NDArray[np.str_]],
    distance: Literal["frechet", "kernel"],
    seed: int,
    several: int,
) -> DistanceDifference:
    try:
        test = metrics.paired_test(*embedded, songs, distance, seed)
    except InputError as error:
        return DistanceDifference(reason=str(error))
    parts = (Measure.of(result) for result in (test.difference, test.first, test.second))
    wide = test.simultaneous(several) if several > 1 else None
    return DistanceDifference(*parts, p=test.p, seed=test.seed, simultaneous=wide)


def _quality(sets: tuple[ClipSet, ClipSet, ClipSet], seed: int, several: int) -> QualityDifference:
    reference, fake, other = (clips.mel for clips in sets)
    songs = (sets[0].songs, sets[1].songs, sets[2].songs)
    try:
        result = metrics.quality_difference(reference, fake, other, songs, seed)
    except InputError as error:
        return QualityDifference(reason=str(error))
    difference = QualityDifference(Measure.of(result.difference), result.first, result.second, result.n)
    if several < 2 or result.difference.ci is None:
        return difference
    return replace(difference, simultaneous=stretched(result.difference.value, result.difference.ci, several))


def stretched(value: float, ci: Interval, comparisons: int) -> Interval:
    """A 95 % interval stretched about its value to one of 1 − .05/K, as that of a normal statistic would be."""
    factor = float(norm.ppf(1 - 0.025 / comparisons) / norm.ppf(0.975))
    return value + factor * (ci[0] - value), value + factor * (ci[1] - value)


def _control(
    fake: ClipSet, other: OtherGenerator, predictions: EmotionPredictions | None, seed: int, several: int
) -> ControlDifference:
    labels = fake.labels, other.clips.labels
    if predictions is None or other.emotions is None or labels[0] is None or labels[1] is None:
        return ControlDifference(reason="needs conditions that vary on both sides, and a regressor of emotions")
    first, second = (labels[0], predictions.fake, fake.songs), (labels[1], other.emotions, other.clips.songs)
    try:
        differences = metrics.response_difference(first, second, seed, comparisons=several)
    except InputError as error:
        return ControlDifference(reason=str(error))
    valence, arousal = (_axis(differences[axis], several) for axis in AXES)
    return ControlDifference(valence, arousal)


def _axis(differences: dict[str, metrics.ResponseDifference] | None, several: int) -> AxisControlDifference | None:
    if differences is None:
        return None
    return AxisControlDifference(
        **{
            name: DifferenceEstimate(its.value, its.ci, its.simultaneous if several > 1 else None)
            for name, its in differences.items()
        }
    )
