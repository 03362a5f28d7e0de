from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affetti.corpus import Corpus
from affetti.corpus.writer import CorpusWriter, MelTask
from affetti.errors import StorageError
from affetti.execution import LocalExecutor
from affetti.presets import FrontEnd

META = {"source": "made up", "licence": "CC0", "label_scale": "-1..1", "label_audit": [], "notes": [], "skipped": []}


@dataclass(frozen=True)
class Constant(MelTask):
    """Clips whose log-mel is their row number."""

    shape: tuple[int, int]

    def __call__(self, start: int, stop: int) -> None:
        rows = np.arange(start, stop, dtype=np.float16)[:, None, None]
        self.save(start, stop, np.broadcast_to(rows, (stop - start, *self.shape)).copy())


def write(writer: CorpusWriter, make_clips: Callable[..., pd.DataFrame]) -> Corpus:
    task = Constant(writer.out, writer.front.shape)
    LocalExecutor().map_ranges(task, 6, 4)
    keep = np.array([True, False, True, True, False, True])
    writer.join_shards(task.shards(6, 4), keep)
    return writer.finish(make_clips(4), META)


def test_a_corpus_is_written_from_shards_and_opened_again(
    front: FrontEnd, tmp_path: Path, make_clips: Callable[..., pd.DataFrame]
) -> None:
    writer = CorpusWriter(tmp_path / "c", front, "six clips")
    assert not writer.finished()
    writer.reserve()
    corpus = write(writer, make_clips)
    assert corpus.mel[:, 0, 0].tolist() == [0, 2, 3, 5]
    assert sorted(path.name for path in writer.out.iterdir()) == ["clips.parquet", "corpus.json", "mel.npy"]
    assert writer.finished()
    assert not CorpusWriter(tmp_path / "c", front, "seven clips").finished()


def test_a_folder_of_other_work_is_refused(
    front: FrontEnd, tmp_path: Path, make_clips: Callable[..., pd.DataFrame]
) -> None:
    writer = CorpusWriter(tmp_path / "c", front, "six clips")
    writer.reserve()
    writer.reserve()  # the same work continues
    other = CorpusWriter(tmp_path / "c", front, "seven clips")
    with pytest.raises(StorageError, match="unfinished work of another command"):
        other.reserve()
    write(writer, make_clips)
    with pytest.raises(StorageError, match="holds another corpus"):
        other.reserve()
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").touch()
    with pytest.raises(StorageError, match="not an affetti corpus"):
        CorpusWriter(tmp_path / "letters", front, "six clips").reserve()


def test_abandoned_work_leaves_no_folder(front: FrontEnd, tmp_path: Path) -> None:
    writer = CorpusWriter(tmp_path / "c", front, "six clips")
    writer.reserve()
    writer.abandon()
    assert not writer.out.exists()


def test_shards_are_joined_as_numpy_would_save_them(front: FrontEnd, tmp_path: Path) -> None:
    writer = CorpusWriter(tmp_path / "c", front, "six clips")
    mels = [np.random.default_rng(n).normal(size=(n, *front.shape)).astype(np.float16) for n in (3, 0, 2)]
    shards = [tmp_path / f"{i}.npy" for i in range(3)]
    for path, mel in zip(shards, mels, strict=True):
        np.save(path, mel)
    keep = np.array([True, False, True, True, False])
    joined = writer.join_shards(shards, keep)
    np.save(tmp_path / "expected.npy", np.concatenate(mels)[keep])
    assert joined.read_bytes() == (tmp_path / "expected.npy").read_bytes()
    joined.unlink()
    shards[2].write_bytes(shards[2].read_bytes()[:200])
    with pytest.raises(StorageError, match=r"2.npy: missing or cut short"):
        writer.join_shards(shards, keep)
    assert not joined.exists()
