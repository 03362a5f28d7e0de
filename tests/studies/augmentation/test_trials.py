from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.material import write_corpus

from affetti.corpus import Corpus
from affetti.studies.augmentation.arms import parse_arm
from affetti.studies.augmentation.synthetic_sets import SyntheticSet, TrainingSubset
from affetti.studies.augmentation.trials import (
    STUDENT,
    Trial,
    TrialTask,
    concatenate,
    gather_predictions,
    open_cached,
    read_trial,
)
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.loop import LoopConfig
from affetti.training.objectives.base import ObjectiveOptions


def test_a_corpus_is_opened_once_and_again_where_it_was_made_anew(tmp_path: Path) -> None:
    first = write_corpus(tmp_path / "corpus", 4)
    assert open_cached(first.path) is open_cached(first.path)
    assert open_cached(first.path).hash == first.hash
    first.path.rename(tmp_path / "before")
    assert open_cached(write_corpus(tmp_path / "corpus", 5).path).hash != first.hash


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
    task = TrialTask(units, (), tmp_path, 2, 8, regressor="baseline")
    assert not task.done(0, 2)
    task(0, 2)
    assert task.done(0, 2)
    result = gather_predictions(task, [arm, arm], places, 1)
    assert result.shape == (1, 160, 2)
    first = gather_predictions(task, [arm], places[1:], 1)
    assert np.array_equal(result[:, 80:], first)
    saved = read_trial(task, units[1])
    assert (saved.arm, saved.fold, saved.n_train, saved.steps) == ("real", 0, len(corpus.fold(0).train), 4)
    assert len(saved.validation) == len(corpus.fold(0).validation)


@pytest.mark.parametrize("stopped", [False, True])
def test_training_twice_gives_the_same_weights(corpus: Corpus, stopped: bool) -> None:
    # Batch norm counts batches while it trains: a model that came back evaluating would stand still.
    clips = Clips(corpus.mel, corpus.labels, corpus.fold(0).train)
    torch.manual_seed(0)
    model: torch.nn.Module = runs.make("student", corpus.front_end.shape, {})
    counts: list[int] = []
    for _ in range(2):
        options = ObjectiveOptions(validation=clips if stopped else None)
        _, model = fitting.fit("student", model, clips, LoopConfig(3, 8, 0), options)
        counts.append(max(int(value) for name, value in model.state_dict().items() if "num_batches" in name))
    assert counts == [3, 6] if not stopped else 0 < counts[0] < counts[1] <= 6


def test_null_clips_are_training_clips_again(corpus: Corpus, tmp_path: Path) -> None:
    place, part = TrainingSubset(0, 1.0, corpus.path), corpus.fold(0)
    task = TrialTask((), (), tmp_path, 2, 8)
    copies = task.synthetic_clips(Trial(parse_arm("null@1.5", 1.0), STUDENT, place, 0), corpus, part)
    assert copies is not None
    count = len(part.train)
    assert copies.rows.tolist() == [*part.train, *part.train[: round(1.5 * count) - count]]
    assert np.array_equal(copies.labels, corpus.labels)


def test_stages_take_the_updates_that_the_arm_says(corpus: Corpus, made: Callable[..., Path], tmp_path: Path) -> None:
    place, part, spec = TrainingSubset(0, 1.0, corpus.path), corpus.fold(0), parse_arm("flow@0.2", 1.0).synthetic
    assert spec is not None
    task = TrialTask((), (SyntheticSet(spec, place, made("flow")),), tmp_path, 10, 8)
    real, synthetic = len(part.train), round(0.2 * len(part.train))

    def stages(name: str) -> list[tuple[int, int]]:
        trial = Trial(parse_arm(name, 1.0), STUDENT, place, 0)
        return [(len(clips), steps) for clips, steps in task._stages(trial, corpus, part)]

    assert stages("real") == stages("plain-real-longer") == [(real, 20)]
    assert stages("plain-real") == [(real, 10)]
    assert stages("flow@0.2") == [(real + synthetic, 20)]
    assert stages("flow@0.2-only") == [(synthetic, 20)]
    assert stages("flow@0.2-pretrained") == [(synthetic, 20), (real, 20)]
    assert stages("flow:pretraining=70@0.2-pretrained") == [(synthetic, 70), (real, 20)]
    assert stages("flow@0.2-pretrained-equal") == [(synthetic, 10), (real, 10)]
    assert stages("plain-flow@0.2-pretrained") == [(synthetic, 10), (real, 10)]


def test_arms_of_the_recipe_stop_early_and_plain_ones_do_not(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, ObjectiveOptions] = {}
    place = TrainingSubset(0, 1.0, corpus.path)

    def fit(
        _kind: str, model: torch.nn.Module, _clips: Clips, _loop: LoopConfig, options: ObjectiveOptions, **_: object
    ):
        seen[name] = options
        return None, model

    monkeypatch.setattr(fitting, "fit", fit)
    task = TrialTask((), (), tmp_path, 2, 8)
    for name in ("real", "time-stretch", "plain-real-longer", "plain-specaugment"):
        trial = Trial(parse_arm(name, 1.0), STUDENT, place, 0)
        task._train(trial, corpus, corpus.fold(0), task._stages(trial, corpus, corpus.fold(0)))
    assert {name: options.stop_early for name, options in seen.items()} == {
        "real": True, "time-stretch": True, "plain-real-longer": False, "plain-specaugment": False
    }  # fmt: skip
    assert [name for name, options in seen.items() if options.augment is None] == ["plain-real-longer"]


def test_the_reference_again_has_other_weights(corpus: Corpus, tmp_path: Path) -> None:
    place = TrainingSubset(0, 1.0, corpus.path)
    names = ("real", "real-again", "null")
    trials = tuple(Trial(parse_arm(name, 1.0), STUDENT, place, 0) for name in names)
    task = TrialTask(trials, (), tmp_path, 1, 8)
    task(0, 3)
    predictions = [read_trial(task, trial).prediction for trial in trials]
    assert len(set(predictions)) == 3


def test_a_seed_is_trained_on_the_clips_of_its_generator_run() -> None:
    task, place = TrialTask((), (), Path(), 2, 8, generator_runs=3), TrainingSubset(0, 1.0, Path())
    assert [task.trial(parse_arm("flow", 1.0), place, seed).run for seed in range(5)] == [0, 1, 2, 0, 1]
    assert {task.trial(parse_arm(name, 1.0), place, 2).run for name in ("real", "null", "time-stretch")} == {0}
    assert task.trial(parse_arm("flow", 1.0), place, 4).name == "student-flow-f0-s4-r1"
