"""What a study costs, from a short probe on this machine, and what of it fits a budget.

The probe trains one regressor and each generator for a few updates in memory and generates two clips. Estimates hold
for a machine that is as busy later as it was then. A budget keeps ``real`` and ``real-longer`` and, in the order of the
table of arms, every other arm that still fits; what it left out is told. The choice is filed, so that a resumed study
is the same study.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from affetti import presets
from affetti.errors import UsageError
from affetti.models.base import require_generator
from affetti.models.generators.conditioning import Fields
from affetti.storage import read_json, write_json
from affetti.studies.augmentation.arms import AUDIO_COPIES, BEST, COMPOSER, Arm, SyntheticSetSpec
from affetti.studies.augmentation.comparison import BASE, REFERENCE
from affetti.studies.augmentation.design import StudyDesign
from affetti.studies.augmentation.trials import STUDENT
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.cost import TrainingCost, measure_training, seconds_of
from affetti.training.device import Hardware, choose_device
from affetti.training.registry import family
from affetti.training.waveform_clips import sound_clips

COMPOSE_SECONDS = 0.015
"""Seconds a fresh composed clip takes for each second of music, about."""
RIDGE_SECONDS = 3.0
"""Seconds that fitting ridge regression and reading the test clips takes, about, for each 1,000 clips."""


@dataclass(frozen=True)
class StudyCost:
    """Seconds."""

    update: float
    """An update of the regressor."""
    unit: float
    """What a unit takes besides."""
    generators: dict[str, float]
    """An update of each generator that is to be trained."""
    clip: dict[str, float]
    """A generated clip, by generator."""


def measure_cost(design: StudyDesign) -> StudyCost:
    """Measure; takes some seconds."""
    corpus = design.corpus
    train = corpus.fold(design.folds[0]).train
    clips = Clips(corpus.mel, corpus.labels, train)
    regressor = _measure(STUDENT, design, clips, min(design.batch_size, len(clips)), {})
    kinds = {made.kind for made in design.set_specs} & set(runs.GENERATORS)
    given = {trained.kind: trained.model for trained in map(runs.load, design.settings.models)}
    generators: dict[str, float] = {}
    sampled: dict[str, float] = {}
    for kind in sorted(kinds):
        preset = corpus.meta["preset"]
        batch = max(2, min(presets.budget(preset, kind).batch_size, len(clips)))
        model = given.get(kind)
        if model is None:
            cost = _measure(kind, design, clips, batch, presets.settings(preset, kind))
            generators[kind], model = cost.step, cost.model
        model.to(choose_device(design.settings.device))
        generator = require_generator(model, kind)
        sampled[kind] = seconds_of(lambda generator=generator: generator.sample(torch.zeros(4, 2), 0)) / 4
    return StudyCost(regressor.step, regressor.setup, generators, sampled)


def _measure(kind: str, design: StudyDesign, clips: Clips, batch: int, settings: dict[str, Any]) -> TrainingCost:
    """What it costs to train a model of family ``kind`` on ``clips``."""
    corpus = design.corpus
    make = partial(runs.make, kind, corpus.front_end.shape, settings, Fields())
    if family(kind).sound:
        clips = sound_clips(corpus, clips.labels, clips.rows, make().config.window)  # type: ignore[arg-type, assignment, union-attr]
    return measure_training(kind, make, clips, batch, Hardware(design.settings.device))


def plan_cost(design: StudyDesign, cost: StudyCost, workers: int) -> dict[str, Any]:
    """Arms, units and sets of a study, bytes it would write and seconds it would take."""
    corpus = design.corpus
    whole = sum(len(corpus.fold(fold).train) for fold in design.folds)
    clips = sum(design.train_fractions) * whole * sum(made.ratio for made in design.set_specs)
    size = int(2 * clips * corpus.front_end.n_mels * corpus.front_end.frames)
    units = [len(design.folds) * design.settings.seeds * len(design.train_fractions) for _ in design.arms]
    return {
        "arms": [arm.name for arm in design.arms],
        "units": sum(units),
        "sets": [made.name_for(design.settings.ratio) for made in design.set_specs],
        "train_fractions": list(design.train_fractions),
        "bytes": size,
        "seconds": round(estimate_seconds(design, cost, design.arms) / workers, 1),
        "least_seconds": round(estimate_seconds(design, cost, required_arms(design)) / workers, 1),
    }


def required_arms(design: StudyDesign) -> tuple[Arm, ...]:
    """The arms that every study has."""
    return tuple(arm for arm in design.arms if arm.name in (BASE, REFERENCE))


def _asked(design: StudyDesign) -> dict[str, Any]:
    """What the choice of arms depends on."""
    s = design.settings
    return {
        "budget": s.budget,
        "asked": [arm.name for arm in design.arms],
        "seeds": s.seeds,
        "folds": list(design.folds),
        "shares": list(design.train_fractions),
    }


def estimate_seconds(design: StudyDesign, cost: StudyCost, arms: tuple[Arm, ...]) -> float:
    """Seconds of one core that the given arms of a study would take."""
    chosen = replace(design, arms=arms)
    corpus, s = design.corpus, design.settings
    whole = sum(len(corpus.fold(fold).train) for fold in design.folds)
    regressors = len(design.folds) * s.seeds * len(design.train_fractions)
    seconds = sum(_regressor(design, cost, arm) for arm in arms) * regressors
    seconds += RIDGE_SECONDS * whole / 1_000 * sum(arm.closed_form for arm in arms) * len(design.train_fractions)
    for generator in {made.generator: made for made in chosen.set_specs if made.kind in cost.generators}.values():
        updates = generator.training_steps or presets.budget(corpus.meta["preset"], generator.kind).steps
        seconds += updates * cost.generators[generator.kind] * len(design.folds) * len(design.train_fractions)
    return seconds + sum(_set(made, cost, design) for made in chosen.set_specs) * whole * sum(design.train_fractions)


def _regressor(design: StudyDesign, cost: StudyCost, arm: Arm) -> float:
    return cost.unit + cost.update * design.steps * (2 if arm.longer else 1)


def _set(made: SyntheticSetSpec, cost: StudyCost, design: StudyDesign) -> float:
    """Seconds to make a set, for each real training clip."""
    if made.kind == COMPOSER:
        return made.ratio * COMPOSE_SECONDS * design.corpus.front_end.seconds
    if made.kind in AUDIO_COPIES:
        return made.ratio * 0.05
    return made.ratio * cost.clip[made.kind] * (2.0 if made.filtered else 1.0)


def fit_budget(design: StudyDesign, out: Path, workers: int) -> tuple[StudyDesign, list[dict[str, Any]]]:
    """The study that fits its budget, and the arms that were left out with what each would have taken.

    Raises:
        UsageError: not even ``real`` and ``real-longer`` fit.
    """
    path = out / "budget.json"
    if path.exists():
        filed = read_json(path)
        if all(filed.get(key) == value for key, value in _asked(design).items()):
            kept = tuple(arm for arm in design.arms if arm.name in filed["arms"])
            return replace(design, arms=kept), filed["left_out"]
    found = measure_cost(design)
    budget = (design.settings.budget or 0.0) * workers
    kept = required_arms(design)
    least = estimate_seconds(design, found, kept)
    if least > budget:
        raise UsageError(
            f"real and real-longer alone would take about {least / workers:.0f} s",
            where="--budget",
            hint="give more, or fewer --seeds, --folds or --steps",
        )
    left: list[dict[str, Any]] = []
    for arm in design.arms:
        if arm in kept:
            continue
        more = estimate_seconds(design, found, (*kept, arm))
        if more <= budget:
            kept = (*kept, arm)
        else:
            left.append(
                {"name": arm.name, "seconds": round((more - estimate_seconds(design, found, kept)) / workers, 1)}
            )
    kept = tuple(arm for arm in kept if arm.name != BEST or any(other.synthetic for other in kept))
    document = {
        **_asked(design),
        "arms": [arm.name for arm in kept],
        "left_out": left,
        "seconds": round(estimate_seconds(design, found, kept) / workers, 1),
    }
    write_json(path, document)
    return replace(design, arms=kept), left
