"""The augmentation study: does training on synthetic clips help on real songs never seen?

Arms differ in what the regressor is trained on, see :mod:`affetti.studies.augmentation.arms`. The test clips are a fold
of real songs that neither the regressors nor the generators have seen; the code refuses anything else. ``real`` trains
for U updates; every other arm for 2U, so that an arm with more data does not win by training longer, and
``real-longer`` (the same real clips, 2U updates) is what the others are compared with. ``NAME-shuffled`` gives the
synthetic clips each other's labels: it must not help. On a composed corpus ``composer`` adds fresh songs by the
composer himself: where even that does not help, no generator can.

CCC is the mean of valence's and arousal's; with quadrant labels, differences are of quadrant accuracy. Statistics are
of :mod:`affetti.studies.augmentation.comparison`. Fewer than five seeds, or one fold, is called exploratory.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus, splits
from affetti.errors import UsageError
from affetti.execution.local import map_ranges
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.storage import remove_partial, reserve_output, write_json
from affetti.studies.augmentation import budget, method_table, published_protocol
from affetti.studies.augmentation.arms import BEST
from affetti.studies.augmentation.best_combination import choose_best
from affetti.studies.augmentation.comparison import BASE, MIN_SEEDS, REFERENCE, choose_measure, compare_arms, verdict
from affetti.studies.augmentation.design import StudyDesign, StudySettings, design_study
from affetti.studies.augmentation.synthetic_sets import SyntheticSet, TrainingSubset, make_sets
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
from affetti.training.device import choose_device


def plan_study(corpus: Corpus, settings: StudySettings, workers: int = 1) -> dict[str, Any]:
    """What a study would do, how many bytes it would write and about how long it would take; for ``--dry-run``.

    Raises:
        AffettiError: as :func:`augmentation_study`.
    """
    found = design_study(corpus, settings)
    plan = budget.plan_cost(found, budget.measure_cost(found), workers)
    return plan | {
        "test": {"n": sum(len(corpus.fold(fold).test) for fold in found.folds), "synthetic": 0},
        "folds": list(found.folds),
    }


def augmentation_study(
    corpus: Corpus,
    out: Path,
    settings: StudySettings = StudySettings(),  # noqa: B008 - frozen
    *,
    workers: int = 1,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Run the study into the folder ``out``; called again, it goes on where it was.

    Args:
        corpus: the real corpus.
        out: folder of the study.
        settings: what is asked for.
        workers: processes.
        progress: told of stages.

    Returns:
        the document that ``affetti compare --json`` prints.

    Raises:
        UsageError: an unknown arm, or a number out of range.
        InputError: the test clips of a fold are of one song, or their labels do not vary.
        MismatchError: a generator that has heard the test songs; synthetic test clips.
        StorageError: the folder holds other work.
    """
    found = design_study(corpus, settings)
    if choose_device(settings.device) != "cpu":
        workers = 1  # one process has the device
    asked = {
        "verb": "compare",
        "corpus_hash": corpus.hash,
        "models": list(found.model_hashes),
        "ratio": settings.ratio,
        "steps": found.steps,
        "batch_size": found.batch_size,
        "seed": settings.seed,
    }
    begun = reserve_output(out, asked)
    remove_partial(out)
    open_cached.cache_clear()  # a folder may hold another corpus than when this process last read it
    left: list[dict[str, Any]] = []
    if settings.budget is not None:
        try:
            found, left = budget.fit_budget(found, out, workers)
        except UsageError:
            if not begun:
                (out / "config.json").unlink()  # what is refused leaves the folder free for another try
            raise
    places = {
        (share, fold): TrainingSubset(fold, share, corpus.path)
        if share == 1
        else TrainingSubset(
            fold, share, write_train_fraction(corpus, fold, share, out / "shares" / f"f{fold}-p{100 * share:g}").path
        )
        for share in found.train_fractions
        for fold in found.folds
    }
    sets = make_sets(
        found.set_specs,
        list(places.values()),
        out,
        settings.models,
        ratio=settings.ratio,
        seed=settings.seed,
        device=settings.device,
        workers=workers,
        progress=progress,
    )
    curve = [
        _measured(found, [places[share, fold] for fold in found.folds], sets, out, workers, progress)
        for share in found.train_fractions
    ]
    whole = curve[-1]
    test = np.concatenate([corpus.fold(fold).test for fold in found.folds])
    songs, genres = int(np.unique(corpus.songs[test]).size), _genres(corpus, test)
    table = method_table.measure_methods(found, sets, whole["arms"], progress) if sets or len(found.arms) > 2 else []
    result: dict[str, Any] = {
        "verb": "compare",
        "arms": whole["arms"],
        "ridge": whole["ridge"],
        "reference": REFERENCE,
        "measure": whole["measure"],
        "test": {"n": len(test), "songs": songs, "synthetic": 0},
        "seeds": settings.seeds,
        "folds": list(found.folds),
        "ratio": settings.ratio,
        "exploratory": settings.seeds < MIN_SEEDS or len(found.folds) < 2,
        "detectable": _detectable(whole["arms"]),
        "best": whole["best"],
        "hierarchy": table,
        "tradeoff": method_table.sampling_rows(table, [name for name, _ in settings.sampling]),
        "returns": method_table.training_steps_rows(table, out, found),
        "curve": [{key: row[key] for key in ("share", "songs", "arms")} for row in curve] if len(curve) > 1 else [],
        "published_protocol": None,
        "left_out": left,
        "notes": _notes(corpus, genres, len(curve) > 1, whole["arms"]),
        "asked": {
            "arms": list(settings.arms),
            "shares": [100 * share for share in settings.train_fractions],
            "dials": [list(pair) for pair in settings.sampling],
            "returns": list(settings.training_steps),
            "budget": settings.budget,
            "published_protocol": settings.published_protocol,
        },
        "synthetic": [
            {
                "name": at.spec.name_for(settings.ratio),
                "fold": at.subset.fold,
                "share": at.subset.train_fraction,
                "path": str(at.path),
            }
            for at in sets
        ],
        "corpus": str(corpus.path),
        "seed": settings.seed,
        "versions": versions(),
    }
    if settings.published_protocol:
        result["published_protocol"] = published_protocol.published_protocol(
            found, out / "published-protocol", whole["arms"], workers=workers, progress=progress
        )
    write_json(out / "result.json", result)
    return result


def _measured(
    found: StudyDesign,
    places: list[TrainingSubset],
    sets: list[SyntheticSet],
    out: Path,
    workers: int,
    progress: Progress,
) -> dict[str, Any]:
    """Train all units of one share and compare the arms."""
    corpus, s = found.corpus, found.settings
    plain = [arm for arm in found.arms if arm.name != BEST]
    units = [Trial(arm, STUDENT, at, n) for at in places for n in range(s.seeds) for arm in plain]
    units += [Trial(arm, RIDGE, at, 0) for at in places for arm in plain if arm.closed_form]
    task = TrialTask(tuple(units), tuple(sets), out / "units", found.steps, found.batch_size, s.device)
    stage = (
        "compare" if places[0].train_fraction == 1 else f"compare, {100 * places[0].train_fraction:g} % of the songs"
    )
    map_ranges(task, len(units), 1, done=task.done, workers=workers, stage=stage, progress=progress)
    trained = {arm.name: [arm] * len(places) for arm in plain}
    best: list[dict[str, Any]] = []
    if len(plain) < len(found.arms):
        chosen = [choose_best(task, plain, at, s.seeds, s.ratio) for at in places]
        if all(chosen):
            arms = [arm for arm in chosen if arm is not None]
            more = [Trial(arm, STUDENT, at, n) for arm, at in zip(arms, places, strict=True) for n in range(s.seeds)]
            task = replace(task, units=tuple(more))
            map_ranges(task, len(more), 1, done=task.done, workers=workers, stage="compare best", progress=progress)
            trained[BEST] = arms
        best = [{"fold": at.fold, "is": arm and arm.name} for at, arm in zip(places, chosen, strict=True)]

    test = np.concatenate([corpus.fold(at.fold).test for at in places])
    splits.require_real(corpus.clips.iloc[test])
    labels, songs = corpus.labels[test], corpus.songs[test]
    measure = choose_measure(corpus.labels)
    predictions = {name: gather_predictions(task, STUDENT, arms, places, s.seeds) for name, arms in trained.items()}
    ridge = {
        arm.name: gather_predictions(task, RIDGE, [arm] * len(places), places, 1) for arm in plain if arm.closed_form
    }
    table = compare_arms(predictions, labels, songs, REFERENCE, s.seed, _genres(corpus, test), measure)
    count = int(np.unique(songs).size)
    for row in table:
        first = read_trial(task, Trial(trained[row["name"]][0], STUDENT, places[0], 0))
        row["n_train"], row["steps"] = first["n_train"], first["steps"]
        row["verdict"] = verdict(row, count, s.seeds, len(places))
    heard = [open_cached(at.corpus) for at in places]
    return {
        "share": places[0].train_fraction,
        "songs": int(
            np.mean([np.unique(c.songs[c.fold(at.fold).train]).size for c, at in zip(heard, places, strict=True)])
        ),
        "arms": table,
        "ridge": compare_arms(ridge, labels, songs, BASE, s.seed, None, measure),
        "measure": measure,
        "best": best,
    }


def _detectable(arms: list[dict[str, Any]]) -> float:
    """The gain that the study would find in a typical arm: the median, for one wild arm says nothing of the others."""
    each = [row["detectable"] for row in arms if row["name"] not in (BASE, REFERENCE) and "detectable" in row]
    return float(np.median(each)) if each else 0.0


def _genres(corpus: Corpus, rows: NDArray[np.intp]) -> NDArray[np.str_]:
    return corpus.clips["genre"].fillna("").to_numpy(dtype=str)[rows]


def _notes(corpus: Corpus, genres: NDArray[np.str_], shared: bool, arms: list[dict[str, Any]]) -> list[str]:
    """What a reader must know besides the numbers."""
    named = set(genres.tolist()) - {""}
    notes: list[str] = []
    if len(named) == 1:
        notes.append(f"all test clips are of one genre ({min(named)}): no genre can be compared with another")
    if choose_measure(corpus.labels) == "accuracy":
        notes.append("labels are quadrants: differences are of the share of clips read in the right one")
    reference = next(row for row in arms if row["name"] == REFERENCE)
    if reference["ci"] is not None and not reference["ci"][0] > (
        0.25 if choose_measure(corpus.labels) == "accuracy" else 0
    ):
        told = f"{REFERENCE} itself reads no more than chance may"
        notes.append(f"{told}: differences from it, and the gain that could be found, say nothing")
    if shared:
        notes.append("at each share of the songs generators, filters and regressors saw that share alone")
    return notes
