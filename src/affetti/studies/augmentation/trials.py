"""The trials of a study: one regressor each, of an arm, a fold, a seed and a fraction of the real training songs.

``real`` trains for U updates, every other arm for 2U; a pretrained arm spends U on synthetic clips and U on real ones.
A trial saves its predictions of the test clips, and of the validation clips, by which ``best`` is chosen. A file that
is there is not made again, so a study may be stopped and resumed anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.augment.spectrogram import spec_augment
from affetti.corpus import Corpus, splits
from affetti.random import child_seed
from affetti.results import BaseResult
from affetti.storage import read_json, write_json
from affetti.studies.augmentation.arms import Arm
from affetti.studies.augmentation.synthetic_sets import SyntheticSet, TrainingSubset, require_honest
from affetti.training import fit as fitting
from affetti.training.clips import Clips
from affetti.training.device import Hardware
from affetti.training.evaluation import predict
from affetti.training.loop import LoopConfig
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import LINEAR_REGRESSOR, SMALL_REGRESSOR, make
from affetti.training.signal_augmentation import SPECAUGMENT, ChangedClips, changes

STUDENT, RIDGE = SMALL_REGRESSOR, LINEAR_REGRESSOR
Pairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Trial:
    """One regressor to be trained."""

    arm: Arm
    regressor: str
    """A family: ``student`` or ``baseline``."""
    subset: TrainingSubset
    seed: int

    @property
    def name(self) -> str:
        """The trial's file name, without suffix."""
        return f"{self.regressor}-{self.arm.name.replace(':', '-')}-{self.subset.name}-s{self.seed}"


@dataclass(frozen=True)
class TrialResult(BaseResult):
    """The saved result of a trial."""

    arm: str
    regressor: str
    fold: int
    train_fraction: float
    seed: int
    n_train: int
    """Clips trained on."""
    steps: int
    """Updates."""
    prediction: Pairs
    """Valence and arousal of each test clip, in the order of the fold."""
    validation: Pairs
    """The same of each validation clip."""


@dataclass(frozen=True)
class TrialTask:
    """Trains the regressors of a range of trials and saves their predictions. Idempotent."""

    trials: tuple[Trial, ...]
    sets: tuple[SyntheticSet, ...]
    out: Path
    steps: int
    """Updates U of the arm ``real``."""
    batch_size: int
    device: str = "cpu"

    def path(self, trial: Trial) -> Path:
        """The file whose existence says that the trial is done."""
        return self.out / f"{trial.name}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether all trials of the range have been saved."""
        return all(self.path(trial).exists() for trial in self.trials[start:stop])

    def __call__(self, start: int, stop: int) -> None:
        """Run trials ``start`` to ``stop``."""
        for trial in self.trials[start:stop]:
            write_json(self.path(trial), self._run(trial).to_dict())

    def _run(self, trial: Trial) -> TrialResult:
        corpus = open_cached(trial.subset.corpus)
        part = corpus.fold(trial.subset.fold)
        splits.require_real(corpus.clips.iloc[part.test])
        real = Clips(corpus.mel, corpus.labels, part.train)
        steps = self.steps if not trial.arm.longer else 2 * self.steps
        model, count = self._train(trial, corpus, real, self.synthetic_clips(trial, corpus, part), steps)
        return TrialResult(
            arm=trial.arm.name,
            regressor=trial.regressor,
            fold=trial.subset.fold,
            train_fraction=trial.subset.train_fraction,
            seed=trial.seed,
            n_train=count,
            steps=steps,
            prediction=_pairs(predict(model, corpus.mel, part.test)),
            validation=_pairs(predict(model, corpus.mel, part.validation)),
        )

    def _train(
        self, trial: Trial, corpus: Corpus, real: Clips, synthetic: Clips | None, steps: int
    ) -> tuple[torch.nn.Module, int]:
        """The regressor, and the number of clips it was trained on."""
        torch.manual_seed(child_seed("weights", trial.seed))
        model: torch.nn.Module = make(trial.regressor, corpus.front_end.shape, {})
        stages = [real]
        if synthetic is not None:
            choices = {"only": [synthetic], "pretrained": [synthetic, real]}
            stages = choices.get(trial.arm.use, [concatenate(real, synthetic)])
        batch_changes = changes(trial.arm.signals, corpus.front_end)
        for clips in stages:
            loop = LoopConfig(max(1, steps // len(stages)), min(self.batch_size, len(clips)), trial.seed)
            changed = ChangedClips(clips.mel, clips.labels, clips.rows, batch_changes) if batch_changes else clips
            options = ObjectiveOptions(augment=spec_augment if SPECAUGMENT in trial.arm.signals else None)
            _, model = fitting.fit(trial.regressor, model, changed, loop, options, hardware=Hardware(self.device))
        return model, sum(map(len, stages))

    def synthetic_clips(self, trial: Trial, corpus: Corpus, part: splits.Fold) -> Clips | None:
        """The clips of the trial's synthetic set, as many as its ratio says; None for an arm without.

        Raises:
            MismatchError: the set must not be trained on for this test, see
                :func:`affetti.studies.augmentation.synthetic_sets.require_honest`.
        """
        spec = trial.arm.synthetic
        if spec is None:
            return None
        path = next(made.path for made in self.sets if (made.spec, made.subset) == (spec, trial.subset))
        synthetic = open_cached(path)
        require_honest(synthetic, corpus, part)
        rows = np.arange(min(len(synthetic), max(1, round(spec.ratio * len(part.train)))))
        labels = synthetic.labels
        if trial.arm.use == "shuffled":
            labels = labels.copy()
            order = np.random.default_rng(child_seed("shuffle", trial.seed)).permutation(len(rows))
            labels[rows] = labels[rows][order]
        return Clips(synthetic.mel, labels, rows)


def concatenate(first: Clips, second: Clips) -> Clips:
    """The clips of both, first ``first``'s, copied into memory."""
    mel = np.concatenate([first.mel[first.rows], second.mel[second.rows]])
    labels = np.concatenate([first.labels[first.rows], second.labels[second.rows]])
    return Clips(mel, labels, np.arange(len(mel)))


@lru_cache(maxsize=16)
def open_cached(path: Path) -> Corpus:
    """A corpus, opened once in this process."""
    return Corpus.open(path)


def gather_predictions(
    task: TrialTask, regressor: str, arms: Sequence[Arm], subsets: Sequence[TrainingSubset], seeds: int
) -> NDArray[np.float64]:
    """Predictions of an arm for the test clips ``[S, N, 2]``, the subsets' clips one after the other.

    Args:
        task: whose trials are done.
        regressor: its family.
        arms: the arm of each subset: ``best`` need not be the same in all.
        subsets: the training subsets, one a fold.
        seeds: how many seeds S.
    """
    pairs = list(zip(arms, subsets, strict=True))
    trials = [[Trial(arm, regressor, subset, seed) for arm, subset in pairs] for seed in range(seeds)]
    return np.stack([np.concatenate([_array(read_trial(task, t).prediction) for t in row]) for row in trials])


def validation_predictions(task: TrialTask, arm: Arm, subset: TrainingSubset, seeds: int) -> NDArray[np.float64]:
    """The small network's predictions for the validation clips of one subset ``[S, N, 2]``."""
    trials = [Trial(arm, STUDENT, subset, seed) for seed in range(seeds)]
    return np.stack([_array(read_trial(task, trial).validation) for trial in trials])


def read_trial(task: TrialTask, trial: Trial) -> TrialResult:
    """The saved result of a trial.

    Raises:
        StorageError: the file is missing or cut short.
    """
    path = task.path(trial)
    return TrialResult.from_dict(read_json(path), path)


def _pairs(values: NDArray[np.float64]) -> Pairs:
    return tuple((float(valence), float(arousal)) for valence, arousal in np.round(values, 6))


def _array(pairs: Pairs) -> NDArray[np.float64]:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)
