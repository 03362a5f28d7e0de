"""The registry of measures: one entry each, from which the scorecard, the terminal, the report and the docs are made.

A new metric is a module in :mod:`affetti.metrics` and an :class:`Entry` in :data:`REGISTRY`: its key is its key in the
document, ``compute`` takes it from a :class:`MeasureInput`. Order in the registry is order in the document and in every
table. Where a measure cannot be taken the scorecard holds the reason in its place, but for those that are ``required``:
without them there is no scorecard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.errors import InputError
from affetti.metrics.half_splits import MEASURES as HALF_SPLIT_MEASURES
from affetti.progress import Progress, silent
from affetti.studies.scorecard.measurement import ExtrapolatedMeasure, Measure
from affetti.studies.scorecard.result import Scorecard

Rows = NDArray[np.float64]
Need = Literal["features", "log-mels", "labels", "training set", "whole songs", "sections", "regressor"]
"""What a measure is computed from: embeddings, the log-mels themselves, emotions of both sides, training clips, songs
of several clips, their sections, predicted emotions."""


@dataclass(frozen=True)
class MeasureInput:
    """What a measure may be computed from."""

    reference: ClipSet
    """Real clips."""
    fake: ClipSet
    """Synthetic clips."""
    real_rows: Rows
    """Embeddings of the real clips ``[N, D]``."""
    fake_rows: Rows
    """Embeddings of the synthetic clips ``[K, D]``."""
    seed: int
    """Of every resampling."""
    train_rows: Rows | None = None
    """Embeddings of the clips that the generator was trained on ``[T, D]``, where these are known."""

    @property
    def songs(self) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
        """Song id of each real and of each synthetic clip."""
        return self.reference.songs, self.fake.songs

    @cached_property
    def half_splits(self) -> dict[str, Measure]:
        """The measures of :func:`affetti.metrics.by_halves`, of embeddings about the mean of the real ones."""
        centre = self.real_rows.mean(axis=0)
        try:
            results = metrics.by_halves(self.real_rows - centre, self.fake_rows - centre, self.songs, seed=self.seed)
        except InputError as error:
            return {name: Measure.unavailable(str(error)) for name in HALF_SPLIT_MEASURES}
        return {name: Measure.of(result) for name, result in results.items()}


@dataclass(frozen=True)
class Entry:
    """One measure: its name, how to interpret it, and how it is computed."""

    key: str
    """In the document, and in the table of the terminal."""
    title: str
    better: Literal["lower", "higher", "as real"]
    meaning: str
    """In one phrase, for readers who do not know it."""
    compute: Callable[[MeasureInput], Measure] | None = None
    """``None`` where it belongs to a part of the scorecard that is computed as a whole."""
    part: Literal["spectrogram", "joint", "form"] | None = None
    """The part of the scorecard that holds it; ``None``: ``measures``."""
    needs: tuple[Need, ...] = ("features",)
    decimals: int = 3
    """Digits after the point in tables."""
    unit: str = ""
    required: bool = False
    """Whether there is no scorecard without it."""

    def of(self, card: Scorecard) -> Measure | None:
        """This measure of a scorecard; ``None`` where it has none, as a scorecard of an older version may."""
        if self.part == "joint":
            return card.joint.joint or Measure.unavailable(card.joint.reason or "not measured")
        if self.part == "form":
            return None if card.form is None else card.form.measures.get(self.key)
        if self.part == "spectrogram":
            spectrogram = card.spectrogram
            return {
                "level": spectrogram.level,
                "modulation": spectrogram.modulation,
                "onset_rate": spectrogram.onset_rate,
                "onset_strength": spectrogram.onset_strength,
            }[self.key]
        return card.measures.get(self.key)


def _half_split(name: str) -> Callable[[MeasureInput], Measure]:
    return lambda given: given.half_splits[name]


def _frechet(given: MeasureInput) -> Measure:
    return Measure.of(metrics.frechet(given.real_rows, given.fake_rows, given.songs, given.seed))


def _frechet_infinity(given: MeasureInput) -> Measure:
    line = metrics.frechet_infinity(given.real_rows, given.fake_rows, given.songs, given.seed)
    return ExtrapolatedMeasure(
        line.value,
        line.ci,
        n=line.n,
        seed=line.seed,
        slope=line.slope,
        r2=line.r2,
        shares=line.shares,
        distances=line.distances,
    )


def _kernel(given: MeasureInput) -> Measure:
    return Measure.of(metrics.kernel(given.real_rows, given.fake_rows, given.songs, given.seed))


def _sliced_wasserstein(given: MeasureInput) -> Measure:
    rows = given.real_rows, given.fake_rows
    return Measure.of(metrics.sliced_wasserstein(*rows, given.songs, seed=given.seed))


REGISTRY: tuple[Entry, ...] = (
    Entry(
        "frechet",
        "Fréchet distance",
        "lower",
        "how far mean and covariance of the synthetic clips lie from those of real music",
        _frechet,
    ),
    Entry(
        "frechet_infinity",
        "Fréchet distance, extrapolated",
        "lower",
        "the same, extrapolated to infinitely many songs",
        _frechet_infinity,
    ),
    Entry(
        "kernel",
        "kernel distance",
        "lower",
        "how far the distributions lie apart; about 0 for equal ones, at any number of songs",
        _kernel,
        required=True,
    ),
    Entry(
        "sliced_wasserstein",
        "sliced Wasserstein distance",
        "lower",
        "how far the distributions lie apart, projected onto many directions",
        _sliced_wasserstein,
    ),
    Entry(
        "precision",
        "precision",
        "higher",
        "share of synthetic clips that lie among real ones",
        _half_split("precision"),
        decimals=2,
    ),
    Entry(
        "recall",
        "recall",
        "higher",
        "share of real clips that lie among synthetic ones; low is lost variety",
        _half_split("recall"),
        decimals=2,
    ),
    Entry(
        "density",
        "density",
        "higher",
        "how many real clips the average synthetic clip resembles; 1 for equal distributions",
        _half_split("density"),
        decimals=2,
    ),
    Entry(
        "coverage",
        "coverage",
        "higher",
        "share of real clips with a synthetic clip nearby",
        _half_split("coverage"),
        decimals=2,
    ),
    Entry(
        "clipped_density",
        "clipped density",
        "higher",
        "share of synthetic clips as good as real ones, robust to outliers",
        _half_split("clipped_density"),
        decimals=2,
    ),
    Entry(
        "clipped_coverage",
        "clipped coverage",
        "higher",
        "share of synthetic clips that, all good, would cover as much",
        _half_split("clipped_coverage"),
        decimals=2,
    ),
    Entry(
        "vendi",
        "Vendi score",
        "as real",
        "effective number of different clips",
        _half_split("vendi"),
        decimals=1,
    ),
    Entry(
        "joint",
        "Fréchet joint distance",
        "lower",
        "features and emotion together: whether they go together as in real music",
        part="joint",
        needs=("features", "labels"),
    ),
    Entry(
        "level",
        "level",
        "lower",
        "how far band levels lie apart, mean over bands",
        part="spectrogram",
        needs=("log-mels",),
        unit="dB",
    ),
    Entry(
        "modulation",
        "modulation",
        "lower",
        "how much speed and depth of level changes differ",
        part="spectrogram",
        needs=("log-mels",),
        unit="dB",
    ),
    Entry(
        "onset_rate",
        "onset rate",
        "lower",
        "how much the number of onsets differs",
        part="spectrogram",
        needs=("log-mels",),
        unit="onsets per second",
    ),
    Entry(
        "onset_strength",
        "onset strength",
        "lower",
        "how much the rise at onsets differs",
        part="spectrogram",
        needs=("log-mels",),
        unit="dB",
    ),
    Entry(
        "structure_curve",
        "structure curve",
        "lower",
        "how far the distance of moments by the time between them differs",
        part="form",
        needs=("whole songs",),
    ),
    Entry(
        "level_course",
        "level over the song",
        "lower",
        "how far the course of the level over a song differs",
        part="form",
        needs=("whole songs",),
        decimals=2,
        unit="dB",
    ),
    Entry(
        "repetition",
        "repetition",
        "as real",
        "how alike four seconds are to the most similar others of the song; 1 for what only repeats",
        part="form",
        needs=("whole songs",),
        decimals=2,
    ),
    Entry(
        "loops",
        "loops",
        "as real",
        "share of songs with a period that is as strong as in 5 % of real songs",
        part="form",
        needs=("whole songs",),
        decimals=2,
    ),
    Entry(
        "section_contrast",
        "contrast of sections",
        "as real",
        "share of the variance within a song that lies between its sections",
        part="form",
        needs=("whole songs", "sections"),
        decimals=2,
    ),
    Entry(
        "section_returns",
        "returns of sections",
        "as real",
        "how much more alike returns of a section are than the same section of other songs; 1 for exact returns",
        part="form",
        needs=("whole songs", "sections"),
        decimals=2,
    ),
    Entry(
        "valence_spread",
        "spread of valence within a song",
        "as real",
        "standard deviation of the valence predicted of a song's clips",
        part="form",
        needs=("whole songs", "regressor"),
        decimals=2,
    ),
    Entry(
        "arousal_spread",
        "spread of arousal within a song",
        "as real",
        "standard deviation of the arousal predicted of a song's clips",
        part="form",
        needs=("whole songs", "regressor"),
        decimals=2,
    ),
)
"""All measures, in the order in which they are shown."""
COMPUTED = tuple(entry for entry in REGISTRY if entry.compute is not None)
"""Those that :func:`compute_measures` takes."""


def compute_measures(
    given: MeasureInput, stage: str = "measures", progress: Progress = silent, registry: tuple[Entry, ...] = REGISTRY
) -> dict[str, Measure]:
    """The measures that have a ``compute``, by key and in order; where one cannot be taken, the reason.

    Raises:
        InputError: a required measure cannot be taken.
    """
    entries = [(entry, entry.compute) for entry in registry if entry.compute is not None]
    measures: dict[str, Measure] = {}
    for number, (entry, compute) in enumerate(entries):
        progress(stage, number, len(entries))
        try:
            measures[entry.key] = compute(given)
        except InputError as error:
            if entry.required:
                raise
            measures[entry.key] = Measure.unavailable(str(error))
    progress(stage, len(entries), len(entries))
    return measures


def measured(card: Scorecard) -> Iterator[tuple[Entry, Measure]]:
    """Each measure that ``card`` has, with its entry."""
    for entry in REGISTRY:
        measure = entry.of(card)
        if measure is not None:
            yield entry, measure
