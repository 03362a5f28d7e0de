"""What a study is asked for, and the check of it before any work is done.

A study may take hours: an unknown arm, a model of another front-end or labels that do not vary must stop it in the
first second, with nothing written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affetti import presets
from affetti.corpus import Corpus, splits
from affetti.errors import InputError, MismatchError, UsageError
from affetti.studies.augmentation.arms import Arm, SyntheticSetSpec, choose_arms
from affetti.studies.augmentation.synthetic_sets import require_usable, sampling_refusal
from affetti.studies.augmentation.train_fractions import require_train_fractions
from affetti.studies.augmentation.trials import STUDENT
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.device import Hardware
from affetti.training.loop import LoopConfig
from affetti.training.registry import SPECTROGRAM_GENERATORS


@dataclass(frozen=True)
class StudySettings:
    """What a study is asked for."""

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
    """Shares of the real training songs for the learning curve, in (0, 1]; 1 is always among them."""
    sampling: tuple[tuple[str, float], ...] = ()
    """Dial and value, each an arm of every generator that has the dial."""
    training_steps: tuple[int, ...] = ()
    """Updates of generators, each an arm."""
    budget: float | None = None
    """Seconds that all may take; arms that do not fit are left out."""
    published_protocol: bool = False
    """Whether to rerun the study as published too."""
    steps: int | None = None
    """Updates U of the arm ``real``; the preset's by default."""
    batch_size: int | None = None
    """Clips an update; the preset's by default."""
    seed: int = 0
    """Of generators, samples and resampling."""
    device: str = "cpu"
    """Where networks are trained and sampled: ``cpu``, ``cuda``, ``mps`` or ``auto``. Any but the CPU has one process
    at work."""


@dataclass(frozen=True)
class StudyDesign:
    """A study whose settings have been found to make sense."""

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
        """Shares of the learning curve, the whole last."""
        return tuple(sorted({*self.settings.train_fractions, 1.0}))


def design_study(corpus: Corpus, settings: StudySettings) -> StudyDesign:
    """Check all that can be checked before any work is done.

    Raises:
        UsageError: an unknown arm or dial, or a number out of range.
        InputError: a fold of one test song, labels that do not vary.
        MismatchError: a generator that has heard the test songs; synthetic test clips.
    """
    s = settings
    if s.seeds < 1 or s.folds < 1 or not 0 < s.ratio < float("inf"):
        told = f"{s.seeds} seeds, {s.folds} folds, ratio {s.ratio:g}"
        raise UsageError(told, hint="give at least one of each, and a positive ratio")
    Hardware(s.device)  # refuses what is not here
    if s.budget is not None and not s.budget > 0:
        raise UsageError(f"a budget of {s.budget:g} s", where="--budget", hint="give such as 30m")
    require_train_fractions(s.train_fractions)
    if s.models and (s.train_fractions or s.training_steps):
        which = "--train-fractions" if s.train_fractions else "--training-steps"
        told = "models that have heard all training songs" if s.train_fractions else "models that have been trained"
        raise UsageError(told, where=which, hint="leave --models out: generators are trained anew here")
    if corpus.synthetic:
        raise MismatchError(
            "holds synthetic clips", where=corpus.path, hint="give the real corpus: the test clips are taken from it"
        )
    budget = presets.budget(corpus.meta["preset"], STUDENT)
    updates = budget.steps if s.steps is None else s.steps
    batch = budget.batch_size if s.batch_size is None else s.batch_size
    LoopConfig(updates, batch, s.seed)  # refuses what the loop could not run
    given = [runs.load(path) for path in s.models]
    require_usable(given, corpus)
    sound = (corpus.path / "audio").is_dir()
    kinds = tuple(dict.fromkeys(trained.kind for trained in given)) or SPECTROGRAM_GENERATORS
    known = kinds if given else (*SPECTROGRAM_GENERATORS, *(("waveform",) if sound else ()))
    extra = [
        f"{kind}:{dial}={value:g}" for dial, value in s.sampling for kind in _turning(kinds, dial, value, corpus, given)
    ]
    extra += [f"{kind}:trained={steps}" for steps in s.training_steps for kind in kinds]
    listed = known if any(name not in ("all", "") for name in s.arms) else kinds
    arms = choose_arms(s.arms, listed, s.ratio, sound=sound, composed=corpus.composed, extra=tuple(extra))
    for arm in arms:
        refusal = (
            arm.synthetic
            and arm.synthetic.sampling
            and sampling_refusal(arm.synthetic.kind, dict(arm.synthetic.sampling), corpus, given)
        )
        if refusal:
            raise UsageError(f"arm {arm.name!r}: {refusal}", where="--arms", hint="see --sampling of affetti generate")
    folds = sorted({int(trained.meta["fold"]) for trained in given}) or _first(corpus, s.folds)
    for fold in folds:
        part = corpus.fold(fold)
        fitting.require_test_songs(corpus, part)
        _require_spread(corpus, part)
    hashes = tuple(str(trained.meta["weights_sha256"]) for trained in given)
    return StudyDesign(corpus, s, tuple(arms), tuple(folds), updates, batch, hashes)


def _first(corpus: Corpus, count: int) -> list[int]:
    """The first ``count`` folds.

    Raises:
        UsageError: there are not so many.
    """
    present = splits.fold_numbers(corpus.clips)
    if count > len(present):
        hint = f"give {len(present)} or fewer"
        raise UsageError(f"{count} folds of a corpus that has {len(present)}", where="--folds", hint=hint)
    return present[:count]


def _turning(
    kinds: tuple[str, ...], dial: str, value: float, corpus: Corpus, given: list[runs.TrainedModel]
) -> list[str]:
    """The generators that have a dial.

    Raises:
        UsageError: none has it.
    """
    refusals = {kind: sampling_refusal(kind, {dial: value}, corpus, given) for kind in kinds}
    having = [kind for kind, refusal in refusals.items() if refusal is None]
    if not having:
        told = "; ".join(f"{kind}: {refusal}" for kind, refusal in refusals.items())
        raise UsageError(f"no generator takes {dial}={value:g}", where="--sampling", hint=told)
    return having


def _require_spread(corpus: Corpus, part: splits.Fold) -> None:
    for rows, called in ((part.train, "training"), (part.test, "test")):
        for axis, name in enumerate(("valence", "arousal")):
            values = corpus.labels[rows, axis]
            if not np.ptp(values) > 1e-6:
                raise InputError(
                    f"{name} is {values[0]:g} in all {len(rows)} {called} clips of fold {part.number}",
                    where=corpus.path,
                    hint="agreement with labels needs labels that differ",
                )
