"""Assembles the result of a study from what its arms, sets and methods have given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.provenance import versions
from affetti.studies.augmentation import budget
from affetti.studies.augmentation.comparison import MIN_SEEDS, MIN_SONGS, REFERENCE, choose_measure
from affetti.studies.augmentation.design import StudyDesign
from affetti.studies.augmentation.encoder_features import EncoderFeatures
from affetti.studies.augmentation.method_table import sampling_rows
from affetti.studies.augmentation.primary import primary_contrast
from affetti.studies.augmentation.regressors import StudyRegressor
from affetti.studies.augmentation.results import (
    ArmResult,
    BestArm,
    ContrastResult,
    LearningCurvePoint,
    LeftOut,
    Measure,
    MethodRow,
    RegressorDescription,
    Requested,
    StudyResult,
    SyntheticCorpus,
    TestSet,
)
from affetti.studies.augmentation.synthetic_sets import SyntheticSet

CHANCE: dict[Measure, float] = {"ccc": 0.0, "accuracy": 0.25}
"""What a regressor without any information reaches: no agreement, one quadrant in four."""


@dataclass(frozen=True)
class FractionResult:
    """The arms, compared at one fraction of the training songs."""

    train_fraction: float
    songs: int
    """Real training songs, mean over folds."""
    arms: tuple[ArmResult, ...]
    ridge: tuple[ArmResult, ...]
    best: tuple[BestArm, ...]
    contrasts: tuple[ContrastResult, ...] = ()
    by_song: tuple[ArmResult, ...] = ()
    """On labels of windows: the arms, compared on the means of songs."""


def describe_regressor(regressor: StudyRegressor, features: EncoderFeatures | None) -> RegressorDescription:
    """What the result reports of the regressor."""
    return RegressorDescription(
        name=regressor.name,
        head=regressor.head,
        sound=regressor.needs_sound,
        seeded=regressor.seeded,
        layers=() if features is None else tuple(features.choices.values()),
    )


def summarise(
    design: StudyDesign,
    fractions: list[FractionResult],
    sets: list[SyntheticSet],
    methods: tuple[MethodRow, ...],
    left_out: tuple[LeftOut, ...],
) -> StudyResult:
    """All but what depends on the folder of the study."""
    corpus, settings, whole = design.corpus, design.settings, fractions[-1]
    test = test_rows(design)
    measure = choose_measure(corpus.labels)
    curve = [LearningCurvePoint(train_fraction=f.train_fraction, songs=f.songs, arms=f.arms) for f in fractions]
    primary = design.primary if design.primary and set(design.primary) <= {row.name for row in whole.arms} else None
    return StudyResult(
        primary=None if primary is None else primary_contrast(design, primary, whole.arms, whole.contrasts),
        arms=whole.arms,
        contrasts=whole.contrasts,
        ridge=whole.ridge,
        reference=REFERENCE,
        measure=measure,
        test=TestSet(n=len(test), songs=int(np.unique(corpus.songs[test]).size)),
        seeds=design.seeds,
        folds=design.folds,
        ratio=settings.ratio,
        recipe=design.recipe,
        generator_runs=design.generator_runs,
        exploratory=is_exploratory(design),
        detectable=_detectable(whole.arms),
        best=whole.best,
        hierarchy=methods,
        tradeoff=sampling_rows(methods, [name for name, _ in settings.sampling]),
        curve=tuple(curve) if len(curve) > 1 else (),
        labels=settings.labels,
        by_song=whole.by_song,
        left_out=left_out,
        notes=_notes(measure, genres_of(corpus, test), len(curve) > 1, whole.arms)
        + budget.runs_left_out(design, left_out)
        + _contrasts_left_out(design, whole.arms),
        requested=Requested(
            arms=settings.arms,
            train_fractions=settings.train_fractions,
            sampling=settings.sampling,
            training_steps=settings.training_steps,
            budget=settings.budget,
            published_protocol=settings.published_protocol,
            contrasts=settings.contrasts,
            augment=settings.augment,
            clips=tuple((name, str(path)) for name, path in settings.clips),
            trained_on=settings.trained_on,
            generator_runs=settings.generator_runs,
        ),
        synthetic=tuple(
            SyntheticCorpus(
                name=made.spec.name_for(settings.ratio),
                fold=made.subset.fold,
                train_fraction=made.subset.train_fraction,
                run=made.run,
                path=str(made.path),
            )
            for made in sets
        ),
        corpus=str(corpus.path),
        seed=settings.seed,
        versions=versions(),
    )


def test_rows(design: StudyDesign) -> NDArray[np.intp]:
    """Rows of the test clips, fold after fold."""
    return np.concatenate([design.corpus.fold(fold).test for fold in design.folds])


def is_exploratory(design: StudyDesign) -> bool:
    """Whether songs, seeds or folds are too few for a verdict."""
    songs = np.unique(design.corpus.songs[test_rows(design)]).size
    few_seeds = design.regressor.seeded and design.seeds < MIN_SEEDS
    return bool(few_seeds or len(design.folds) < 2 or songs < MIN_SONGS)


def _contrasts_left_out(design: StudyDesign, arms: tuple[ArmResult, ...]) -> tuple[str, ...]:
    """What a reader must know of contrasts of arms that did not fit the budget."""
    names = {row.name for row in arms}
    first: tuple[tuple[str, str], ...] = () if design.primary is None else (design.primary,)
    pairs = dict.fromkeys((*first, *design.contrasts))
    missing = [f"{arm} less {reference}" for arm, reference in pairs if not {arm, reference} <= names]
    return (f"not compared, for an arm was left out: {', '.join(missing)}",) if missing else ()


def _detectable(arms: tuple[ArmResult, ...]) -> float:
    """The gain that the study would find in a typical arm: the median, for one wild arm says nothing of the others."""
    each = [row.detectable for row in arms if row.name != REFERENCE and row.detectable is not None]
    return float(np.median(each)) if each else 0.0


def genres_of(corpus: Corpus, rows: NDArray[np.intp]) -> NDArray[np.str_]:
    """Genre of rows of a corpus, empty where unknown."""
    return corpus.clips["genre"].fillna("").to_numpy(dtype=str)[rows]


def _notes(measure: Measure, genres: NDArray[np.str_], has_curve: bool, arms: tuple[ArmResult, ...]) -> tuple[str, ...]:
    """What qualifies the numbers: notes and warnings."""
    named = set(genres.tolist()) - {""}
    notes: list[str] = []
    if len(named) == 1:
        notes.append(f"all test clips are of one genre ({min(named)}): no genre can be compared with another")
    if measure == "accuracy":
        notes.append("labels are quadrants: differences are of the share of clips predicted in the right one")
    reference = next(row for row in arms if row.name == REFERENCE)
    interval = reference.accuracy_ci if measure == "accuracy" else reference.ci
    if interval is not None and not interval[0] > CHANCE[measure]:
        notes.append(
            f"{REFERENCE} itself may be no better than chance: differences from it, and the gain that could be found, "
            "say nothing"
        )
    if has_curve:
        notes.append("at each fraction of the songs generators, filters and regressors were trained on that fraction")
    return tuple(notes)
