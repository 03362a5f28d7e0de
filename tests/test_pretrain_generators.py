"""The script of bench/ that pretrains generators, on a few windows and for a few updates."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from tests.material import LEAN, mels, present, write_corpus

from affetti.training import run as runs
from affetti.training.train import TrainSettings, train_run

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module")
def bench() -> Generator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield import_module("pretrain_generators")


@pytest.fixture(scope="module")
def windows(bench: ModuleType) -> object:
    """Two windows of each of forty songs."""
    songs = np.repeat(np.arange(40), 2)
    labels = np.random.default_rng(0).uniform(-0.9, 0.9, (len(songs), 2))
    mel = mels(len(songs), bench.FRONT.shape).numpy() + 10 * labels[:, 1, None, None]
    return bench.Windows(mel.astype(np.float16), labels, songs, np.zeros((0, 56)), np.zeros((0, 2)), songs[:0])


@pytest.fixture(scope="module")
def saved(bench: ModuleType, windows: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained")
    history, model = bench.pretrain("flow", windows, 4, folder / "work", LEAN["flow"])
    size = bench.save(folder / "out/flow", "flow", model, windows, 4, history)
    assert size == (folder / "out/flow/model.safetensors").stat().st_size
    return folder


def test_weights_are_filed_in_half_precision_with_hash_and_card(saved: Path) -> None:
    folder = saved / "out/flow"
    trained = runs.load(folder)
    assert trained.meta.corpus.source == "composed"
    assert trained.songs == set()
    weights = (folder / "model.safetensors").read_bytes()
    assert len(weights) < 2.5 * sum(value.numel() for value in trained.model.state_dict().values())
    card = (folder / "MODEL_CARD.md").read_text()
    assert hashlib.sha256(weights).hexdigest() in card
    assert "cc0-1.0" in card and "4 updates" in card
    assert all(value.dtype != torch.float16 for value in trained.model.state_dict().values())


def test_it_resumes_and_makes_the_same_weights(bench: ModuleType, windows: object, saved: Path, tmp_path: Path) -> None:
    history, model = bench.pretrain("flow", windows, 4, saved / "work", LEAN["flow"])
    bench.save(tmp_path / "flow", "flow", model, windows, 4, history)
    assert (tmp_path / "flow/model.json").read_bytes() == (saved / "out/flow/model.json").read_bytes()


def test_training_on_real_music_starts_from_them(saved: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "rated")
    settings = TrainSettings(steps=2, batch_size=4, init=saved / "out/flow")
    initial = present(train_run("flow", corpus, 0, tmp_path / "run", settings).initial_weights)
    assert initial.sources == ("composed",)
    assert initial.fields == ("emotion",)


def test_settings_are_given_by_kind(bench: ModuleType) -> None:
    given = ["flow.widths=64,128", "flow.patch=4", "gan.rate=5e-4"]
    assert bench.parse_settings(given) == {"flow": {"widths": [64, 128], "patch": 4}, "gan": {"rate": 5e-4}}
