from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from affetti.corpus import Corpus
from affetti.studies.augmentation.arms import parse_arm
from affetti.studies.augmentation.synthetic_sets import SyntheticSet, TrainingSubset
from affetti.studies.augmentation.trials import (
    STUDENT,
    Trial,
    TrialTask,
    concatenate,
    gather_predictions,
    read_trial,
)
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.loop import LoopConfig


def test_shuffled_labels_are_the_same_labels_elsewhere(
    corpus: Corpus, made: Callable[..., Path], tmp_path: Path
) -> None:
    place, arm = TrainingSubset(0, 1.0, corpus.path), parse_arm("flow@0.2", 1.0)
    assert arm.synthetic is not None
    task = TrialTask((), (SyntheticSet(arm.synthetic, place, made("flow")),), tmp_path, 2, 8)
    part = corpus.fold(0)

    def of(name: str, seed: int):
        clips = task.synthetic_clips(Trial(parse_arm(name, 1.0), STUDENT, place, seed), corpus, part)
        assert clips is not None
        return clips.labels[clips.rows]

    plain, shuffled, other = of("flow@0.2", 0), of("flow@0.2-shuffled", 0), of("flow@0.2-shuffled", 1)
    assert len(plain) == round(0.2 * len(part.train)), "the first of the set, as many as the ratio says"
    assert not np.array_equal(plain, shuffled)
    assert not np.array_equal(shuffled, other)
    assert sorted(map(tuple, plain)) == sorted(map(tuple, shuffled))
    assert task.synthetic_clips(Trial(parse_arm("real", 1.0), STUDENT, place, 0), corpus, part) is None
    assert not set(part.validation) & set(part.train)


def test_joined_clips_are_the_rows_of_both(corpus: Corpus) -> None:
    first = Clips(corpus.mel, corpus.labels, np.array([3, 1]))
    second = Clips(corpus.mel, corpus.labels, np.array([7]))
    both = concatenate(first, second)
    assert np.array_equal(both.mel, corpus.mel[[3, 1, 7]])
    assert np.array_equal(both.labels, corpus.labels[[3, 1, 7]])
    assert both.rows.tolist() == [0, 1, 2]


def test_a_trial_saves_its_predictions_once_and_gathering_orders_folds(corpus: Corpus, tmp_path: Path) -> None:
    arm = parse_arm("real", 1.0)
    places = [TrainingSubset(1, 1.0, corpus.path), TrainingSubset(0, 1.0, corpus.path)]
    units = tuple(Trial(arm, "baseline", place, 0) for place in places)
    task = TrialTask(units, (), tmp_path, 2, 8)
    assert not task.done(0, 2)
    task(0, 2)
    assert task.done(0, 2)
    result = gather_predictions(task, "baseline", [arm, arm], places, 1)
    assert result.shape == (1, 160, 2)
    first = gather_predictions(task, "baseline", [arm], places[1:], 1)
    assert np.array_equal(result[:, 80:], first)
    saved = read_trial(task, units[1])
    assert (saved.arm, saved.fold, saved.n_train, saved.steps) == ("real", 0, len(corpus.fold(0).train), 2)
    assert len(saved.validation) == len(corpus.fold(0).validation)


def test_training_twice_gives_the_same_weights(corpus: Corpus) -> None:
    # Batch norm counts batches while it trains: a model that came back evaluating would stand still.
    clips = Clips(corpus.mel, corpus.labels, corpus.fold(0).train)
    torch.manual_seed(0)
    model: torch.nn.Module = runs.make("student", corpus.front_end.shape, {})
    counts: list[int] = []
    for _ in range(2):
        _, model = fitting.fit("student", model, clips, LoopConfig(3, 8, 0))
        counts.append(max(int(value) for name, value in model.state_dict().items() if "num_batches" in name))
    assert counts == [3, 6]
