from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import AffettiError
from affetti.training.cost import TrainingCost
from affetti.training.fit import training_clips
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


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("student", {"teacher": "nowhere"}),
        ("flow", {"teacher": "RUN student"}),
        ("student", {"teacher": "RUN vit"}),
        ("baseline", {"features": "statistic"}),
        ("baseline", {"features": "regressor:nowhere"}),
        ("baseline", {"features": "regressor:RUN flow"}),
        ("student", {"features": "statistics"}),
        ("flow", {"device": "cuda"}),
        ("flow", {"devices": 0}),
        ("flow", {"text": "nowhere/at-all"}),
        ("flow", {"settings": {"widht": 3}}),
        ("baseline", {"fold": 9}),
    ],
)
def test_a_plan_of_training_says_what_the_run_would(
    corpus: Corpus,
    run_of: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    flags: dict[str, Any],
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    given = {name: re.sub(r"RUN (\w+)", lambda found: str(run_of(found[1])), value) if isinstance(value, str) else value
             for name, value in flags.items()}  # fmt: skip
    messages: list[str] = []
    for verb in (api.train.plan, api.train.run):
        with pytest.raises(AffettiError) as caught:
            verb(kind, corpus.path, tmp_path / "out", **{"fold": 1, **given})
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "\n" not in messages[0]
    assert not (tmp_path / "out").exists()


def test_a_plan_counts_the_teacher_and_the_embedding(
    corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFETTI_CACHE", str(tmp_path / "cache"))
    taught = api.train.plan("student", corpus.path, tmp_path / "out", teacher=run_of("vit"), steps=2, batch_size=4)
    assert taught.steps == 2
    fitted = api.train.plan("baseline", corpus.path, tmp_path / "out", features=f"regressor:{run_of('student')}")
    assert fitted.n.train > 0
    assert not list(tmp_path.iterdir()), "a plan keeps no features"


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
    _, fields = training_clips(opened, opened.fold(0).train, "hashed")
    settings = FAMILIES["flow"].settings_at("paper")
    assert settings
    parameters = sum(value.numel() for value in make("flow", opened.front_end.shape, settings, fields).parameters())
    assert timed == [parameters]
    assert plan.bytes == 4 * 9 * parameters
    assert plan.seconds == 6.0
    assert not (tmp_path / "run").exists()
