"""The scorecard: how good is a synthetic set, beside what real music itself would score?

Every number comes with its floor: the same measure with real songs in the place of synthetic ones. The established
metrics (:mod:`affetti.studies.scorecard.measures`) are taken in an embedding of choice, ``statistics`` by default.
Whether clips follow the emotion they were conditioned on is measured by a regressor that was trained on real clips
only, beside what it predicts of real clips that it was not trained on. Each part of the scorecard has a module of its
own; this one puts them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import splits
from affetti.embedders import cache
from affetti.embedders.base import Embedder, Standardiser
from affetti.embedders.clip_set import ClipSet
from affetti.errors import StorageError
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.studies.scorecard import conditioning as emotion
from affetti.studies.scorecard import emotion_predictions
from affetti.studies.scorecard.comparison import Comparison
from affetti.studies.scorecard.copy_results import pairs_to_hear
from affetti.studies.scorecard.distances import spectrogram
from affetti.studies.scorecard.form import measure_form
from affetti.studies.scorecard.inputs import (
    Reference,
    ScoreSets,
    ScoreSettings,
    checked,
    generator_of,
    training_songs,
)
from affetti.studies.scorecard.measures import MeasureInput, compute_measures
from affetti.studies.scorecard.memorisation import (
    Copies,
    Embedded,
    clip_digests,
    count_contained,
    find_copies,
    unseen_rows,
)
from affetti.studies.scorecard.paired import OtherGenerator, compare_generators
from affetti.studies.scorecard.plot_data import plot_arrays, save
from affetti.studies.scorecard.result import (
    Features,
    LeftOut,
    Quality,
    Scorecard,
    SongCounts,
)
from affetti.studies.scorecard.set_description import describe_set, set_cautions
from affetti.studies.scorecard.typicality import measure_typicality, save_table
from affetti.studies.scorecard.typicality_results import ClipTypicality
from affetti.studies.scorecard.unsaved import UnsavedScoreError

if TYPE_CHECKING:
    import pandas as pd

Rows = NDArray[np.float64]
N_STEPS = 6
"""Steps that every scorecard has."""


def scorecard(sets: ScoreSets, settings: ScoreSettings | None = None, progress: Progress = silent) -> Scorecard:
    """Score a synthetic set against a real one.

    Args:
        sets: the clips.
        settings: fold, regressor, embedder, seed, device, form and folder; see :class:`ScoreSettings`.
        progress: receives the stages.

    Raises:
        InputError: too few songs, arrays that cannot be compared, or no audio for an embedder that takes waveforms.
        MismatchError: different front-ends, a "real" set that is synthetic, an embedder trained on the songs compared,
            or a reference of training songs where copies are looked for.
        UsageError: a fold of a set that has none, a run that does not predict from log-mels, or a negative seed.
    """
    settings = ScoreSettings() if settings is None else settings
    reference = checked(sets, settings)
    real, fake, seed = reference.clips, sets.fake, settings.seed
    steps = N_STEPS + bool(sets.against)
    progress("score", 0, steps)
    contents = _Contents.of(sets, reference)
    contains_real = contents.contained(fake)
    quality = metrics.quality_score(real.mel, fake.mel, real.songs, fake.songs, seed=seed)
    progress("score", 1, steps)
    rows = _embedded(settings.embedder, sets, reference.fold, progress)
    measures = compute_measures(MeasureInput(real, fake, rows.real, rows.fake, seed, rows.train), progress=progress)
    progress("score", 2, steps)
    by_band = spectrogram(real, fake, seed)
    progress("score", 3, steps)
    copies = _copies(sets, reference, contents.unseen, rows, seed)
    typical, table = measure_typicality(real, contents.unseen, fake, rows.real, rows.fake)
    progress("score", 4, steps)
    predictions = emotion_predictions.predict_emotions(
        sets.real, real, fake, settings.fold, settings.regressor, seed, settings.device, sets.against
    )
    joint = emotion.joint_distance(real, fake, rows.real, rows.fake, seed)
    progress("score", 5, steps)
    strata = emotion.strata(real, fake, rows.real, rows.fake, predictions, seed)
    progress("score", 6, steps)
    comparisons = _comparisons(sets, reference, rows, contents, predictions, seed)
    if sets.against:
        progress("score", steps, steps)
    unsaved = _save_files(sets, settings, reference, rows, copies, (typical, table))
    described = [(describe_set(role, clips if role != "real" else real), clips) for role, clips in sets.roles()]
    card = Scorecard(
        quality=Quality.of(quality),
        measures=measures,
        spectrogram=by_band,
        conditioning=emotion.conditioning(fake, predictions, seed),
        joint=joint,
        strata=strata,
        memorisation=None if copies is None else copies.statistics,
        data_copying=None if copies is None else copies.test,
        nearest_pairs=None if copies is None else copies.pairs,
        passages=None if copies is None else copies.passages,
        typicality=typical,
        contains_real=contains_real,
        against=comparisons[0] if comparisons else None,
        comparisons=comparisons,
        form=measure_form(real, fake, predictions, seed) if settings.form else None,
        features=Features(settings.embedder.name, settings.embedder.version, rows.real.shape[1]),
        regressor=None if predictions is None else predictions.regressor,
        front_end=_front_end(real, fake),
        n_real=len(real),
        n_fake=len(fake),
        songs=SongCounts(int(np.unique(real.songs).size), int(np.unique(fake.songs).size)),
        silent=sum(clips.silent for clips in sets.given()),
        left_out=tuple(LeftOut(**file) for clips in sets.given() for file in clips.left_out),
        generator=generator_of(fake),
        trained_on=len(set(training_songs(fake)) & set(real.songs.tolist())),
        sets=tuple(its for its, _ in described),
        cautions=tuple(set_cautions(described)),
        real=sets.real.name,
        fake=fake.name,
        fold=settings.fold,
        seed=seed,
        versions=versions(),
    )
    if unsaved is not None:
        raise UnsavedScoreError(card, unsaved) from unsaved
    return card


def _front_end(real: ClipSet, fake: ClipSet) -> str | None:
    """Hash of the front-end of either set, where it is known."""
    front = real.front_end or fake.front_end
    return None if front is None else front.hash


def _save_files(
    sets: ScoreSets,
    settings: ScoreSettings,
    reference: Reference,
    rows: _Rows,
    copies: Copies | None,
    typicality: tuple[ClipTypicality, pd.DataFrame | None],
) -> StorageError | None:
    """Save the table of clips and what the report draws, where there is a folder; an error is returned, not raised.

    The numbers are worth more than the files: they go along with the error.
    """
    if settings.out is None:
        return None
    pairs = () if copies is None else pairs_to_hear(copies.pairs, copies.statistics.p, copies.passages)
    learnt = sets.train if sets.train is not None else sets.real if reference.fold is not None else None
    typical, table = typicality
    try:
        if table is not None:
            save_table(settings.out, table)
        arrays = plot_arrays(reference.clips, sets.fake, rows.real, rows.fake, learnt, pairs, typical.least)
        save(settings.out / "pictures.npz", arrays)
    except StorageError as error:
        return error
    return None


@dataclass(frozen=True)
class _Contents:
    """The real clips by their contents, and which of the reference can distinguish learning from copying."""

    known: list[tuple[ClipSet, list[bytes | None]]]
    """The real set and, where it is given, the training set, with the digest of each clip."""
    unseen: NDArray[np.intp]
    """Rows of the reference."""

    @classmethod
    def of(cls, sets: ScoreSets, reference: Reference) -> _Contents:
        known = [(clips, clip_digests(clips)) for clips in (sets.real, sets.train) if clips is not None]
        if sets.train is None:
            return cls(known, np.arange(len(reference.clips)))
        digests = known[0][1]
        if reference.fold is not None:
            digests = [digests[row] for row in reference.fold.test]
        return cls(known, unseen_rows(reference.clips, digests, sets.train, known[1][1]))

    def contained(self, fake: ClipSet) -> int:
        """How many clips of ``fake`` are clips of one of the real sets, whichever holds most of them."""
        made = clip_digests(fake)
        return max(count_contained(made, digests, (fake, clips)) for clips, digests in self.known)


@dataclass(frozen=True)
class _Rows:
    """Embeddings ``[N, D]`` of the reference, the synthetic clips, the training set and the other generators'."""

    real: Rows
    fake: Rows
    train: Rows | None
    against: tuple[Rows, ...]


def _embedded(embedder: Embedder, sets: ScoreSets, fold: splits.Fold | None, progress: Progress) -> _Rows:
    """Embed all sets. A fold takes its rows from the whole corpus, so that the cache holds a corpus once."""

    def embed(role: str, clips: ClipSet) -> Rows:
        return cache.embed(clips, embedder, stage=f"features {role}", progress=progress)

    real, fake = embed("real", sets.real), embed("fake", sets.fake)
    train = None if fold is None else real[fold.train]
    if sets.train is not None:
        train = embed("train", sets.train)
    against = tuple(embed("against", clips) for clips in sets.against)
    real = real if fold is None else real[fold.test]
    if not embedder.standardise:
        return _Rows(real, fake, train, against)
    standard = Standardiser.fit(real)
    return _Rows(
        standard(real),
        standard(fake),
        None if train is None else standard(train),
        tuple(standard(other) for other in against),
    )


def _copies(sets: ScoreSets, reference: Reference, unseen: NDArray[np.intp], rows: _Rows, seed: int) -> Copies | None:
    """The search for copies, where it is known what the generator was trained on."""
    if rows.train is None:
        return None
    if sets.train is not None:
        learnt, of_learnt = sets.train, np.arange(len(sets.train))
    elif reference.fold is not None:
        learnt, of_learnt = sets.real, reference.fold.train
    else:
        return None
    return find_copies(
        Embedded(sets.fake, np.arange(len(sets.fake)), rows.fake),
        Embedded(learnt, of_learnt, rows.train),
        Embedded(reference.clips, unseen, rows.real[unseen]),
        seed,
    )


def _comparisons(
    sets: ScoreSets,
    reference: Reference,
    rows: _Rows,
    contents: _Contents,
    predictions: emotion_predictions.EmotionPredictions | None,
    seed: int,
) -> tuple[Comparison, ...]:
    """The comparisons with other generators."""
    emotions = (None,) * len(sets.against) if predictions is None else predictions.others
    others = [
        OtherGenerator(clips, embedded, contents.contained(clips), predicted)
        for clips, embedded, predicted in zip(sets.against, rows.against, emotions, strict=True)
    ]
    return compare_generators(reference.clips, sets.fake, (rows.real, rows.fake), others, predictions, seed)
