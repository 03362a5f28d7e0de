"""``affetti compare``: the augmentation study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from affetti import config
from affetti.api.plan import Plan, describe_cost
from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.execution import Engine
from affetti.progress import Progress, silent
from affetti.studies.augmentation.design import StudySettings
from affetti.studies.augmentation.results import StudyResult, TestSet
from affetti.studies.augmentation.study import augmentation_study, plan_study
from affetti.training.device import executor_on


@dataclass(frozen=True, kw_only=True)
class ComparePlan(Plan):
    """A study that would be run."""

    verb: ClassVar[str | None] = "compare"

    arms: tuple[str, ...]
    trials: int
    """Regressors that would be trained."""
    sets: tuple[str, ...]
    """Synthetic sets that would be made."""
    train_fractions: tuple[float, ...]
    least_seconds: float
    """Seconds of ``real`` alone."""
    test: TestSet
    folds: tuple[int, ...]


def run(
    corpus: str | Path,
    out: str | Path,
    *,
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
    **settings: Any,
) -> StudyResult:
    """Run the augmentation study; see :func:`affetti.studies.augmentation.study.augmentation_study`.

    ``settings`` are those of :class:`affetti.studies.augmentation.design.StudySettings`: ``models, arms, contrasts,
    augment, clips, trained_on, generator_runs, folds, seeds, ratio, train_fractions, sampling, training_steps, budget,
    regressor, head, published_protocol, steps, batch_size, seed, labels,
    device``.
    On the CPU ``workers`` defaults to one per core; on another device, to one; ``engine`` is where they run.
    """
    chosen = study_settings(**settings)
    runner = executor_on(chosen.device, engine, workers)
    return augmentation_study(Corpus.open(corpus, chosen.labels), Path(out), chosen, executor=runner, progress=progress)


def plan(
    corpus: str | Path,
    out: str | Path,
    *,
    workers: int | None = None,
    engine: str | Engine = "local",
    progress: Progress = silent,
    **settings: Any,
) -> ComparePlan:
    """Plan a study, with the arguments of :func:`run`.

    Arms and models are checked, generators and one regressor trained for a few steps in memory.
    """
    chosen = study_settings(**settings)
    study = plan_study(Corpus.open(corpus, chosen.labels), chosen, executor_on(chosen.device, engine, workers).workers)
    fits = ""
    if chosen.budget is not None:
        fits = f"; of this, what fits {chosen.budget:.0f} s would be run"
        least = study.least_seconds
        if least > chosen.budget:
            fits = f"; real alone takes {least:.0f} s: {chosen.budget:.0f} s are too few"
    regressors = f"{study.trials} regressors ({len(study.arms)} arms: {', '.join(study.arms)})"
    cost = describe_cost(study.bytes, study.seconds, Path(out))
    text = f"would train {regressors} on {corpus} and write {cost}{fits}"
    return config.structure({**study.to_dict(), "plan": text}, ComparePlan, "plan")


def study_settings(
    *,
    models: Sequence[str | Path] = (),
    arms: Sequence[str] = (),
    sampling: Any = (),
    contrasts: Sequence[Sequence[str]] = (),
    clips: Any = (),
    **others: Any,
) -> StudySettings:
    """Settings of a study from plain values: sequences of any kind, ``sampling`` as ``{"guidance": [1, 2]}`` or pairs.

    ``contrasts`` are pairs of arms, ``clips`` is ``{"name": corpus}`` or pairs.

    Raises:
        UsageError: a setting is unknown.
    """
    known = {field.name for field in fields(StudySettings)}
    for name in others:
        if name not in known:
            offered = ", ".join(sorted(known))
            raise UsageError(f"unknown setting {name!r}", where="compare", hint=f"choose from {offered}")
    pairs = sampling
    if isinstance(sampling, Mapping):
        pairs = [(name, value) for name, values in sampling.items() for value in values]
    given: dict[str, Any] = {
        name: tuple(it) if name in ("train_fractions", "training_steps") else it for name, it in others.items()
    }
    for pair in contrasts:
        if isinstance(pair, str) or len(pair) != 2:
            raise UsageError(f"{pair!r} is no pair of arms", where="--contrast", hint="give two arms")
    named = clips.items() if isinstance(clips, Mapping) else clips
    return StudySettings(
        contrasts=tuple((str(first), str(second)) for first, second in contrasts),
        clips=tuple((str(name), Path(path)) for name, path in named),
        models=tuple(Path(path) for path in models),
        arms=tuple(arms),
        sampling=tuple((str(name), float(value)) for name, value in pairs),
        **given,
    )
