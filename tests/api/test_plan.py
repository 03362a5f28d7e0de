from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from affetti import api
from affetti.corpus import Corpus
from affetti.training.cost import TrainingCost
from affetti.training.registry import FAMILIES, make

Affetti = Callable[..., Any]


@pytest.fixture
def plans(corpus: Corpus, run_of: Callable[[str], Path]) -> dict[str, list[object]]:
    lean = ["--set", "widths=16,32", "embedding=32"]
    return {
        "demo": [],
        "prepare": ["composed", "--clips", 16],
        "train": ["flow", "--corpus", corpus.path, "--steps", 30, *lean],
        "generate": ["--model", run_of("flow"), "--n", 50],
        "compare": ["--corpus", corpus.path, "--models", run_of("flow"), "--seeds", 1, "--steps", 2],
    }


@pytest.mark.parametrize("verb", ["demo", "prepare", "train", "generate", "compare"])
def test_a_plan_says_how_much_and_how_long_and_writes_nothing(
    affetti: Affetti,
    plans: dict[str, list[object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    requested = (verb, *plans[verb], "--out", tmp_path / "out", "--dry-run")
    ran = affetti(*requested, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["plan"].startswith("would ")
    assert str(tmp_path / "out") in document["plan"]
    assert document["seconds"] >= 0
    assert document["bytes"] > 0
    assert list(document)[:2] == ["verb", "dry_run"]
    assert list(document)[-3:] == ["bytes", "seconds", "plan"]
    assert not list(tmp_path.iterdir())


def test_a_plan_refuses_what_the_work_would(
    affetti: Affetti, corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "out", "--dry-run")
    for requested, says in (
        (("train", "flow", "--corpus", corpus.path, "--fold", 7, *out), "there is no fold 7"),
        (("train", "flow", "--corpus", corpus.path, "--steps", 0, *out), "--steps: 0"),
        (("train", "student", "--corpus", corpus.path, "--batch-size", 9999, *out), "fewer than one batch"),
        (("generate", "--model", run_of("student"), "--n", 3, *out), "a student does not generate"),
    ):
        ran = affetti(*requested)
        assert ran.code == 2, says
        assert says in ran.complaint
    assert not (tmp_path / "out").exists()


def test_a_plan_of_training_sizes_and_times_the_network_of_the_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.prepare.run("composed", tmp_path / "corpus", preset="paper", clips=12, folds=2, workers=1)
    opened = Corpus.open(tmp_path / "corpus")
    timed: list[int] = []

    def measure(_kind: str, make: Callable[[], nn.Module], *_others: object) -> TrainingCost:
        timed.append(sum(value.numel() for value in make().parameters()))
        return TrainingCost(1.0, 0.5, make())

    monkeypatch.setattr(api.train, "measure_training", measure)
    plan = api.train.plan("flow", opened.path, tmp_path / "run", steps=10, batch_size=2)
    _, fields = api.train.fitting.training_clips(opened, opened.fold(0).train, "hashed")
    settings = FAMILIES["flow"].settings_at("paper")
    assert settings
    parameters = sum(value.numel() for value in make("flow", opened.front_end.shape, settings, fields).parameters())
    assert timed == [parameters]
    assert plan.bytes == 4 * 9 * parameters
    assert plan.seconds == 6.0
    assert not (tmp_path / "run").exists()
