"""A small corpus and models trained on it, made once for all the tests that need them."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from affetti import api
from affetti.corpus import Corpus, store
from affetti.presets import FRONT_ENDS, FrontEnd
from affetti.training.registry import FAMILIES, Budget

torch.set_num_threads(1)  # threads wait for each other on a busy machine

LEAN: dict[str, dict[str, Any]] = {
    "flow": {"widths": [16, 32], "embedding": 32, "components": 8, "steps": 4},
    "gan": {"width": 32, "embedding": 32, "discriminator_width": 16},
    "vit": {"width": 16, "layers": 2, "heads": 2},
    "student": {"width": 8},
    "baseline": {},
}
"""Settings of models that train in a moment."""


Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """A value that may be None elsewhere and must not be None here."""
    assert value is not None
    return value


def flags(kind: str) -> list[str]:
    """Those settings as ``--set`` takes them."""
    listed = {key: ",".join(map(str, it)) if isinstance(it, list) else it for key, it in LEAN[kind].items()}
    return [f"{key}={value}" for key, value in listed.items()]


@cache
def root() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="affetti-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def composed() -> Path:
    """160 clips of 20 songs in two folds of ten."""
    api.prepare.run("composed", root() / "corpus", clips=160, folds=2, workers=1)
    return root() / "corpus"


@cache
def trained(kind: str) -> Path:
    """A run of 24 steps on fold 0."""
    api.train.run(kind, composed(), root() / kind, steps=24, batch_size=8, settings=LEAN[kind])
    return root() / kind


@cache
def generated(kind: str = "flow") -> Path:
    """24 clips of the run's generator."""
    api.generate.run(trained(kind), 24, root() / f"made-{kind}", emotions="matched", workers=1)
    return root() / f"made-{kind}"


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return Corpus.open(composed())


@pytest.fixture(scope="session")
def run_of() -> Callable[[str], Path]:
    """``run_of("flow")``: a trained run; not to be altered."""
    return trained


@pytest.fixture(scope="session")
def made() -> Callable[..., Path]:
    """``made("flow")``: a synthetic corpus; not to be altered."""
    return generated


def shorten(monkeypatch: pytest.MonkeyPatch, kind: str, budget: Budget) -> None:
    """Train models of a family by ``budget`` and with the settings of :data:`LEAN`, at the preset tiny."""
    entry = replace(FAMILIES[kind], budgets={"tiny": budget, "full": budget}, settings={"tiny": LEAN[kind]})
    monkeypatch.setitem(FAMILIES, kind, entry)


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stir(model: nn.Module, seed: int = 0, size: float = 0.1) -> nn.Module:
    """Move every weight a little: what starts at zero no longer hides what comes after it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            weights += size * torch.randn(weights.shape, generator=generator)
    return model


def mels(count: int, shape: tuple[int, int], seed: int = 0) -> torch.Tensor:
    """Made-up log-mels in dB: bands of different level, tied in time and frequency."""
    rng = np.random.default_rng(seed)
    rough = rng.normal(size=(count, *shape)).cumsum(axis=2) * 0.6 + rng.normal(size=(count, shape[0], 1)) * 4
    return torch.from_numpy(np.linspace(-20, -60, shape[0])[None, :, None] + rough).float()


def write_corpus(
    path: Path,
    songs: int = 12,
    each: int = 2,
    front: FrontEnd = FRONT_ENDS["tiny"],
    preset: str = "tiny",
    labels: NDArray[np.float64] | None = None,
    **columns: Any,
) -> Corpus:
    """A corpus of made-up log-mels, whose level follows arousal; two folds."""
    count = songs * each
    song = np.repeat(np.arange(songs), each)
    rng = np.random.default_rng(songs)
    labels = rng.uniform(-0.9, 0.9, (count, 2)) if labels is None else labels
    base: dict[str, Any] = {
        "clip_id": [f"clip{i}" for i in range(count)],
        "song_id": [f"song{i}" for i in song],
        **dict.fromkeys(("artist", "genre", "mode", "section", "instruments", "lyrics", "source_path", "sha256"), ""),
        "fold": song % 2,
        "valence": labels[:, 0],
        "arousal": labels[:, 1],
        "valence_std": 0.2,
        "arousal_std": 0.2,
        "raters": 5,
        "start": 0.0,
        "duration": front.seconds,
        "synthetic": False,
    }
    mel = mels(count, front.shape, songs).numpy() + 10 * labels[:, 1, None, None]
    path.mkdir(parents=True)
    np.save(path / "staged.npy", mel.astype(np.float16))
    meta = {"source": "made up", "licence": "CC0", "label_scale": "-1..1", "notes": [], "skipped": []}
    meta |= {"preset": preset, "provenance": None, "splits_hash": "x", "folds": 2}
    return store.write(path, pd.DataFrame(base | columns), path / "staged.npy", front, meta)


def write_rated_corpus(path: Path, songs: int = 12, each: int = 4) -> Corpus:
    """A corpus whose songs' valence and arousal move from window to window, but for the first, which has no ratings."""
    write_corpus(path, songs, each, start=np.tile(np.arange(each) * 6.0, songs))
    times = np.arange(6.0, 6.0 * each, 0.5)
    valence = np.arange(songs)[:, None] * 0.05 - 0.5 + 0.04 * (times // 6)
    table = {"song_id": np.repeat([f"song{i}" for i in range(songs)], len(times)), "time": np.tile(times, songs)}
    table |= {"valence": valence.ravel(), "arousal": -valence.ravel()}
    pd.DataFrame(table).to_parquet(path / "dynamic.parquet")
    return Corpus.open(path)
