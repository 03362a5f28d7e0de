from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.conftest import corpus, run_of

from affetti.corpus import Corpus
from affetti.models.sampling import Sampler
from affetti.training import own_clips
from affetti.training import run as runs
from affetti.training.own_clips import PairedClips, sample_own_clips

__all__ = ["corpus", "run_of"]


@pytest.fixture
def sampler(run_of: Callable[[str], Path], corpus: Corpus) -> Sampler:
    return Sampler(runs.load(run_of("flow")).generator, corpus.front_end, seed=3, sampling={"steps": 1, "guide": 0})


def test_own_clips_are_those_of_the_sampler_and_are_made_once(
    tmp_path: Path, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_clips, "CLIPS_PER_FILE", 3)
    conditions = torch.rand(7, 2)
    made = sample_own_clips(sampler, conditions, tmp_path)
    assert [len(part) for part in made] == [3, 3, 1]
    torch.testing.assert_close(
        torch.from_numpy(np.concatenate(made)).float(), sampler(conditions).mel, atol=0.1, rtol=0
    )
    first = tmp_path / "000000.npy"
    stamp = first.stat().st_mtime_ns
    for name, content in (("000003.npy", b"cut short"), ("000006.npy", b"")):
        (tmp_path / name).unlink()  # the file is mapped: its bytes must stay
        (tmp_path / name).write_bytes(content)
    again = sample_own_clips(sampler, conditions, tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))
    assert first.stat().st_mtime_ns == stamp
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.npy", "000003.npy", "000006.npy"]


def test_a_pair_is_a_clip_and_the_one_made_for_its_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_clips, "CLIPS_PER_FILE", 2)
    mel = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((6, 2, 2), dtype=np.float32)
    rows = np.array([5, 1, 2])
    own = (100 + mel[rows[:2]]).astype(np.float16), (100 + mel[rows[2:]]).astype(np.float16)
    pairs = PairedClips(mel, np.zeros((6, 2)), rows, own)
    batch, labels = pairs.batch(5, seed=0, step=0)
    assert tuple(batch.shape) == (5, 2, 2, 2)
    assert tuple(labels.shape) == (5, 2)
    assert torch.equal(batch[:, 1], batch[:, 0] + 100)
    assert set(batch[:, 0].flatten().tolist()) == {1.0, 2.0, 5.0}
