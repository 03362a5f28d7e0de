from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.material import LEAN, sha

from affetti.corpus import Corpus, splits
from affetti.errors import AffettiError, MismatchError, StorageError, UsageError
from affetti.training import run as runs
from affetti.training.train import TrainSettings, train_run


@pytest.fixture
def copy(run_of: Callable[[str], Path], tmp_path: Path) -> Path:
    shutil.copytree(run_of("student"), tmp_path / "run")
    return tmp_path / "run"


def change(path: Path, **values: Any) -> None:
    document = json.loads(path.read_text())
    document.update(values)
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not ...}))


@pytest.mark.parametrize("kind", ["flow", "gan", "student", "baseline"])
def test_a_run_is_loaded_completely(run_of: Callable[[str], Path], corpus: Corpus, kind: str) -> None:
    trained = runs.load(run_of(kind))
    part = splits.fold(corpus.clips, 0)
    assert trained.kind == kind
    assert trained.front_end == corpus.front_end
    assert trained.songs == set(corpus.songs[part.train])
    assert trained.meta.fold == 0
    assert trained.meta.weights_sha256 == sha(run_of(kind) / "model.safetensors")
    np.testing.assert_array_equal(trained.training_labels, corpus.labels[part.train])
    assert not trained.model.training
    assert trained.device == torch.device("cpu")
    assert not trained.songs & set(corpus.songs[part.test])
    assert not trained.songs & set(corpus.songs[part.validation])


def test_it_refuses_songs_it_was_trained_on(run_of: Callable[[str], Path], corpus: Corpus) -> None:
    trained = runs.load(run_of("flow"))
    part = splits.fold(corpus.clips, 0)
    trained.require_unseen(corpus.songs[part.test])
    with pytest.raises(MismatchError, match=r"was trained on 1 of the test songs \(first: "):
        trained.require_unseen(np.append(corpus.songs[part.test], corpus.songs[part.train[0]]))


def test_settings_are_checked() -> None:
    for kind, settings in LEAN.items():
        assert runs.make(kind, (64, 128), settings) is not None
    with pytest.raises(UsageError, match=r"unknown setting 'widht'\. Did you mean width"):
        runs.make("flow", (64, 128), {"widht": 8})
    with pytest.raises(UsageError, match="width 100 is invalid"):
        runs.make("gan", (64, 128), {"width": 100})
    with pytest.raises(UsageError, match="unknown setting 'width'"):
        runs.make("baseline", (64, 128), {"width": 8})
    with pytest.raises(UsageError, match=r"unknown model .lstm.\. Choose from gan"):
        runs.make("lstm", (64, 128), {})


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def tampered(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-50] ^= 1
    path.write_bytes(content)


def test_a_flow_from_before_quantiles_opens_with_its_own_normaliser(corpus: Corpus, tmp_path: Path) -> None:
    settings = TrainSettings(steps=2, batch_size=4, model=LEAN["flow"] | {"normaliser": "bands"})
    train_run("flow", corpus, 0, tmp_path / "run", settings)
    condition = torch.tensor([[0.5, -0.5]])
    expected = runs.load(tmp_path / "run").generator.sample(condition, 0)
    document = json.loads((tmp_path / "run/model.json").read_text())
    kept = {key: value for key, value in document["config"].items() if key not in ("normaliser", "rate")}
    assert len(kept) == len(document["config"]) - 2
    change(tmp_path / "run/model.json", config=kept)
    assert torch.equal(runs.load(tmp_path / "run").generator.sample(condition, 0), expected)


def test_a_run_of_version_0_1_opens(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    shutil.copytree(run_of("student"), tmp_path / "run")
    change(tmp_path / "run/model.json", interval_level=..., seed=..., dropped=3)
    trained = runs.load(tmp_path / "run")
    assert (trained.kind, trained.meta.seed, trained.meta.interval_level) == ("student", None, None)
    assert trained.songs == runs.load(run_of("student")).songs


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        (shutil.rmtree, StorageError, "no such folder"),
        (lambda run: (run / "model.json").unlink(), StorageError, "an unfinished run"),
        (lambda run: (run / "model.json").write_text("{"), StorageError, "not valid JSON"),
        (lambda run: (run / "model.json").write_text("[1]"), StorageError, "not a model of affetti"),
        (lambda run: change(run / "model.json", format="other"), StorageError, "not a model of affetti"),
        (lambda run: change(run / "model.json", version=1), MismatchError, "model format 1, this affetti reads 2"),
        (lambda run: change(run / "model.json", songs=...), StorageError, "'songs' is missing"),
        (lambda run: change(run / "model.json", config={"width": 16}), MismatchError, "do not fit the configuration"),
        (lambda run: change(run / "model.json", config={"heads": 2}), UsageError, "unknown setting 'heads'"),
        (lambda run: (run / "model.safetensors").unlink(), StorageError, "cut short"),
        (truncated, StorageError, "cut short"),
        (tampered, MismatchError, "not those model.json describes"),
    ],
)
def test_a_corrupted_run_is_refused_in_one_line(
    copy: Path, spoil: Callable[[Path], None], kind: type[AffettiError], says: str
) -> None:
    spoil(copy)
    with pytest.raises(kind, match=says) as caught:
        runs.load(copy)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert str(copy) in str(caught.value)
