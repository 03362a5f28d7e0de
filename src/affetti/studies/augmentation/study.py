"""The augmentation study: what does synthetic data add to a good recipe, on real songs not seen in training?

Arms differ in what the regressor is trained on, see :mod:`affetti.studies.augmentation.arms`. The test clips are a fold
of real songs that neither the regressors nor the generators have seen; anything else is refused. ``real`` is the recipe
alone: real clips, signal augmentation, early stopping by validation songs; every other arm is something on top of it,
within as many updates, and its difference from ``real`` is what counts. On a composed corpus ``composer`` adds new
songs by the same composer: where even that does not help, no generator can.

CCC is the mean of valence's and arousal's; with quadrant labels, differences are of quadrant accuracy. The statistics
are described in :mod:`affetti.studies.augmentation.comparison`. A study of fewer than five seeds, or of one fold, is
called exploratory; a verdict on one run of a generator says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus, splits
from affetti.errors import UsageError
from affetti.execution import Executor, LocalExecutor
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.storage import remove_partial, reserve_output
from affetti.studies.augmentation import budget
from affetti.studies.augmentation.arms import AUDIO_COPIES, BEST, NULL, Arm
from affetti.studies.augmentation.best_combination import choose_best
from affetti.studies.augmentation.comparison import MIN_SEEDS, REFERENCE, choose_measure, compare_arms, verdict
from affetti.studies.augmentation.design import StudyDesign, StudySettings, design_study
from affetti.studies.augmentation.method_table import measure_methods, sampling_rows, training_steps_rows
from affetti.studies.augmentation.primary import primary_contrast
from affetti.studies.augmentation.published_protocol import published_protocol
from affetti.studies.augmentation.results import (
    ArmResult,
    BestArm,
    ContrastResult,
    LearningCurvePoint,
    LeftOut,
    Measure,
    MethodRow,
    Requested,
    StudyPlan,
    StudyResult,
    SyntheticCorpus,
    TestSet,
)
from affetti.studies.augmentation.synthetic_sets import SetMaker, SyntheticSet, TrainingSubset
from affetti.studies.augmentation.train_fractions import write_train_fraction
from affetti.studies.augmentation.trials import (
    RIDGE,
    STUDENT,
    Trial,
    TrialTask,
    gather_predictions,
    open_cached,
    read_trial,
)
from affetti.training.signal_augmentation import NONE

CHANCE: dict[Measure, float] = {"ccc": 0.0, "accuracy": 0.25}
"""What a regressor that knows nothing reaches: no agreement, one quadrant in four."""


@dataclass(frozen=True)
class Resources:
    """Where a study is written and what runs it."""

    out: Path
    executor: Executor
    progress: Progress


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


def plan_study(corpus: Corpus, settings: StudySettings, workers: int = 1) -> StudyPlan:
    """What a study would do, how many bytes it would write and about how long it would take; for ``--dry-run``.

    Raises:
        AffettiError: as :func:`augmentation_study`.
    """
    design = design_study(corpus, settings)
    return budget.plan_cost(design, budget.measure_cost(design), workers)


@releases_outputs
def augmentation_study(
    corpus: Corpus,
    out: Path,
    settings: StudySettings = StudySettings(),  # noqa: B008 - frozen
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> StudyResult:
    """Run the study into the folder ``out``; called again with the same settings, it resumes.

    Args:
        corpus: the real corpus.
        out: folder of the study.
        settings: arms, folds, seeds and the rest.
        executor: trains, samples and decodes; this process by default.
        progress: called with stages and counts.

    Returns:
        the document that ``affetti compare --json`` prints; ``result.json`` in ``out`` holds it too.

    Raises:
        UsageError: an unknown arm, or a number out of range.
        InputError: the test clips of a fold are of one song, or their labels do not vary.
        MismatchError: a generator that was trained on the test songs; synthetic test clips.
        StorageError: the folder holds other work, or work of another version of affetti.
    """
    design = design_study(corpus, settings)
    resources = Resources(out, executor or LocalExecutor(), progress)
    design, left_out = _reserve(design, resources)
    subsets = {fraction: _training_subsets(design, fraction, out) for fraction in design.train_fractions}
    maker = SetMaker(
        out, settings.models, design.clips, design.generator_runs, settings.ratio, settings.seed, settings.device
    )
    every = [subset for group in subsets.values() for subset in group]
    sets = maker.make(design.set_specs, every, resources.executor, progress)
    fractions = [_compare_at_fraction(design, group, sets, resources) for group in subsets.values()]
    methods: tuple[MethodRow, ...] = ()
    if sets or len(design.arms) > 1:
        methods = measure_methods(design, sets, fractions[-1].arms, progress)
    result = _result(design, fractions, sets, methods, left_out)
    result = replace(result, training_steps=training_steps_rows(methods, out, design))
    if settings.published_protocol:
        folder = out / "published-protocol"
        protocol = published_protocol(design, folder, result.arms, executor=resources.executor, progress=progress)
        result = replace(result, published_protocol=protocol)
    result.save(out)
    return result


def _reserve(design: StudyDesign, resources: Resources) -> tuple[StudyDesign, tuple[LeftOut, ...]]:
    """Reserve the folder for this study, and choose the arms that fit the budget."""
    out, settings = resources.out, design.settings
    begun = reserve_output(
        out,
        {
            "verb": "compare",
            "corpus_hash": design.corpus.hash,
            "models": list(design.model_hashes),
            "ratio": settings.ratio,
            "steps": design.steps,
            "batch_size": design.batch_size,
            "seed": settings.seed,
            "augment": "+".join(design.recipe) or NONE,
            "generator_runs": design.generator_runs,
            "clips": [[clips.name, str(clips.corpus)] for clips in design.clips],
            "trained_on": settings.trained_on,
        },
    )
    remove_partial(out)
    open_cached.cache_clear()  # a folder may hold another corpus than when this process last read it
    if settings.budget is None:
        return design, ()
    try:
        return budget.fit_budget(design, out, resources.executor.workers)
    except UsageError:
        if not begun:
            (out / "config.json").unlink()  # a budget that is refused leaves the folder free for another try
        raise


def _training_subsets(design: StudyDesign, fraction: float, out: Path) -> list[TrainingSubset]:
    """The training songs of each fold, or a fraction of them as a corpus of its own."""
    corpus = design.corpus
    if fraction == 1:
        return [TrainingSubset(fold, fraction, corpus.path) for fold in design.folds]
    folders = {fold: out / "train-fractions" / f"f{fold}-p{100 * fraction:g}" for fold in design.folds}
    return [
        TrainingSubset(fold, fraction, write_train_fraction(corpus, fold, fraction, folder).path)
        for fold, folder in folders.items()
    ]


def _compare_at_fraction(
    design: StudyDesign, subsets: list[TrainingSubset], sets: list[SyntheticSet], resources: Resources
) -> FractionResult:
    """Train the regressors of all arms on one fraction of the songs, and compare them."""
    settings, fraction = design.settings, subsets[0].train_fraction
    known = [arm for arm in design.arms if arm.name != BEST]
    task = TrialTask(
        (),
        tuple(sets),
        resources.out / "trials",
        design.steps,
        design.batch_size,
        design.recipe,
        design.generator_runs,
        settings.device,
    )
    # Seed after seed, so that a study that is stopped holds all arms of some.
    trials = [task.trial(arm, STUDENT, at, seed) for seed in range(settings.seeds) for at in subsets for arm in known]
    trials += [Trial(arm, RIDGE, at, 0) for at in subsets for arm in known if arm.closed_form]
    task = replace(task, trials=tuple(trials))
    _run_trials(task, "compare" if fraction == 1 else f"compare, {100 * fraction:g} % of the songs", resources)
    trained = {arm.name: [arm] * len(subsets) for arm in known}
    best: tuple[BestArm, ...] = ()
    if len(known) < len(design.arms):
        chosen = [choose_best(task, known, at, settings.seeds, settings.ratio) for at in subsets]
        best = tuple(
            BestArm(fold=at.fold, arm=None if arm is None else arm.name)
            for at, arm in zip(subsets, chosen, strict=True)
        )
        arms = [arm for arm in chosen if arm is not None]
        if len(arms) == len(subsets):
            pairs = list(zip(arms, subsets, strict=True))
            more = [task.trial(arm, STUDENT, at, seed) for arm, at in pairs for seed in range(settings.seeds)]
            task = replace(task, trials=tuple(more))
            _run_trials(task, "compare best", resources)
            trained[BEST] = arms
    corpora = [open_cached(at.corpus) for at in subsets]
    songs = [np.unique(c.songs[c.fold(at.fold).train]).size for c, at in zip(corpora, subsets, strict=True)]
    arms_compared, ridge, contrasts = _compare_trials(design, task, trained, subsets)
    return FractionResult(fraction, int(np.mean(songs)), arms_compared, ridge, best, contrasts)


def _run_trials(task: TrialTask, stage: str, resources: Resources) -> None:
    resources.executor.map_ranges(task, len(task.trials), 1, stage=stage, progress=resources.progress)


def _compare_trials(
    design: StudyDesign, task: TrialTask, trained: dict[str, list[Arm]], subsets: list[TrainingSubset]
) -> tuple[tuple[ArmResult, ...], tuple[ArmResult, ...], tuple[ContrastResult, ...]]:
    """The rows of the small network and of ridge regression, and the contrasts, from what trials have saved.

    Args:
        design: the study.
        task: whose trials are done.
        trained: the arm of each subset, by the name of the row.
        subsets: the training subsets, one a fold.
    """
    corpus, settings = design.corpus, design.settings
    test = _test_rows(design)
    splits.require_real(corpus.clips.iloc[test])
    labels, songs = corpus.labels[test], corpus.songs[test]
    measure = choose_measure(corpus.labels)
    predictions = {
        name: gather_predictions(task, STUDENT, arms, subsets, settings.seeds) for name, arms in trained.items()
    }
    runs = {
        name: [task.trial(arms[0], STUDENT, subsets[0], seed).run for seed in range(settings.seeds)]
        for name, arms in trained.items()
        if arms[0].synthetic is not None and arms[0].synthetic.kind not in (NULL, *AUDIO_COPIES)
    }
    compared = compare_arms(
        predictions,
        labels,
        songs,
        REFERENCE,
        settings.seed,
        _genres(corpus, test),
        measure,
        runs=runs,
        contrasts=[pair for pair in design.contrasts if set(pair) <= set(trained)],
    )
    size = int(np.unique(songs).size), settings.seeds, len(subsets)
    undeclared = {clips.name for clips in design.clips if clips.undeclared}
    rows: list[ArmResult] = []
    for row in compared.arms:
        arm = trained[row.name][0]
        first = read_trial(task, task.trial(arm, STUDENT, subsets[0], 0))
        phrase = verdict(row, *size)
        if arm.synthetic is not None and arm.synthetic.kind in undeclared:
            phrase += "; what its clips' generator was trained on is undeclared: perhaps the test songs"
        rows.append(replace(row, n_train=first.n_train, steps=first.steps, verdict=phrase))
    contrasts = [replace(contrast, verdict=verdict(contrast, *size)) for contrast in compared.contrasts]
    closed = {name: arms for name, arms in trained.items() if arms[0].closed_form}
    ridge = {name: gather_predictions(task, RIDGE, arms, subsets, 1) for name, arms in closed.items()}
    of_ridge = compare_arms(ridge, labels, songs, REFERENCE, settings.seed, None, measure)
    return tuple(rows), of_ridge.arms, tuple(contrasts)


def _result(
    design: StudyDesign,
    fractions: list[FractionResult],
    sets: list[SyntheticSet],
    methods: tuple[MethodRow, ...],
    left_out: tuple[LeftOut, ...],
) -> StudyResult:
    """All but what depends on the folder of the study."""
    corpus, settings, whole = design.corpus, design.settings, fractions[-1]
    test = _test_rows(design)
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
        seeds=settings.seeds,
        folds=design.folds,
        ratio=settings.ratio,
        recipe=design.recipe,
        generator_runs=design.generator_runs,
        exploratory=settings.seeds < MIN_SEEDS or len(design.folds) < 2,
        detectable=_detectable(whole.arms),
        best=whole.best,
        hierarchy=methods,
        tradeoff=sampling_rows(methods, [name for name, _ in settings.sampling]),
        curve=tuple(curve) if len(curve) > 1 else (),
        left_out=left_out,
        notes=_notes(measure, _genres(corpus, test), len(curve) > 1, whole.arms)
        + budget.runs_left_out(design, left_out),
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


def _test_rows(design: StudyDesign) -> NDArray[np.intp]:
    """Rows of the test clips, fold after fold."""
    return np.concatenate([design.corpus.fold(fold).test for fold in design.folds])


def _detectable(arms: tuple[ArmResult, ...]) -> float:
    """The gain that the study would find in a typical arm: the median, for one wild arm says nothing of the others."""
    each = [row.detectable for row in arms if row.name != REFERENCE and row.detectable is not None]
    return float(np.median(each)) if each else 0.0


def _genres(corpus: Corpus, rows: NDArray[np.intp]) -> NDArray[np.str_]:
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
