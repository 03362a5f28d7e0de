"""A run cut in the middle equals the unbroken one, for the adversarial recipes that keep a state of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.material import LEAN, sha

from affetti import api
from affetti.corpus import Corpus
from affetti.training.clips import Clips
from affetti.training.train import TrainSettings, train_run

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "published": ("gan", {"recipe": "published", "embedding": 16}),
    "spectral": ("gan", {"regularizer": "spectral", "width": 8, "discriminator_width": 8, "embedding": 16}),
    "waveform": (
        "waveform",
        {
            "width": 8,
            "discriminator_width": 4,
            "embedding": 16,
            "window": 4096,
            "fade_samples": 512,
            "penalty_every": 2,
        },
    ),
    "vocoded": ("vocoded", LEAN["flow"] | {"head_width": 8, "head_blocks": 1, "iterations": 1}),
}


@pytest.fixture(scope="module")
def with_audio(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("with_audio") / "corpus"
    api.prepare.run("composed", folder, clips=32, folds=2, workers=1, keep_audio=True)
    return Corpus.open(folder)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_run_cut_in_the_middle_equals_the_unbroken_one(
    tmp_path: Path, with_audio: Corpus, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind, settings = SETTINGS[name]
    options: dict[str, Any] = {"steps": 5, "batch_size": 4, "checkpoint_every": 2, "model": settings}
    train_run(kind, with_audio, 0, tmp_path / "whole", TrainSettings(**options))
    batch = Clips.batch

    def fail(self: Clips, size: int, seed: int, step: int) -> Any:
        if step == 3:
            raise OSError("power cut")
        return batch(self, size, seed, step)

    monkeypatch.setattr(Clips, "batch", fail)
    with pytest.raises(OSError, match="power cut"):
        train_run(kind, with_audio, 0, tmp_path / "cut", TrainSettings(**options))
    monkeypatch.undo()
    train_run(kind, with_audio, 0, tmp_path / "cut", TrainSettings(**options))
    assert sha(tmp_path / "cut/model.safetensors") == sha(tmp_path / "whole/model.safetensors")
