from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.material import write_corpus
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


def assert_both_refuse(run: Callable[[], object], plan: Callable[[], object]) -> str:
    """That a plan fails as the work does, with the same one line; returns it."""
    messages: list[str] = []
    for call in (plan, run):
        with pytest.raises(AffettiError) as caught:
            call()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "\n" not in messages[0]
    return messages[0]


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
def test_a_plan_of_training_fails_as_the_run_would(
    corpus: Corpus,
    run_of: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    flags: dict[str, Any],
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    given: dict[str, Any] = {"fold": 1}
    for name, value in flags.items():
        found = re.search(r"RUN (\w+)", str(value))
        given[name] = value if found is None else value.replace(found[0], str(run_of(found[1])))
    asked = (kind, corpus.path, tmp_path / "out")
    assert_both_refuse(lambda: api.train.run(*asked, **given), lambda: api.train.plan(*asked, **given))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("n", "flags", "says"),
    [
        (0, {}, "--n"),
        (4, {"emotions": "unifrom"}, "Did you mean uniform"),
        (4, {"emotions": "2,0"}, "valence"),
        (4, {"genre": "polka"}, "--genre"),
        (4, {"position": 2.0}, "--position"),
        (4, {"instruments": ["kazoo"]}, "--instruments"),
        (4, {"sampling": {"guidence": 2.0}}, "--sampling"),
        (4, {"sampling": {"guidance": -2.0}}, "guidance"),
        (4, {"batch_size": 0}, "--batch-size"),
        (4, {"vocoder": "nowhere/at-all"}, "nowhere"),
        (4, {"filter_by": "nowhere"}, "nowhere"),
        (4, {"device": "cuda"}, "--device"),
        (4, {"workers": 0}, "--workers"),
    ],
)
def test_a_plan_of_clips_fails_as_the_work_would(
    run_of: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n: int,
    flags: dict[str, Any],
    says: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asked = (run_of("flow"), n, tmp_path / "out")
    message = assert_both_refuse(lambda: api.generate.run(*asked, **flags), lambda: api.generate.plan(*asked, **flags))
    assert says in message
    assert not (tmp_path / "out").exists()


def test_a_filter_needs_the_corpus_of_the_generator(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    other = write_corpus(tmp_path / "other")
    asked = (run_of("flow"), 4, tmp_path / "out")
    message = assert_both_refuse(
        lambda: api.generate.run(*asked, filter_by=other.path), lambda: api.generate.plan(*asked, filter_by=other.path)
    )
    assert "not the corpus of this generator" in message
    assert not (tmp_path / "out").exists()


def test_a_plan_of_a_study_refuses_a_gpu_that_is_not_here(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asked = (corpus.path, tmp_path / "out")
    message = assert_both_refuse(
        lambda: api.compare.run(*asked, device="cuda"), lambda: api.compare.plan(*asked, device="cuda")
    )
    assert "no cuda device here" in message
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
