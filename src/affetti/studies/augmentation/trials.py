"""The units of a study: one regressor each, of an arm, a fold, a seed and a share of the real songs.

``real`` trains for U updates, every other arm for 2U; an arm that is pretrained spends U on synthetic clips and U on
real ones. A unit files what it reads off the test clips, and off validation clips, by which ``best`` is chosen: a file
that is there is not made again, so a study may be cut and resumed anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.augment.spectrogram import spec_augment
from affetti.corpus import Corpus, splits
from affetti.random import child_seed
from affetti.storage import read_json, write_json
from affetti.studies.augmentation.arms import Arm
from affetti.studies.augmentation.signal_augmentation import SPECAUGMENT, ChangedClips, changes
from affetti.studies.augmentation.synthetic_sets import SyntheticSet, TrainingSubset, require_honest
from affetti.training import evaluation
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.device import Hardware
from affetti.training.loop import LoopConfig
from affetti.training.objectives.base import ObjectiveOptions

STUDENT, RIDGE = "student", "baseline"


@dataclass(frozen=True)
class Trial:
    """One regressor to be trained."""

    arm: Arm
    regressor: str
    subset: TrainingSubset
    seed: int

    @property
    def name(self) -> str:
        """The unit's file name, without suffix."""
        return f"{self.regressor}-{self.arm.name.replace(':', '-')}-{self.subset.name}-s{self.seed}"


@dataclass(frozen=True)
class TrialTask:
    """Train the regressors of a range of units and file what they read. Idempotent."""

    units: tuple[Trial, ...]
    sets: tuple[SyntheticSet, ...]
    out: Path
    steps: int
    batch_size: int
    device: str = "cpu"

    def path(self, unit: Trial) -> Path:
        """The file whose existence says that the unit is done."""
        return self.out / f"{unit.name}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether all units of the range have been filed."""
        return all(self.path(unit).exists() for unit in self.units[start:stop])

    def __call__(self, start: int, stop: int) -> None:
        """Work off units ``start`` to ``stop``."""
        for unit in self.units[start:stop]:
            corpus = open_cached(unit.subset.corpus)
            part = corpus.fold(unit.subset.fold)
            splits.require_real(corpus.clips.iloc[part.test])
            real, made = Clips(corpus.mel, corpus.labels, part.train), self.synthetic_clips(unit, corpus, part)
            steps = self.steps if not unit.arm.longer else 2 * self.steps
            trained, count = self._train(unit, corpus, real, made, steps)
            document = {
                "arm": unit.arm.name,
                "regressor": unit.regressor,
                "fold": unit.subset.fold,
                "share": unit.subset.train_fraction,
                "seed": unit.seed,
                "n_train": count,
                "steps": steps,
                "prediction": _rounded(evaluation.predict(trained, corpus.mel, part.test)),
                "validation": _rounded(evaluation.predict(trained, corpus.mel, part.validation)),
            }
            write_json(self.path(unit), document)

    def _train(
        self, unit: Trial, corpus: Corpus, real: Clips, made: Clips | None, steps: int
    ) -> tuple[torch.nn.Module, int]:
        """The regressor, and the number of clips it was trained on."""
        torch.manual_seed(child_seed("weights", unit.seed))
        model: torch.nn.Module = runs.make(unit.regressor, corpus.front_end.shape, {})
        stages = [real]
        if made is not None:
            stages = {"only": [made], "pretrained": [made, real]}.get(unit.arm.use, [concatenate(real, made)])
        turned = changes(unit.arm.signals, corpus.front_end)
        for clips in stages:
            loop = LoopConfig(max(1, steps // len(stages)), min(self.batch_size, len(clips)), unit.seed)
            seen = ChangedClips(clips.mel, clips.labels, clips.rows, turned) if turned else clips
            options = ObjectiveOptions(augment=spec_augment if SPECAUGMENT in unit.arm.signals else None)
            _, model = fitting.fit(unit.regressor, model, seen, loop, options, hardware=Hardware(self.device))
        return model, sum(map(len, stages))

    def synthetic_clips(self, unit: Trial, corpus: Corpus, part: splits.Fold) -> Clips | None:
        """The clips of the unit's set; None for an arm without.

        Raises:
            MismatchError: the set is not fit to train on for this test.
        """
        if unit.arm.synthetic is None:
            return None
        path = next(at.path for at in self.sets if (at.spec, at.subset) == (unit.arm.synthetic, unit.subset))
        found = open_cached(path)
        require_honest(found, corpus, part)
        rows = np.arange(min(len(found), max(1, round(unit.arm.synthetic.ratio * len(part.train)))))
        labels = found.labels
        if unit.arm.use == "shuffled":
            labels = labels.copy()
            order = np.random.default_rng(child_seed("shuffle", unit.seed)).permutation(len(rows))
            labels[rows] = labels[rows][order]
        return Clips(found.mel, labels, rows)


def concatenate(first: Clips, second: Clips) -> Clips:
    """The clips of both, in memory."""
    mel = np.concatenate([first.mel[first.rows], second.mel[second.rows]])
    labels = np.concatenate([first.labels[first.rows], second.labels[second.rows]])
    return Clips(mel, labels, np.arange(len(mel)))


@lru_cache(maxsize=16)
def open_cached(path: Path) -> Corpus:
    """A corpus, opened once in this process."""
    return Corpus.open(path)


def gather_predictions(
    task: TrialTask,
    regressor: str,
    arms: Sequence[Arm],
    places: Sequence[TrainingSubset],
    seeds: int,
    key: str = "prediction",
) -> NDArray[np.float64]:
    """What an arm reads ``[S, N, 2]``, the places' test clips one after the other.

    ``arms`` is the arm of each place: ``best`` need not be the same in all.
    """
    pairs = list(zip(arms, places, strict=True))
    return np.stack(
        [
            np.concatenate(
                [np.array(read_trial(task, Trial(arm, regressor, at, s))[key]).reshape(-1, 2) for arm, at in pairs]
            )
            for s in range(seeds)
        ]
    )


def read_trial(task: TrialTask, unit: Trial) -> dict[str, Any]:
    """What a unit has filed.

    Raises:
        StorageError: it is missing or cut short.
    """
    return read_json(task.path(unit))


def _rounded(values: NDArray[np.float64]) -> list[list[float]]:
    return np.round(values, 6).tolist()
