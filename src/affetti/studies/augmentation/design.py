"""The settings of a study, and their check before any work is done.

A study may take hours: an unknown arm, a model of another front-end or labels that do not vary must stop it in the
first second, with nothing written. :func:`design_study` turns settings into a :class:`StudyDesign`, which the other
modules of the study rely on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from affetti.corpus import Corpus, splits
from affetti.corpus.window_labels import LabelUnit
from affetti.embedders.base import require_input, require_unseen
from affetti.embedders.clip_set import corpus_clips
from affetti.emotion import AXES
from affetti.errors import InputError, MismatchError, UsageError
from affetti.studies.augmentation.arm_choice import (
    choose_arms,
    generators_that_take,
    require_fields,
    variant_refusal,
)
from affetti.studies.augmentation.arms import (
    NULL,
    PLAIN_REFERENCE,
    SET_KINDS,
    TRAINED,
    Arm,
    SyntheticSetSpec,
    parse_arm,
    training_contrasts,
)
from affetti.studies.augmentation.comparison import REFERENCE
from affetti.studies.augmentation.given_clips import GivenClips, open_given_clips
from affetti.studies.augmentation.given_models import require_usable
from affetti.studies.augmentation.regressors import StudyRegressor, parse_regressor
from affetti.studies.augmentation.train_fractions import require_train_fractions
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.alignment import load_reference
from affetti.training.device import Hardware
from affetti.training.field_variants import field_variants
from affetti.training.loop import LoopConfig
from affetti.training.registry import GENERATORS, SMALL_REGRESSOR, SPECTROGRAM_GENERATORS, family, make
from affetti.training.signal_augmentation import RECIPE, SIGNALS, parse_augmentations

GENERATOR_RUNS = 3
"""Runs of each generator by default, and the fewest of which a verdict is on the method."""


@dataclass(frozen=True)
class StudySettings:
    """The settings of a study."""

    models: tuple[Path, ...] = ()
    """Generator runs to use, each for the fold it was trained for; without any, ``gan`` and ``flow`` are trained. Runs
    of one kind that differ in fields are arms of their own."""
    arms: tuple[str, ...] = ()
    """Names, see :mod:`affetti.studies.augmentation.arms`; ``all`` is the whole list. ``real`` is always among them."""
    contrasts: tuple[tuple[str, str], ...] = ()
    """Pairs of arms whose difference is wanted, besides that of each arm from ``real``; the first is the study's
    primary contrast. A generator with and without a field is always such a pair, and so are its longest training and
    the one nearest to a fifth of it."""
    augment: str | None = None
    """The recipe: augmentations of all arms but the plain ones, joined by ``+``; None: the default of regressors."""
    clips: tuple[tuple[str, Path], ...] = ()
    """Name and corpus of sets of clips that somebody else's generator made."""
    trained_on: str | None = None
    """What the generators of ``clips`` were trained on: a CSV with a column ``song_id``, or ``undeclared``."""
    generator_runs: int | None = None
    """Runs of each generator and composer for each fold; None: three, or as many as there are seeds, or as there are
    ``models`` of each."""
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
    regressor: str | None = None
    """What every arm trains, see :mod:`affetti.studies.augmentation.regressors`; None: ``student``."""
    head: str | None = None
    """Head of an encoder: ``linear``, the default, or ``mlp``."""
    published_protocol: bool = False
    """Whether to rerun the study's own protocol too."""
    steps: int | None = None
    """Updates U: an arm may take 2U; the preset's by default."""
    batch_size: int | None = None
    """Clips an update; the preset's by default."""
    seed: int = 0
    """Of generators, samples and resampling."""
    labels: LabelUnit = "song"
    """What clips are labelled by: the corpus' labels, or the ratings over time in each window."""
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
    recipe: tuple[str, ...] = RECIPE
    """Augmentations of all arms but the plain ones."""
    generator_runs: int = 1
    """Runs of each generator and composer, for each fold."""
    clips: tuple[GivenClips, ...] = ()
    contrasts: tuple[tuple[str, str], ...] = ()
    """The names of the arms that are compared with each other, besides each with ``real``: those requested, each
    generator with those that lack fields, and each plain arm with ``plain-real-longer``."""
    primary: tuple[str, str] | None = None
    """The study's primary contrast; None where ``real`` is its only arm."""
    regressor: StudyRegressor = field(default_factory=StudyRegressor)
    """What every arm trains."""

    @property
    def seeds(self) -> int:
        """Regressors an arm; of one that is fitted without chance, one for each generator run."""
        return self.settings.seeds if self.regressor.seeded else self.generator_runs

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
    regressor = _regressor(corpus, settings)
    budget = family(regressor.kind).budget(corpus.meta["preset"])
    steps = budget.steps if settings.steps is None else settings.steps
    batch_size = budget.batch_size if settings.batch_size is None else settings.batch_size
    LoopConfig(steps, batch_size, settings.seed)  # refuses what the loop could not run
    given = [runs.load(path, flag="--models") for path in settings.models]
    require_usable(given, corpus)
    recipe = () if regressor.closed_form else parse_augmentations(settings.augment)
    clips = open_given_clips(settings.clips, settings.trained_on, corpus, (*SIGNALS, *SET_KINDS))
    arms = _choose_arms(corpus, settings, given, recipe, tuple(each.name for each in clips), regressor)
    contrasts = _contrasts(settings, arms, recipe, tuple(each.name for each in clips))
    aligned = {arm.synthetic.kind for arm in arms if arm.synthetic is not None and arm.synthetic.aligned}
    for trained in given:
        if trained.kind in aligned:
            load_reference(trained.kind, trained.path, corpus, corpus.fold(trained.meta.fold))
    folds = _folds(corpus, settings.folds, given)
    if not given:
        require_fields(arms, corpus, folds)
    for arm in arms:
        if arm.synthetic is None or not arm.synthetic.sampling:
            continue
        refusal = variant_refusal(arm.synthetic.variant, dict(arm.synthetic.sampling), corpus, given)
        if refusal:
            hint = "see --sampling of affetti generate"
            raise UsageError(f"arm {arm.name!r}: {refusal}", where="--arms", hint=hint)
    for fold in folds:
        part = corpus.fold(fold)
        fitting.require_test_songs(corpus, part)
        _require_varying_labels(corpus, part)
        _require_training_songs(corpus, part)
        for embedder in regressor.embedders:
            require_unseen(embedder, corpus.songs[part.test], "--regressor")
    hashes = tuple(trained.meta.weights_sha256 for trained in given)
    return StudyDesign(
        corpus,
        settings,
        tuple(arms),
        tuple(folds),
        steps,
        batch_size,
        hashes,
        recipe,
        _generator_runs(settings, given),
        clips,
        contrasts,
        _primary(settings, arms, contrasts),
        regressor,
    )


def _regressor(corpus: Corpus, settings: StudySettings) -> StudyRegressor:
    """What every arm trains.

    Raises:
        UsageError: there is no such regressor, or a setting is of others.
        InputError, MismatchError: an encoder cannot be loaded, or cannot embed the corpus.
        MissingDependencyError: a package is not installed.
    """
    regressor = parse_regressor(settings.regressor, settings.head, corpus.meta["preset"], settings.device)
    if regressor.closed_form and settings.augment is not None:
        what = f"{regressor.name} is fitted to all clips at once, without batches to augment"
        raise UsageError(what, where="--augment", hint="leave it out")
    if settings.published_protocol and regressor.kind != SMALL_REGRESSOR:
        what = f"the study's protocol is run with a {SMALL_REGRESSOR}, not with {regressor.name}"
        raise UsageError(what, where="--published-protocol", hint="leave it out, or --regressor")
    if not regressor.closed_form:
        make(regressor.kind, corpus.front_end.shape, regressor.settings)
    for embedder in regressor.embedders:
        require_input(embedder, corpus_clips(corpus))
    return regressor


def _generator_runs(settings: StudySettings, given: list[runs.TrainedModel]) -> int:
    """Runs of each generator.

    Raises:
        UsageError: there are fewer models or seeds.
    """
    wanted = settings.generator_runs
    if given:
        named = zip(field_variants(given), given, strict=True)
        each = len(given) // len({(name, trained.meta.fold) for name, trained in named})
        if wanted is not None and wanted != each:
            what, hint = f"{wanted} runs, of {each} models of each kind", "leave it out: as many are used as are given"
            raise UsageError(what, where="--generator-runs", hint=hint)
        wanted = each
    if wanted is None:
        return min(GENERATOR_RUNS, settings.seeds)
    if wanted < 1 or wanted > settings.seeds:
        raise UsageError(
            f"{wanted} generator runs of {settings.seeds} seeds",
            where="--generator-runs",
            hint=f"a seed is trained on one run: give 1 to {settings.seeds}, or --seeds {max(wanted, 1)}",
        )
    return wanted


def _contrasts(
    settings: StudySettings, arms: list[Arm], recipe: tuple[str, ...], clips: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """The pairs of arms to compare, by the names that the study has for them.

    Raises:
        UsageError: an arm is not among those of the study, or is compared with itself.
    """
    names = [arm.name for arm in arms]
    pairs: list[tuple[str, str]] = []
    for typed in settings.contrasts:
        first, second = (parse_arm(name, settings.ratio, recipe, clips).name for name in typed)
        for name, as_typed in zip((first, second), typed, strict=True):
            if name not in names:
                hint = f"add it to --arms; here: {', '.join(names)}"
                raise UsageError(f"{as_typed} is not among the arms", where="--contrast", hint=hint)
        if first == second:
            both = " and ".join(typed)
            raise UsageError(f"{both} are one arm, {first}", where="--contrast", hint="give two arms")
        pairs.append((first, second))
    variants = [arm.synthetic for arm in arms if arm.synthetic is not None and arm.name == arm.synthetic.variant]
    pairs += [(each.kind, each.variant) for each in variants if each.variant != each.kind and each.kind in names]
    pairs += training_contrasts(arms)
    pairs += [(arm.name, PLAIN_REFERENCE) for arm in arms if arm.plain and arm.name != PLAIN_REFERENCE]
    return tuple(dict.fromkeys(pairs))


def _primary(
    settings: StudySettings, arms: list[Arm], contrasts: tuple[tuple[str, str], ...]
) -> tuple[str, str] | None:
    """The first contrast requested, else the first synthetic set on top of the recipe against ``real``."""
    if settings.contrasts:
        return contrasts[0]
    synthetic = [arm for arm in arms if arm.synthetic is not None and not arm.plain]
    others = [arm for arm in synthetic if arm.synthetic is not None and arm.synthetic.kind != NULL and not arm.shuffled]
    others += [arm for arm in arms if arm.name != REFERENCE and not arm.plain]
    return (others[0].name, REFERENCE) if others else None


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


def _choose_arms(
    corpus: Corpus,
    settings: StudySettings,
    given: list[runs.TrainedModel],
    recipe: tuple[str, ...],
    clips: tuple[str, ...],
    regressor: StudyRegressor,
) -> list[Arm]:
    """The arms that the settings request, those of ``sampling`` and ``training_steps`` last.

    Raises:
        UsageError: an arm is unknown, or the regressor cannot have one that is requested by name.
    """
    has_audio = (corpus.path / "audio").is_dir()
    kinds = tuple(dict.fromkeys(field_variants(given))) or SPECTROGRAM_GENERATORS
    known = kinds if given else GENERATORS if has_audio else SPECTROGRAM_GENERATORS
    extra = [
        f"{kind}:{name}={value:g}"
        for name, value in settings.sampling
        for kind in generators_that_take(name, value, kinds, corpus, given)
    ]
    extra += [f"{kind}:{TRAINED}={steps}" for steps in settings.training_steps for kind in kinds]
    at_hand = known if any(name not in ("all", "") for name in settings.arms) else kinds
    arms = choose_arms(
        settings.arms,
        at_hand,
        settings.ratio,
        has_audio=has_audio,
        composed=corpus.composed,
        extra=tuple(extra),
        recipe=recipe,
        clips=clips,
        given=bool(given),
    )
    refused = {arm.name: why for arm in arms if (why := regressor.refusal(arm)) is not None}
    named = {parse_arm(name, settings.ratio, recipe, clips).name for name in settings.arms if name != "all"}
    if impossible := [name for name in refused if name in named]:
        what = f"{regressor.name} cannot have {', '.join(impossible)}: {refused[impossible[0]]}"
        possible = [arm.name for arm in arms if arm.name not in refused]
        raise UsageError(what, where="--arms", hint=f"leave them out; it can have {', '.join(possible)}")
    return [arm for arm in arms if arm.name not in refused]


def _folds(corpus: Corpus, count: int, given: list[runs.TrainedModel]) -> list[int]:
    """The folds that the given generators were trained for, else the first ``count`` folds.

    Raises:
        UsageError: there are fewer, or the generators are for others.
    """
    trained_for = sorted({trained.meta.fold for trained in given})
    if trained_for and count not in (1, len(trained_for)):
        named = ", ".join(map(str, trained_for))
        hint = "leave --folds out, or give runs of the other folds"
        raise UsageError(f"{count} folds, of models for fold {named} alone", where="--folds", hint=hint)
    if trained_for:
        return trained_for
    present = splits.fold_numbers(corpus.clips)
    if count > len(present):
        hint = f"give {len(present)} or fewer"
        raise UsageError(f"{count} folds of a corpus that has {len(present)}", where="--folds", hint=hint)
    return present[:count]


def _require_training_songs(corpus: Corpus, part: splits.Fold) -> None:
    if np.unique(corpus.songs[part.train]).size < 2:
        raise InputError(
            f"fold {part.number} has one training song, too few to train on",
            where=corpus.path,
            hint="prepare the corpus with more songs, or fewer --folds",
        )


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
