"""What a study costs, from a short probe on this machine, and which of its arms fit a time budget.

The probe trains one regressor and each generator for a few updates in memory and generates a few clips. Estimates hold
for a machine that is as busy later as it is now. A budget keeps ``real`` and, in the order of the
table of arms, every other arm that still fits; those left out are listed. The choice is saved in ``budget.json``, so
that a resumed study is the same study.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from affetti.embedders.base import embed_rows
from affetti.embedders.clip_set import corpus_clips
from affetti.errors import UsageError
from affetti.models.base import Generator, require_generator
from affetti.results import BaseResult
from affetti.signal.inversion import default_inverse
from affetti.signal.vocoder import GriffinLim
from affetti.storage import read_json, write_json
from affetti.studies.augmentation.arms import (
    AUDIO_COPIES,
    BEST,
    COMPOSED,
    COMPOSER,
    NULL,
    Arm,
    SyntheticSetSpec,
    parse_arm,
)
from affetti.studies.augmentation.comparison import REFERENCE
from affetti.studies.augmentation.design import StudyDesign
from affetti.studies.augmentation.results import LeftOut, StudyPlan, TestSet
from affetti.studies.augmentation.synthetic_sets import largest_composed
from affetti.training import run as runs
from affetti.training.alignment import BETAS
from affetti.training.clips import Clips
from affetti.training.cost import TrainingCost, measure_training, seconds_of
from affetti.training.device import Hardware, choose_device
from affetti.training.field_variants import field_variants
from affetti.training.registry import family, make

COMPOSE_SECONDS = 0.015
"""Seconds that a new composed clip takes for each second of music, about."""
COPY_SECONDS = 0.05
"""Seconds that a changed copy of a clip's audio takes, about."""
RIDGE_SECONDS = 3.0
"""Seconds that fitting ridge regression and predicting the test clips takes for each 1,000 clips, about."""
FILTER_FACTOR = 2.0
"""Clips generated for each one that a filter keeps, about."""
ALIGNMENT_UPDATES = 1.5
"""What aligning a generator with one β takes, in trainings of it, about: half as many updates, each of pairs."""
PROBE_CLIPS = 4
"""Clips that a probe generates."""


@dataclass(frozen=True)
class StudyCost:
    """Seconds that the parts of a study take."""

    update: float
    """An update of the regressor."""
    trial: float
    """What a trial takes besides."""
    generators: dict[str, float]
    """An update of each generator that is to be trained or aligned, by kind and fields."""
    clip: dict[str, float]
    """A generated clip, by generator."""
    embedding: float = 0.0
    """Features of a clip, of an encoder; with mel inversion for one that takes sound."""
    given: tuple[str, ...] = ()
    """The generators that are given and need no training."""


@dataclass(frozen=True)
class BudgetChoice(BaseResult):
    """What ``budget.json`` holds: the arms chosen, and what the choice depends on."""

    budget: float | None
    """Seconds."""
    requested: tuple[str, ...]
    seeds: int
    folds: tuple[int, ...]
    train_fractions: tuple[float, ...]
    arms: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    seconds: float | None = None
    """What the chosen arms would take."""


def measure_cost(design: StudyDesign) -> StudyCost:
    """Train and sample every network of the study for a moment, in memory; takes some seconds."""
    corpus, device = design.corpus, design.settings.device
    clips = Clips(corpus.mel, corpus.labels, corpus.fold(design.folds[0]).train)
    regressor, embedding = _measure_regressor(design, clips)
    kinds = {spec.variant: spec.kind for spec in design.set_specs if spec.kind in runs.GENERATORS}
    models = [runs.load(path) for path in design.settings.models]
    given = {name: trained.model for name, trained in zip(field_variants(models), models, strict=True)}
    to_train = {each.variant for spec in design.set_specs for each in spec.generators if each.generator not in given}
    generators: dict[str, float] = {}
    clip: dict[str, float] = {}
    for name, kind in sorted(kinds.items()):
        preset = corpus.meta["preset"]
        batch_size = max(2, min(family(kind).budget(preset).batch_size, len(clips)))
        model = given.get(name)
        if model is None or name in to_train:
            cost = _measure(kind, design, clips, batch_size, family(kind).settings_at(preset))
            generators[name] = cost.step
            model = cost.model if model is None else model
        model.to(choose_device(device))
        clip[name] = seconds_of(partial(_sample, require_generator(model, kind))) / PROBE_CLIPS
    return StudyCost(regressor.step, regressor.setup, generators, clip, embedding, tuple(given))


def _measure_regressor(design: StudyDesign, clips: Clips) -> tuple[TrainingCost, float]:
    """What it costs to train a regressor on ``clips``, and to embed one clip."""
    regressor, corpus = design.regressor, design.corpus
    if not regressor.embedders:
        batch_size = min(design.batch_size, len(clips))
        return _measure(regressor.kind, design, clips, batch_size, dict(regressor.settings)), 0.0
    few = corpus_clips(corpus).subset(clips.rows[:PROBE_CLIPS])
    began = time.perf_counter()
    parts = [embed_rows(embedder, few, range(len(few))) for embedder in regressor.embedders]
    seconds = (time.perf_counter() - began) / len(few)
    if regressor.needs_sound:
        vocoder = GriffinLim(corpus.front_end, default_inverse(corpus.front_end))
        seconds += seconds_of(lambda: vocoder(torch.from_numpy(np.asarray(few.mel[0], dtype=np.float32))))
    width = sum(part.shape[1] for part in parts) // regressor.layers
    vectors = np.random.default_rng(0).normal(size=(len(corpus), width)).astype(np.float32)
    settings = {**regressor.settings, "features": "probe", "version": "probe", "dimension": width}
    train = Clips(vectors, corpus.labels, clips.rows)
    cost = measure_training(regressor.kind, partial(make, regressor.kind, (1, 1), settings), train, 2)
    return cost, seconds


@torch.inference_mode()
def _sample(model: Generator) -> None:
    model.sample(torch.zeros(PROBE_CLIPS, 2), 0)


def _measure(kind: str, design: StudyDesign, clips: Clips, batch_size: int, settings: dict[str, Any]) -> TrainingCost:
    """What it costs to train a model of family ``kind`` on ``clips``."""
    corpus = design.corpus
    make_model = partial(make, kind, corpus.front_end.shape, settings)
    clips = family(kind).training_clips(clips, corpus, make_model())
    return measure_training(kind, make_model, clips, batch_size, Hardware(design.settings.device))


def plan_cost(design: StudyDesign, cost: StudyCost, workers: int) -> StudyPlan:
    """Arms, trials and sets of a study, bytes it would write and seconds it would take with ``workers`` processes."""
    corpus, s = design.corpus, design.settings
    clips = sum(design.train_fractions) * _train_clips(design) * sum(_clips_made(it, design) for it in design.set_specs)
    test = [corpus.fold(fold).test for fold in design.folds]
    return StudyPlan(
        arms=tuple(arm.name for arm in design.arms),
        trials=len(design.arms) * len(design.folds) * design.seeds * len(design.train_fractions),
        sets=tuple(spec.name_for(s.ratio) for spec in design.set_specs),
        train_fractions=design.train_fractions,
        bytes=int(2 * clips * corpus.front_end.n_bands * corpus.front_end.frames),
        seconds=round(estimate_seconds(design, cost, design.arms) / workers, 1),
        least_seconds=round(estimate_seconds(design, cost, required_arms(design)) / workers, 1),
        test=TestSet(n=sum(map(len, test)), songs=len({song for rows in test for song in corpus.songs[rows]})),
        folds=design.folds,
    )


def required_arms(design: StudyDesign) -> tuple[Arm, ...]:
    """The arm that every study has, ``real``."""
    return tuple(arm for arm in design.arms if arm.name == REFERENCE)


def estimate_seconds(design: StudyDesign, cost: StudyCost, arms: tuple[Arm, ...]) -> float:
    """Seconds of one core that the given arms of a study would take."""
    chosen = replace(design, arms=arms)
    whole, fractions = _train_clips(design), design.train_fractions
    trials = len(design.folds) * design.seeds * len(fractions)
    seconds = len(design.corpus) * cost.embedding
    seconds += sum(_trial_seconds(design, cost, arm) for arm in arms) * trials
    seconds += RIDGE_SECONDS * whole / 1_000 * sum(arm.closed_form for arm in arms) * len(fractions)
    trained = {each.generator: each for spec in chosen.set_specs for each in spec.generators}
    runs_each = design.generator_runs
    for name, spec in trained.items():
        if name in cost.given:
            continue
        updates = spec.training_steps or family(spec.kind).budget(design.corpus.meta["preset"]).steps
        update = cost.generators[spec.variant]
        if spec.aligned:
            betas = len(BETAS) if spec.beta is None else 1
            update *= betas * ALIGNMENT_UPDATES
            seconds += cost.clip[spec.variant] * whole * sum(fractions) * runs_each
        seconds += updates * update * len(design.folds) * len(fractions) * runs_each
    return seconds + sum(_set_seconds(spec, cost, chosen) for spec in chosen.set_specs) * whole * sum(fractions)


def _train_clips(design: StudyDesign) -> int:
    return sum(len(design.corpus.fold(fold).train) for fold in design.folds)


def _trial_seconds(design: StudyDesign, cost: StudyCost, arm: Arm) -> float:
    updates = design.steps * (2 if arm.longer else 1)
    if arm.use == "pretrained" and not (arm.equal or arm.plain):
        updates += arm.pretraining_steps or updates
    return cost.trial + cost.update * updates


def _clips_made(spec: SyntheticSetSpec, design: StudyDesign) -> float:
    """Clips of a set in all its runs, for each real training clip of all folds."""
    if spec.kind == NULL or any(spec.kind == clips.name for clips in design.clips):
        return 0.0
    if spec.kind == COMPOSED and spec != largest_composed(design.set_specs)[spec.music]:
        return 0.0  # the first clips of that one
    folds = len(design.folds) if spec.kind == COMPOSED else 1  # composed songs serve all folds
    return spec.ratio * (design.generator_runs if spec.has_runs else 1) / folds


def _set_seconds(spec: SyntheticSetSpec, cost: StudyCost, design: StudyDesign) -> float:
    """Seconds to make a set in all its runs, for each real training clip."""
    made = _clips_made(spec, design)
    seconds = cost.clip.get(spec.variant, 0.0) * (FILTER_FACTOR if spec.filtered else 1.0)
    if spec.kind in (COMPOSED, COMPOSER):
        seconds = COMPOSE_SECONDS * design.corpus.front_end.seconds
    if spec.kind in AUDIO_COPIES:
        seconds = COPY_SECONDS
    return made * (seconds + cost.embedding)


def fit_budget(design: StudyDesign, out: Path, workers: int) -> tuple[StudyDesign, tuple[LeftOut, ...]]:
    """The study that fits its budget, and the arms that were left out with what each would have taken.

    Args:
        design: the whole study, with a budget among its settings.
        out: folder of the study; a choice that is saved there for the same settings is kept.
        workers: processes.

    Raises:
        UsageError: not even ``real`` fits.
    """
    path = out / "budget.json"
    choice = _choice(design)
    if path.exists():
        saved = BudgetChoice.from_dict(read_json(path), path)
        if replace(saved, arms=(), left_out=(), seconds=None) == choice:
            return replace(design, arms=tuple(arm for arm in design.arms if arm.name in saved.arms)), saved.left_out
    cost = measure_cost(design)
    budget = (design.settings.budget or 0.0) * workers
    kept = required_arms(design)
    least = estimate_seconds(design, cost, kept)
    if least > budget:
        raise UsageError(
            f"real alone would take about {least / workers:.0f} s",
            where="--budget",
            hint="give more, or fewer --seeds, --folds or --steps",
        )
    left_out: list[LeftOut] = []
    for arm in design.arms:
        if arm in kept:
            continue
        more = estimate_seconds(design, cost, (*kept, arm))
        if more <= budget:
            kept = (*kept, arm)
        else:
            seconds = (more - estimate_seconds(design, cost, kept)) / workers
            left_out.append(LeftOut(name=arm.name, seconds=round(seconds, 1)))
    kept = tuple(arm for arm in kept if arm.name != BEST or any(other.synthetic for other in kept))
    choice = replace(
        choice,
        arms=tuple(arm.name for arm in kept),
        left_out=tuple(left_out),
        seconds=round(estimate_seconds(design, cost, kept) / workers, 1),
    )
    write_json(path, choice.to_dict())
    return replace(design, arms=kept), tuple(left_out)


def runs_left_out(design: StudyDesign, left_out: tuple[LeftOut, ...]) -> tuple[str, ...]:
    """What a reader must know of arms whose generator runs did not fit the budget."""
    given = tuple(clips.name for clips in design.clips)
    named = [it.name for it in left_out if it.name != BEST]
    arms = [parse_arm(name, design.settings.ratio, design.recipe, given) for name in named]
    names = [arm.name for arm in arms if arm.synthetic is not None and arm.synthetic.has_runs]
    if not names or design.generator_runs == 1:
        return ()
    runs_each = f"{design.generator_runs} generator runs a fold do not fit the budget"
    return (
        f"{runs_each} for {', '.join(names)}: give more time, or --generator-runs 1, whose verdicts are on one run",
    )


def _choice(design: StudyDesign) -> BudgetChoice:
    """What the choice of arms depends on."""
    s = design.settings
    return BudgetChoice(
        budget=s.budget,
        requested=tuple(arm.name for arm in design.arms),
        seeds=s.seeds,
        folds=design.folds,
        train_fractions=design.train_fractions,
    )
