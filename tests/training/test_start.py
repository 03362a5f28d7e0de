from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.material import composed, write_corpus

from affetti.corpus import Corpus
from affetti.errors import MismatchError, UsageError
from affetti.presets import FRONT_ENDS
from affetti.training import run as runs
from affetti.training.registry import make
from affetti.training.start import start_from
from affetti.training.train import TrainSettings, prepare_run, train_run
from affetti.weights import SHIPPED


@pytest.fixture
def rated(tmp_path: Path) -> Corpus:
    return write_corpus(tmp_path / "rated")


def test_a_student_starts_from_the_shipped_weights_and_says_so(rated: Corpus) -> None:
    prepared = prepare_run("student", rated, 0, TrainSettings(steps=2, batch_size=4, init=Path(SHIPPED)))
    expected = runs.load(SHIPPED)
    for name, value in expected.model.state_dict().items():
        assert torch.equal(prepared.model.state_dict()[name], value), name
    assert prepared.settings["init"] == SHIPPED
    assert prepared.settings["init_weights"] == expected.meta.weights_sha256
    assert prepare_run("student", rated, 0, TrainSettings(steps=2, batch_size=4)).settings["init"] is None


def test_the_first_weights_decide_the_run(rated: Corpus, tmp_path: Path) -> None:
    settings = TrainSettings(steps=2, batch_size=4, augment="none")
    train_run("student", rated, 0, tmp_path / "random", settings)
    started = TrainSettings(steps=2, batch_size=4, augment="none", init=Path(SHIPPED))
    train_run("student", rated, 0, tmp_path / "started", started)
    first, second = (runs.load(tmp_path / name).model.state_dict() for name in ("random", "started"))
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_a_run_of_one_s_own_can_be_started_from(rated: Corpus, tmp_path: Path) -> None:
    train_run("student", rated, 0, tmp_path / "first", TrainSettings(steps=2, batch_size=4))
    other = write_corpus(tmp_path / "other", songs=14, song_id=[f"other{i // 2}" for i in range(28)])
    prepared = prepare_run("student", other, 0, TrainSettings(steps=2, batch_size=4, init=tmp_path / "first"))
    assert prepared.settings["init_weights"] == runs.load(tmp_path / "first").meta.weights_sha256


def test_songs_it_was_trained_on_are_refused(rated: Corpus, tmp_path: Path) -> None:
    train_run("student", rated, 0, tmp_path / "first", TrainSettings(steps=2, batch_size=4))
    with pytest.raises(MismatchError):
        prepare_run("student", rated, 1, TrainSettings(steps=2, batch_size=4, init=tmp_path / "first"))


def test_composed_corpora_are_refused() -> None:
    corpus = Corpus.open(composed())
    with pytest.raises(MismatchError, match="composed by the same rules"):
        prepare_run("student", corpus, 0, TrainSettings(steps=2, batch_size=4, init=Path(SHIPPED)))


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("vit", {}, "a run of student, not of vit"),
        ("baseline", {}, "a baseline does not start from a run"),
        ("flow", {}, "a flow does not start from a run"),
        ("student", {"width": 8}, "has other sizes"),
    ],
)
def test_what_does_not_fit_is_refused(rated: Corpus, kind: str, settings: dict[str, int], message: str) -> None:
    model = make(kind, rated.front_end.shape, settings)
    with pytest.raises(UsageError, match=message):
        start_from(model, kind, Path(SHIPPED), rated, [])


def test_another_front_end_is_refused(tmp_path: Path) -> None:
    front = replace(FRONT_ENDS["tiny"], n_mels=48)
    corpus = write_corpus(tmp_path / "other", front=front)
    with pytest.raises(MismatchError, match="Prepare the corpus with --front-end tiny"):
        start_from(make("student", front.shape, {}), "student", Path(SHIPPED), corpus, [])


def test_damaged_weights_are_refused(rated: Corpus, tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    shutil.copytree(run_of("student"), tmp_path / "copy")
    weights = tmp_path / "copy" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(MismatchError, match="weights are not those"):
        start_from(make("student", rated.front_end.shape, {}), "student", tmp_path / "copy", rated, [])
