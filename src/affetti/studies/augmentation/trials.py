"""The trials of a study: one regressor each, of an arm, a fold, a seed and a fraction of the real training songs.

Regressors are trained by the recipe (:mod:`affetti.training.signal_augmentation`): augmentation, and early stopping on
the fold's validation clips, within 2U updates. A pretrained arm is trained on synthetic clips first, by the same
recipe, and then on real ones as ``real`` is. Plain arms take all of their updates: ``plain-real`` U, the others 2U.
Ridge regression and the heads of encoders are fitted to all clips at once.

Of an arm whose clips are made by chance, seed s is trained on the clips of generator run s modulo their number. A trial
saves its predictions of the test clips, and of the validation clips, by which ``best`` is chosen. A file that is there
is not made again, so a study may be stopped and resumed anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.corpus import Corpus, splits
from affetti.random import child_seed
from affetti.results import BaseResult
from affetti.storage import is_file, read_json, write_json
from affetti.studies.augmentation.arms import AGAIN, NULL, Arm
from affetti.studies.augmentation.encoder_features import EncoderFeatures
from affetti.studies.augmentation.regressors import ENCODER
from affetti.studies.augmentation.synthetic_sets import SyntheticSet, TrainingSubset, require_honest
from affetti.training import fit as fitting
from affetti.training.clips import Clips
from affetti.training.device import Hardware
from affetti.training.evaluation import predict
from affetti.training.loop import LoopConfig
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import LINEAR_REGRESSOR, SMALL_REGRESSOR, family, make
from affetti.training.signal_augmentation import RECIPE, augmented

STUDENT, RIDGE = SMALL_REGRESSOR, LINEAR_REGRESSOR
OTHER_SEEDS = 10_000
"""What is added to the seeds of ``real-again``."""
Pairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Trial:
    """One regressor to be trained."""

    arm: Arm
    regressor: str
    """``student``, ``vit``, ``baseline`` or ``encoder``."""
    subset: TrainingSubset
    seed: int
    run: int = 0
    """Number of the generator run whose clips it is trained on."""

    @property
    def name(self) -> str:
        """The trial's file name, without suffix."""
        run = f"-r{self.run}" if self.run else ""
        return f"{self.regressor}-{self.arm.name.replace(':', '-')}-{self.subset.name}-s{self.seed}{run}"


@dataclass(frozen=True)
class TrialResult(BaseResult):
    """What a trial files."""

    arm: str
    regressor: str
    fold: int
    train_fraction: float
    seed: int
    n_train: int
    """Clips trained on."""
    steps: int
    """Updates that it might take; with early stopping it may have ended before."""
    prediction: Pairs
    """Valence and arousal of each test clip, in the order of the fold."""
    validation: Pairs
    """The same of each validation clip."""
    run: int = 0
    """Number of the generator run."""


@dataclass(frozen=True)
class TrialTask:
    """Trains the regressors of a range of trials and files their predictions. Idempotent."""

    trials: tuple[Trial, ...]
    sets: tuple[SyntheticSet, ...]
    out: Path
    steps: int
    """Updates U: half of what an arm may take."""
    batch_size: int
    recipe: tuple[str, ...] = RECIPE
    """Augmentations of all arms but the plain ones."""
    generator_runs: int = 1
    """Runs of each generator."""
    device: str = "cpu"
    regressor: str = STUDENT
    """What all arms train: ``student``, ``vit``, ``baseline`` or ``encoder``."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of the head of an encoder."""
    features: EncoderFeatures | None = None
    """What an encoder predicts from."""

    def trial(self, arm: Arm, subset: TrainingSubset, seed: int) -> Trial:
        """The trial of a seed, on the clips of its generator run."""
        run = seed % self.generator_runs if arm.synthetic is not None and arm.synthetic.has_runs else 0
        return Trial(arm, self.regressor, subset, seed, run)

    def saved_in(self) -> Path:
        """The folder of the results."""
        return self.out

    def inputs(self) -> tuple[Path, ...]:
        """The corpora of the trials and the synthetic sets."""
        corpora = dict.fromkeys(trial.subset.corpus for trial in self.trials)
        return (*corpora, *(it.path for it in self.sets))

    def path(self, trial: Trial) -> Path:
        """The file whose existence says that the trial is done."""
        return self.out / f"{trial.name}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether all trials of the range have been filed."""
        return all(self.path(trial).exists() for trial in self.trials[start:stop])

    def __call__(self, start: int, stop: int) -> None:
        """Run trials ``start`` to ``stop``."""
        for trial in self.trials[start:stop]:
            write_json(self.path(trial), self._run(trial).to_dict())

    def _run(self, trial: Trial) -> TrialResult:
        corpus = open_cached(trial.subset.corpus)
        part = corpus.fold(trial.subset.fold)
        splits.require_real(corpus.clips.iloc[part.test])
        stages = self._stages(trial, corpus, part)
        model = self._train(trial, corpus, part, stages)
        return TrialResult(
            arm=trial.arm.name,
            regressor=trial.regressor,
            fold=trial.subset.fold,
            train_fraction=trial.subset.train_fraction,
            seed=trial.seed,
            n_train=sum(len(clips) for clips, _ in stages),
            steps=sum(steps for _, steps in stages),
            run=trial.run,
            prediction=_pairs(predict(model, self._data(trial, corpus), part.test)),
            validation=_pairs(predict(model, self._data(trial, corpus), part.validation)),
        )

    def _data(self, trial: Trial, corpus: Corpus) -> NDArray[np.floating]:
        """What the regressor takes of each clip of a corpus: log-mels ``[N, M, F]``, or vectors ``[N, D]``."""
        if self.features is None or trial.regressor != ENCODER:
            return corpus.mel
        return self.features.load(corpus.path, trial.subset)

    def _stages(self, trial: Trial, corpus: Corpus, part: splits.Fold) -> list[tuple[Clips, int]]:
        """The clips of each stage of training, and the updates it may take."""
        arm, total = trial.arm, 2 * self.steps if trial.arm.longer else self.steps
        real = Clips(self._data(trial, corpus), corpus.labels, part.train)
        synthetic = self.synthetic_clips(trial, corpus, part)
        if synthetic is None:
            return [(real, total)]
        if arm.use == "only":
            return [(synthetic, total)]
        if arm.use == "added":
            return [(concatenate(real, synthetic), total)]
        if arm.equal or arm.plain:
            return [(synthetic, max(1, total // 2)), (real, max(1, total // 2))]
        return [(synthetic, arm.pretraining_steps or total), (real, total)]

    def _train(
        self, trial: Trial, corpus: Corpus, part: splits.Fold, stages: list[tuple[Clips, int]]
    ) -> torch.nn.Module:
        """The regressor, trained on one stage after the other."""
        arm = trial.arm
        seed = trial.seed + (OTHER_SEEDS if arm.name == AGAIN else 0)
        if trial.regressor == ENCODER and self.features is not None:
            return self._fit_head(trial, self.features, stages[0][0], seed)
        torch.manual_seed(child_seed("weights", seed))
        settings = family(trial.regressor).settings_at(corpus.meta["preset"])
        model: torch.nn.Module = make(trial.regressor, corpus.front_end.shape, settings)
        names = arm.signals if arm.plain else (*self.recipe, *arm.signals)
        validation = Clips(corpus.mel, corpus.labels, part.validation) if len(part.validation) else None
        options = ObjectiveOptions(validation=validation)
        for clips, steps in stages:
            loop = LoopConfig(steps, min(self.batch_size, len(clips)), seed)
            changed, own = augmented(clips, names, corpus.front_end, options)
            own = replace(own, stop_early=bool(self.recipe) and not arm.plain)
            _, model = fitting.fit(trial.regressor, model, changed, loop, own, hardware=Hardware(self.device))
        return model

    def _fit_head(self, trial: Trial, features: EncoderFeatures, clips: Clips, seed: int) -> torch.nn.Module:
        """The head of an encoder, fitted to all clips at once."""
        settings = {**self.settings, "features": ENCODER, "version": features.version, "dimension": clips.mel.shape[1]}
        decay = features.choices[trial.subset.name].decay
        if decay is not None:
            settings |= {"decay": decay, "seed": child_seed("head", seed) % 2**31}
        model = make(RIDGE, (1, 1), settings)
        return fitting.fit(RIDGE, model, clips, LoopConfig(1, 2, seed))[1]

    def synthetic_clips(self, trial: Trial, corpus: Corpus, part: splits.Fold) -> Clips | None:
        """The clips of the trial's synthetic set, as many as its ratio says; None for an arm without.

        Raises:
            MismatchError: the set must not be trained on for this test, see
                :func:`affetti.studies.augmentation.synthetic_sets.require_honest`.
        """
        spec = trial.arm.synthetic
        if spec is None:
            return None
        if spec.kind == NULL:
            copies = np.resize(part.train, max(1, round(spec.ratio * len(part.train))))
            return Clips(self._data(trial, corpus), corpus.labels, copies)
        key = spec, trial.subset, trial.run
        made = next(made for made in self.sets if (made.spec, made.subset, made.run) == key)
        synthetic = open_cached(made.path)
        require_honest(synthetic, corpus, part, made.trained_on)
        rows = np.arange(min(len(synthetic), max(1, round(spec.ratio * len(part.train)))))
        labels = synthetic.labels
        if trial.arm.shuffled:
            labels = labels.copy()
            order = np.random.default_rng(child_seed("shuffle", trial.seed)).permutation(len(rows))
            labels[rows] = labels[rows][order]
        return Clips(self._data(trial, synthetic), labels, rows)


def concatenate(first: Clips, second: Clips) -> Clips:
    """The clips of both, first ``first``'s, copied into memory."""
    mel = np.concatenate([first.mel[first.rows], second.mel[second.rows]])
    labels = np.concatenate([first.labels[first.rows], second.labels[second.rows]])
    return Clips(mel, labels, np.arange(len(mel)))


def open_cached(path: Path) -> Corpus:
    """A corpus, opened once in this process, and again where it has been made anew since."""
    file = path / "corpus.json"
    return _opened(path, file.stat().st_mtime_ns if is_file(file) else None)


@lru_cache(maxsize=16)
def _opened(path: Path, _changed: int | None) -> Corpus:
    return Corpus.open(path)


def gather_predictions(
    task: TrialTask, arms: Sequence[Arm], subsets: Sequence[TrainingSubset], seeds: int
) -> NDArray[np.float64]:
    """Predictions of an arm for the test clips ``[S, N, 2]``, the subsets' clips one after the other.

    Args:
        task: whose trials are done.
        arms: the arm of each subset: ``best`` need not be the same in all.
        subsets: the training subsets, one a fold.
        seeds: how many seeds S.
    """
    pairs = list(zip(arms, subsets, strict=True))
    trials = [[task.trial(arm, subset, seed) for arm, subset in pairs] for seed in range(seeds)]
    return np.stack([np.concatenate([_array(read_trial(task, t).prediction) for t in row]) for row in trials])


def validation_predictions(task: TrialTask, arm: Arm, subset: TrainingSubset, seeds: int) -> NDArray[np.float64]:
    """Predictions for the validation clips of one subset ``[S, N, 2]``."""
    trials = [task.trial(arm, subset, seed) for seed in range(seeds)]
    return np.stack([_array(read_trial(task, trial).validation) for trial in trials])


def read_trial(task: TrialTask, trial: Trial) -> TrialResult:
    """What a trial has filed.

    Raises:
        StorageError: the file is missing or cut short.
    """
    path = task.path(trial)
    return TrialResult.from_dict(read_json(path), path)


def _pairs(values: NDArray[np.float64]) -> Pairs:
    return tuple((float(valence), float(arousal)) for valence, arousal in np.round(values, 6))


def _array(pairs: Pairs) -> NDArray[np.float64]:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)
