from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tests.material import LEAN, sha

from affetti.corpus import Corpus
from affetti.errors import StorageError, UsageError
from affetti.inference import generation as generating
from affetti.inference.emotions import choose_emotions
from affetti.inference.generation import GenerationSettings, generate_corpus
from affetti.training import run as runs
from affetti.training.train import TrainSettings, train_run


@pytest.mark.parametrize("kind", ["flow", "gan"])
def test_generated_clips_are_a_corpus_with_provenance(
    made: Callable[..., Path], run_of: Callable[[str], Path], kind: str
) -> None:
    corpus, trained = Corpus.open(made(kind)), runs.load(run_of(kind))
    assert len(corpus) == 24
    assert corpus.synthetic
    assert corpus.clips["synthetic"].all()
    assert (corpus.clips["fold"] == -1).all()
    assert corpus.front_end == trained.front_end
    provenance = corpus.meta["provenance"]
    assert provenance["weights_sha256"] == sha(run_of(kind) / "model.safetensors")
    assert set(provenance["training_songs"]) == trained.songs
    assert (provenance["generator"], provenance["fold"], provenance["seed"]) == (kind, 0, 0)
    assert corpus.meta["licence"] == trained.meta.corpus.licence
    mel = corpus.mel.astype(np.float32)
    assert np.isfinite(mel).all()
    assert (mel.max(axis=(1, 2)) - mel.min(axis=(1, 2)) <= trained.front_end.top_db + 0.1).all()
    assert not (made(kind) / ".work").exists()
    conditions = torch.tensor(choose_emotions("matched", 24, trained.training_conditions, 0), dtype=torch.float32)
    np.testing.assert_allclose(corpus.labels, conditions[:, :2], atol=1e-6)
    expected = trained.generator.sample(conditions, 0).numpy()
    kept = np.maximum(expected, expected.max(axis=(1, 2), keepdims=True) - 80)
    np.testing.assert_allclose(mel, kept, atol=0.05)


def test_batches_of_any_size_make_the_same_clips(
    tmp_path: Path, made: Callable[..., Path], run_of: Callable[[str], Path]
) -> None:
    other = generate_corpus(run_of("flow"), 24, tmp_path / "other", GenerationSettings("matched", batch_size=7))
    first = Corpus.open(made("flow")).mel.astype(np.float32)
    assert np.abs(other.mel.astype(np.float32) - first).max() < 0.05
    more = generate_corpus(run_of("flow"), 30, tmp_path / "more", GenerationSettings("matched", seed=1))
    assert np.abs(more.mel[:24].astype(np.float32) - first).max() > 1


def test_interrupted_generation_resumes_to_the_same_bytes(
    tmp_path: Path, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generating, "SHARD_CLIPS", 8)
    model = run_of("flow")
    whole = generate_corpus(model, 30, tmp_path / "whole", GenerationSettings(seed=3, batch_size=4))
    call = generating.GenerateTask.__call__
    begun: list[int] = []

    def stop(self: generating.GenerateTask, start: int, end: int) -> None:
        begun.append(start)
        if start == 16 and begun.count(16) == 1:
            raise KeyboardInterrupt
        call(self, start, end)

    monkeypatch.setattr(generating.GenerateTask, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        generate_corpus(model, 30, tmp_path / "cut", GenerationSettings(seed=3, batch_size=4))
    with pytest.raises(StorageError):
        Corpus.open(tmp_path / "cut")
    with pytest.raises(StorageError, match="unfinished work of another command"):
        generate_corpus(model, 30, tmp_path / "cut", GenerationSettings(seed=4, batch_size=4))
    cut = generate_corpus(model, 30, tmp_path / "cut", GenerationSettings(seed=3, batch_size=4))
    assert begun == [0, 8, 16, 16, 24]
    assert sha(cut.path / "mel.npy") == sha(whole.path / "mel.npy")
    assert cut.hash == whole.hash
    generate_corpus(model, 30, tmp_path / "cut", GenerationSettings(seed=3, batch_size=4))
    assert begun == [0, 8, 16, 16, 24], "finished work is not done again"


def test_audio_is_written_on_request(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    corpus = generate_corpus(run_of("flow"), 2, tmp_path / "made", GenerationSettings(with_audio=True))
    files = sorted((corpus.path / "audio").iterdir())
    assert [file.name for file in files] == ["flow-000000.flac", "flow-000001.flac"]
    for file in files:
        samples, rate = soundfile.read(file)
        assert rate == 22_050
        assert len(samples) / rate == pytest.approx(5.9, abs=0.1)
        assert np.abs(samples).max() > 1e-3


def test_a_run_trained_again_in_the_same_folder_is_loaded_again(tmp_path: Path, corpus: Corpus) -> None:
    hashes = []
    for seed in (0, 1):
        out = tmp_path / f"kept-{seed}"
        train_run(
            "flow", corpus, 0, tmp_path / "run", TrainSettings(steps=2, batch_size=4, seed=seed, model=LEAN["flow"])
        )
        hashes.append(generate_corpus(tmp_path / "run", 2, out).meta["provenance"]["weights_sha256"])
        (tmp_path / "run").rename(tmp_path / f"run-{seed}")
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"n": 0}, "--n: 0 clips"),
        ({"n": -4}, "--n: -4 clips"),
        ({"n": 10**9}, "give a number from 1 to"),
        ({"batch_size": 0}, "--batch-size: a batch of 0"),
        ({"emotions": "hapy"}, "Did you mean happy"),
        ({"device": "gpu"}, "unknown device"),
    ],
)
def test_invalid_settings_are_refused(
    tmp_path: Path, run_of: Callable[[str], Path], options: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=f"(?i){says}"):
        n = options.get("n", 4)
        settings = GenerationSettings(**{name: value for name, value in options.items() if name != "n"})
        generate_corpus(run_of("flow"), n, tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()


def test_a_regressor_and_a_folder_in_use_are_refused(
    tmp_path: Path, run_of: Callable[[str], Path], made: Callable[..., Path]
) -> None:
    with pytest.raises(UsageError, match="a student does not generate"):
        generate_corpus(run_of("student"), 4, tmp_path / "out")
    with pytest.raises(StorageError, match="holds another corpus"):
        generate_corpus(run_of("flow"), 5, made("flow"))
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(StorageError, match="is not an affetti corpus"):
        generate_corpus(run_of("flow"), 4, tmp_path)
