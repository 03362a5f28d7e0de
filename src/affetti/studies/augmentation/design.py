"""The settings of a study, and their check before any work is done.

A study may take hours: an unknown arm, a model of another front-end or labels that do not vary must stop it in the
first second, with nothing written. :func:`design_study` turns settings into a :class:`StudyDesign`, which the other
modules of the study rely on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affetti.corpus import Corpus, splits
from affetti.emotion import AXES
from affetti.errors import InputError, MismatchError, UsageError
from affetti.studies.augmentation.arms import TRAINED, Arm, SyntheticSetSpec, choose_arms
from affetti.studies.augmentation.synthetic_sets import require_usable, sampling_refusal
from affetti.studies.augmentation.train_fractions import require_train_fractions
from affetti.studies.augmentation.trials import STUDENT
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.device import Hardware
from affetti.training.loop import LoopConfig
from affetti.training.registry import GENERATORS, SPECTROGRAM_GENERATORS, family


@dataclass(frozen=True)
class StudySettings:
    """The settings of a study."""

    models: tuple[Path, ...] = ()
    """Generator runs to use, each for the fold it was trained for; without any, ``gan`` and ``flow`` are trained."""
    arms: tuple[str, ...] = ()
    """Names, see :mod:`affetti.studies.augmentation.arms`; ``all`` is the whole list. ``real`` and ``real-longer`` are
    always among them."""
    folds: int = 1
    """How many folds to test on when no ``models`` are given, ≥ 1."""
    seeds: int = 3
    """Regressors an arm, ≥ 1."""
    ratio: float = 1.0
    """Synthetic clips per real training clip, > 0."""
    train_fractions: tuple[float, ...] = ()
    """Fractions of the real training songs for the learning curve, in (0, 1]; 1 is always among them."""
    sampling: tuple[tuple[str, float], ...] = ()
    """Sampling parameter and value, each an arm of every generator that has the parameter."""
    training_steps: tuple[int, ...] = ()
    """Updates of generators, each an arm of every generator."""
    budget: float | None = None
    """Seconds that all may take; arms that do not fit are left out."""
    published_protocol: bool = False
    """Whether to rerun the published study's own protocol too."""
    steps: int | None = None
    """Updates U of the arm ``real``; the preset's by default."""
    batch_size: int | None = None
    """Clips an update; the preset's by default."""
    seed: int = 0
    """Of generators, samples and resampling."""
    device: str = "cpu"
    """Where networks are trained and sampled: ``cpu``, ``cuda``, ``mps`` or ``auto``."""


@dataclass(frozen=True)
class StudyDesign:
    """A study whose settings have been checked."""

    corpus: Corpus
    settings: StudySettings
    arms: tuple[Arm, ...]
    folds: tuple[int, ...]
    steps: int
    batch_size: int
    model_hashes: tuple[str, ...]
    """Hashes of the models given."""

    @property
    def set_specs(self) -> list[SyntheticSetSpec]:
        """The sets that its arms need, each once."""
        return list(dict.fromkeys(arm.synthetic for arm in self.arms if arm.synthetic is not None))

    @property
    def train_fractions(self) -> tuple[float, ...]:
        """Fractions of the learning curve, in ascending order; the last is 1."""
        return tuple(sorted({*self.settings.train_fractions, 1.0}))


def design_study(corpus: Corpus, settings: StudySettings) -> StudyDesign:
    """Check all that can be checked before any work is done.

    Raises:
        UsageError: an unknown arm or sampling parameter, or a number out of range.
        InputError: a fold of one test song, labels that do not vary.
        MismatchError: a generator that was trained on the test songs; synthetic test clips.
    """
    _require_numbers(settings)
    if corpus.synthetic:
        raise MismatchError(
            "holds synthetic clips", where=corpus.path, hint="give the real corpus: the test clips are taken from it"
        )
    budget = family(STUDENT).budget(corpus.meta["preset"])
    steps = budget.steps if settings.steps is None else settings.steps
    batch_size = budget.batch_size if settings.batch_size is None else settings.batch_size
    LoopConfig(steps, batch_size, settings.seed)  # refuses what the loop could not run
    given = [runs.load(path) for path in settings.models]
    require_usable(given, corpus)
    arms = _choose_arms(corpus, settings, given)
    for arm in arms:
        if arm.synthetic is None or not arm.synthetic.sampling:
            continue
        refusal = sampling_refusal(arm.synthetic.kind, dict(arm.synthetic.sampling), corpus, given)
        if refusal:
            hint = "see --sampling of affetti generate"
            raise UsageError(f"arm {arm.name!r}: {refusal}", where="--arms", hint=hint)
    folds = sorted({trained.meta.fold for trained in given}) or _first_folds(corpus, settings.folds)
    for fold in folds:
        part = corpus.fold(fold)
        fitting.require_test_songs(corpus, part)
        _require_varying_labels(corpus, part)
    hashes = tuple(trained.meta.weights_sha256 for trained in given)
    return StudyDesign(corpus, settings, tuple(arms), tuple(folds), steps, batch_size, hashes)


def _require_numbers(settings: StudySettings) -> None:
    """Refuse numbers out of range, a device that is not here, and settings that exclude each other.

    Raises:
        UsageError: says which.
    """
    if settings.seeds < 1 or settings.folds < 1 or not 0 < settings.ratio < float("inf"):
        numbers = f"{settings.seeds} seeds, {settings.folds} folds, ratio {settings.ratio:g}"
        raise UsageError(numbers, hint="give at least one of each, and a positive ratio")
    Hardware(settings.device)
    if settings.budget is not None and not settings.budget > 0:
        raise UsageError(f"a budget of {settings.budget:g} s", where="--budget", hint="give such as 30m")
    require_train_fractions(settings.train_fractions)
    if settings.models and (settings.train_fractions or settings.training_steps):
        flag, models = "--training-steps", "models that are trained already"
        if settings.train_fractions:
            flag, models = "--train-fractions", "models that were trained on all training songs"
        raise UsageError(models, where=flag, hint="leave --models out: generators are trained here")


def _choose_arms(corpus: Corpus, settings: StudySettings, given: list[runs.TrainedModel]) -> list[Arm]:
    """The arms that the settings request, those of ``sampling`` and ``training_steps`` last."""
    has_audio = (corpus.path / "audio").is_dir()
    kinds = tuple(dict.fromkeys(trained.kind for trained in given)) or SPECTROGRAM_GENERATORS
    known = kinds if given else GENERATORS if has_audio else SPECTROGRAM_GENERATORS
    extra = [
        f"{kind}:{name}={value:g}"
        for name, value in settings.sampling
        for kind in _kinds_that_take(name, value, kinds, corpus, given)
    ]
    extra += [f"{kind}:{TRAINED}={steps}" for steps in settings.training_steps for kind in kinds]
    at_hand = known if any(name not in ("all", "") for name in settings.arms) else kinds
    return choose_arms(
        settings.arms,
        at_hand,
        settings.ratio,
        has_audio=has_audio,
        composed=corpus.composed,
        extra=tuple(extra),
    )


def _first_folds(corpus: Corpus, count: int) -> list[int]:
    """The first ``count`` folds.

    Raises:
        UsageError: there are fewer.
    """
    present = splits.fold_numbers(corpus.clips)
    if count > len(present):
        hint = f"give {len(present)} or fewer"
        raise UsageError(f"{count} folds of a corpus that has {len(present)}", where="--folds", hint=hint)
    return present[:count]


def _kinds_that_take(
    name: str, value: float, kinds: tuple[str, ...], corpus: Corpus, given: list[runs.TrainedModel]
) -> list[str]:
    """The generators that have a sampling parameter.

    Raises:
        UsageError: none has it.
    """
    refusals = {kind: sampling_refusal(kind, {name: value}, corpus, given) for kind in kinds}
    taking = [kind for kind, refusal in refusals.items() if refusal is None]
    if not taking:
        reasons = "; ".join(f"{kind}: {refusal}" for kind, refusal in refusals.items())
        raise UsageError(f"no generator takes {name}={value:g}", where="--sampling", hint=reasons)
    return taking


def _require_varying_labels(corpus: Corpus, part: splits.Fold) -> None:
    for rows, name_of_part in ((part.train, "training"), (part.test, "test")):
        for axis, name in enumerate(AXES):
            values = corpus.labels[rows, axis]
            if not np.ptp(values) > 1e-6:
                raise InputError(
                    f"{name} is {values[0]:g} in all {len(rows)} {name_of_part} clips of fold {part.number}",
                    where=corpus.path,
                    hint="agreement with labels needs labels that differ",
                )
