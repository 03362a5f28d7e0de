from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset

import affetti.corpus
from affetti.corpus import Corpus
from affetti.errors import UsageError


def test_open_is_by_path_and_clips_are_indexed(small_corpus: Corpus) -> None:
    corpus = affetti.corpus.open(small_corpus.path)
    assert len(corpus) == 6
    clip = corpus[2]
    assert clip.clip_id == "c2"
    assert clip.mel.dtype == np.float32
    np.testing.assert_array_equal(clip.mel, corpus.mel[2])
    assert (clip.valence, clip.arousal) == tuple(corpus.labels[2])
    assert clip.row["song_id"] == "s2"
    assert corpus[-1].clip_id == "c5"
    assert [it.clip_id for it in corpus] == [f"c{i}" for i in range(6)]
    for outside in (6, -7):
        with pytest.raises(IndexError, match=f"clip {outside} of 6"):
            corpus[outside]


def test_the_table_is_the_manifest_and_pandas_gets_a_copy(small_corpus: Corpus) -> None:
    assert small_corpus.table is small_corpus.clips
    own = small_corpus.to_pandas()
    own["valence"] = 0.0
    assert small_corpus.clips["valence"].abs().min() > 0


def test_another_process_gets_the_path_not_the_log_mels(small_corpus: Corpus) -> None:
    assert small_corpus.mel.shape[0] == 6  # opens the map
    sent = pickle.dumps(small_corpus)
    assert len(sent) < 1_000
    assert pickle.loads(sent).hash == small_corpus.hash  # noqa: S301 - our own bytes


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_every_clip_once(small_corpus: Corpus, workers: int) -> None:
    view = small_corpus.to_torch()
    seen: dict[str, torch.Tensor] = {}
    for batch in DataLoader(
        view, batch_size=4, num_workers=workers, multiprocessing_context="spawn" if workers else None
    ):
        for name, mel, emotion in zip(batch["clip_id"], batch["mel"], batch["emotion"], strict=True):
            seen[name] = mel
            row = int(name[1:])
            torch.testing.assert_close(emotion, torch.tensor(small_corpus.labels[row]).float())
    assert sorted(seen) == [f"c{i}" for i in range(6)]
    for name, mel in seen.items():
        np.testing.assert_array_equal(mel.numpy(), small_corpus.mel[int(name[1:])].astype(np.float32))


def test_rows_choose_and_order_the_clips(small_corpus: Corpus) -> None:
    view = small_corpus.to_torch(np.array([4, 1]))
    assert [item["clip_id"] for item in Subset(view, [0, 1])] == ["c4", "c1"]
    assert len(small_corpus.to_torch([])) == 0


@pytest.mark.parametrize("rows", [[6], [-1], [[0, 1]], [0.5]])
def test_rows_that_are_not_there_are_refused(small_corpus: Corpus, rows: list[object]) -> None:
    with pytest.raises(UsageError, match=r"(?i)rows"):
        small_corpus.to_torch(rows)  # type: ignore[arg-type]
