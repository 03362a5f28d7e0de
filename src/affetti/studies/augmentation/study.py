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

from affetti.corpus import Corpus, splits
from affetti.execution import Executor, LocalExecutor
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.storage import remove_partial, reserve_output
from affetti.studies.augmentation import budget
from affetti.studies.augmentation.arms import AUDIO_COPIES, BEST, NULL, Arm
from affetti.studies.augmentation.best_combination import choose_best
from affetti.studies.augmentation.comparison import REFERENCE, choose_measure, compare_arms, verdict
from affetti.studies.augmentation.design import StudyDesign, StudySettings, design_study
from affetti.studies.augmentation.encoder_features import study_features
from affetti.studies.augmentation.method_table import measure_methods, training_steps_rows
from affetti.studies.augmentation.published_protocol import published_protocol
from affetti.studies.augmentation.results import (
    ArmResult,
    BestArm,
    ContrastResult,
    LeftOut,
    MethodRow,
    StudyPlan,
    StudyResult,
)
from affetti.studies.augmentation.summary import FractionResult, describe_regressor, genres_of, summarise, test_rows
from affetti.studies.augmentation.synthetic_sets import SetMaker, TrainingSubset
from affetti.studies.augmentation.train_fractions import write_train_fraction
from affetti.studies.augmentation.trials import (
    RIDGE,
    Trial,
    TrialTask,
    gather_predictions,
    open_cached,
    read_trial,
)
from affetti.studies.augmentation.window_study import compare_by_song, write_window_corpus
from affetti.training.signal_augmentation import NONE


@dataclass(frozen=True)
class Resources:
    """Where a study is written and what runs it."""

    out: Path
    executor: Executor
    progress: Progress


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
        corpus: the real corpus, opened with the labels of ``settings``; clips with labels of windows are copied.
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
    if settings.labels == "window":
        design = replace(design, corpus=write_window_corpus(corpus, out / "window-labels"))
    subsets = {fraction: _training_subsets(design, fraction, out) for fraction in design.train_fractions}
    maker = SetMaker(
        out,
        settings.models,
        design.clips,
        design.generator_runs,
        settings.ratio,
        settings.seed,
        settings.device,
        design.regressor.needs_sound,
    )
    every = [subset for group in subsets.values() for subset in group]
    sets = maker.make(design.set_specs, every, resources.executor, progress)
    features = None
    if design.regressor.embedders:
        features = study_features(design.regressor, every, [made.path for made in sets], out, progress)
    task = TrialTask(
        (),
        tuple(sets),
        out / "trials",
        design.steps,
        design.batch_size,
        design.recipe,
        design.generator_runs,
        settings.device,
        design.regressor.file_name,
        design.regressor.settings,
        features,
    )
    fractions = [_compare_at_fraction(design, task, group, resources) for group in subsets.values()]
    methods: tuple[MethodRow, ...] = ()
    if sets or len(design.arms) > 1:
        methods = measure_methods(design, sets, fractions[-1].arms, progress)
    result = summarise(design, fractions, sets, methods, left_out)
    result = replace(
        result,
        training_steps=training_steps_rows(methods, out, design),
        regressor=describe_regressor(design.regressor, features),
    )
    if settings.published_protocol:
        folder = out / "published-protocol"
        protocol = published_protocol(design, folder, result.arms, executor=resources.executor, progress=progress)
        result = replace(result, published_protocol=protocol)
    result.save(out)
    return result


def _reserve(design: StudyDesign, resources: Resources) -> tuple[StudyDesign, tuple[LeftOut, ...]]:
    """Reserve the folder for this study, and choose the arms that fit the budget."""
    out, settings = resources.out, design.settings
    reserve_output(
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
            "regressor": design.regressor.name,
            "head": design.regressor.head,
            "features": design.regressor.version or None,
            "labels": settings.labels,
        },
    )
    remove_partial(out)
    return (design, ()) if settings.budget is None else budget.fit_budget(design, out, resources.executor.workers)


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
    design: StudyDesign, task: TrialTask, subsets: list[TrainingSubset], resources: Resources
) -> FractionResult:
    """Train the regressors of all arms on one fraction of the songs, and compare them."""
    settings, fraction = design.settings, subsets[0].train_fraction
    known = [arm for arm in design.arms if arm.name != BEST]
    # Seed after seed, so that a study that is stopped holds all arms of some.
    trials = [task.trial(arm, at, seed) for seed in range(design.seeds) for at in subsets for arm in known]
    if task.regressor != RIDGE:
        trials += [Trial(arm, RIDGE, at, 0) for at in subsets for arm in known if arm.closed_form]
    task = replace(task, trials=tuple(trials))
    _run_trials(task, "compare" if fraction == 1 else f"compare, {100 * fraction:g} % of the songs", resources)
    trained = {arm.name: [arm] * len(subsets) for arm in known}
    best: tuple[BestArm, ...] = ()
    if len(known) < len(design.arms):
        chosen = [choose_best(task, known, at, design.seeds, settings.ratio) for at in subsets]
        best = tuple(
            BestArm(fold=at.fold, arm=None if arm is None else arm.name)
            for at, arm in zip(subsets, chosen, strict=True)
        )
        arms = [arm for arm in chosen if arm is not None]
        if len(arms) == len(subsets):
            pairs = list(zip(arms, subsets, strict=True))
            more = [task.trial(arm, at, seed) for arm, at in pairs for seed in range(design.seeds)]
            task = replace(task, trials=tuple(more))
            _run_trials(task, "compare best", resources)
            trained[BEST] = arms
    corpora = [open_cached(at.corpus) for at in subsets]
    songs = [np.unique(c.songs[c.fold(at.fold).train]).size for c, at in zip(corpora, subsets, strict=True)]
    arms_compared, ridge, contrasts = _compare_trials(design, task, trained, subsets)
    by_song: tuple[ArmResult, ...] = ()
    if settings.labels == "window":
        predictions = {name: gather_predictions(task, arms, subsets, design.seeds) for name, arms in trained.items()}
        by_song = compare_by_song(predictions, design.corpus, test_rows(design), settings.seed)
    return FractionResult(fraction, int(np.mean(songs)), arms_compared, ridge, best, contrasts, by_song)


def _run_trials(task: TrialTask, stage: str, resources: Resources) -> None:
    resources.executor.map_ranges(task, len(task.trials), 1, stage=stage, progress=resources.progress)


def _compare_trials(
    design: StudyDesign, task: TrialTask, trained: dict[str, list[Arm]], subsets: list[TrainingSubset]
) -> tuple[tuple[ArmResult, ...], tuple[ArmResult, ...], tuple[ContrastResult, ...]]:
    """The rows of the regressor and of ridge regression, and the contrasts, from what trials have saved.

    Args:
        design: the study.
        task: whose trials are done.
        trained: the arm of each subset, by the name of the row.
        subsets: the training subsets, one a fold.
    """
    corpus, settings = design.corpus, design.settings
    test = test_rows(design)
    splits.require_real(corpus.clips.iloc[test])
    labels, songs = corpus.labels[test], corpus.songs[test]
    measure = choose_measure(corpus.labels)
    predictions = {name: gather_predictions(task, arms, subsets, design.seeds) for name, arms in trained.items()}
    runs = {
        name: [task.trial(arms[0], subsets[0], seed).run for seed in range(design.seeds)]
        for name, arms in trained.items()
        if arms[0].synthetic is not None and arms[0].synthetic.kind not in (NULL, *AUDIO_COPIES)
    }
    compared = compare_arms(
        predictions,
        labels,
        songs,
        REFERENCE,
        settings.seed,
        genres_of(corpus, test),
        measure,
        runs=runs,
        contrasts=[pair for pair in design.contrasts if set(pair) <= set(trained)],
    )
    seeds = design.seeds if design.regressor.seeded else None
    size = int(np.unique(songs).size), seeds, len(subsets)
    undeclared = {clips.name for clips in design.clips if clips.undeclared}
    rows: list[ArmResult] = []
    for row in compared.arms:
        arm = trained[row.name][0]
        first = read_trial(task, task.trial(arm, subsets[0], 0))
        phrase = verdict(row, *size)
        if arm.synthetic is not None and arm.synthetic.kind in undeclared:
            phrase += "; what its clips' generator was trained on is undeclared: perhaps the test songs"
        steps = None if design.regressor.closed_form else first.steps
        rows.append(replace(row, n_train=first.n_train, steps=steps, verdict=phrase))
    contrasts = [replace(contrast, verdict=verdict(contrast, *size)) for contrast in compared.contrasts]
    if task.regressor == RIDGE:
        return tuple(rows), (), tuple(contrasts)
    closed = {name: arms for name, arms in trained.items() if arms[0].closed_form}
    of_ridge = replace(task, regressor=RIDGE)
    ridge = {name: gather_predictions(of_ridge, arms, subsets, 1) for name, arms in closed.items()}
    compared = compare_arms(ridge, labels, songs, REFERENCE, settings.seed, None, measure)
    return tuple(rows), compared.arms, tuple(contrasts)
