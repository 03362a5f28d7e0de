from __future__ import annotations

import logging
import shutil
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.embedders.sets import recordings, with_audio
from tests.material import mels

from affetti.embedders import cache
from affetti.embedders.base import Embedder, FunctionEmbedder
from affetti.embedders.cache import CLIPS_PER_FILE, cache_folder, embed
from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.embedders.statistics import STATISTICS, embed_statistics
from affetti.presets import front_end

SHAPE = (16, 32)


@dataclass
class Counting:
    """The mean of each band, and the number of clips it was called with."""

    clips: int = 0
    fail_at: int = -1
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        if self.clips == self.fail_at:
            raise KeyboardInterrupt
        self.clips += len(batch)
        self.shapes.append(tuple(batch.shape))
        return batch.reshape(len(batch), 16, -1).mean(dim=2)


def counting(version: str = "1", **settings: object) -> tuple[Counting, FunctionEmbedder]:
    counter = Counting()
    return counter, FunctionEmbedder("counting", version, counter, **settings)  # type: ignore[arg-type]


@pytest.fixture
def clips() -> ClipSet:
    mel = mels(CLIPS_PER_FILE + 9, SHAPE).half().numpy()
    return ClipSet("set", mel, np.array([f"s{i}" for i in range(len(mel))]))


def saved(kept: Path) -> list[Path]:
    return sorted(path for path in kept.rglob("*") if path.is_file())


def test_features_are_extracted_once(clips: ClipSet, kept: Path) -> None:
    counter, embedder = counting()
    reported: list[tuple[str, int, int]] = []
    first = embed(clips, embedder, stage="x", progress=lambda *state: reported.append(state))
    np.testing.assert_allclose(first, clips.mel.astype(float).mean(axis=2), rtol=1e-5)
    assert reported == [("x", CLIPS_PER_FILE, CLIPS_PER_FILE + 9), ("x", CLIPS_PER_FILE + 9, CLIPS_PER_FILE + 9)]
    assert counter.clips == len(clips)
    np.testing.assert_array_equal(embed(clips, embedder), first)
    assert counter.clips == len(clips)
    assert [np.load(path).dtype for path in saved(kept)] == [np.float32, np.float32]
    assert np.concatenate([np.load(path) for path in saved(kept)]).shape == first.shape


def test_the_default_features_are_the_same_from_the_cache(clips: ClipSet) -> None:
    expected = embed_statistics(clips.mel)
    np.testing.assert_array_equal(embed(clips, STATISTICS), expected)
    np.testing.assert_array_equal(embed(clips, STATISTICS), expected)


def test_the_key_covers_everything_the_numbers_depend_on(clips: ClipSet, tmp_path: Path) -> None:
    _, embedder = counting()
    changed = clips.mel.copy()
    changed[-1, -1, -1] += 1
    recorded = open_clip_set(recordings(tmp_path / "a"), front=front_end("tiny"))
    _, listener = counting(sample_rate=8_000)
    others: list[tuple[ClipSet, Embedder]] = [
        (clips, embedder),
        (clips, counting("2")[1]),
        (replace(clips, mel=changed), embedder),
        (replace(clips, mel=clips.mel[::-1]), embedder),
        (replace(clips, mel=clips.mel.reshape(len(clips), 32, 16)), embedder),
        (replace(clips, front_end=front_end("tiny")), embedder),
        (recorded, listener),
        (recorded, embedder),
        (replace(recorded, front_end=front_end("paper")), listener),
        (open_clip_set(recordings(tmp_path / "b", first=1), front=front_end("tiny")), listener),
    ]
    keys = [cache.cache_key(*pair) for pair in others]
    assert len(set(keys)) == len(keys)
    shutil.move(tmp_path / "a", tmp_path / "moved")
    assert cache.cache_key(open_clip_set(tmp_path / "moved", front=front_end("tiny")), listener) == keys[6]
    assert cache.cache_key(replace(clips, name="renamed", mel=clips.mel.copy()), embedder) == keys[0]


def test_a_clip_that_is_replaced_is_embedded_again(tmp_path: Path) -> None:
    clips = with_audio(tmp_path / "corpus")
    counter, embedder = counting(sample_rate=16_000)
    assert clips.files is not None
    embedder = replace(embedder, function=lambda sound: counter(sound[:, :16_000]))
    before = embed(clips, embedder)
    shutil.copy(clips.files[0], clips.files[1])
    after = embed(open_clip_set(tmp_path / "corpus"), embedder)
    assert counter.clips == 2 * len(clips)
    np.testing.assert_array_equal(after[1], before[0])
    np.testing.assert_array_equal(after[[0, 2, 3]], before[[0, 2, 3]])


def short(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[: len(whole) // 2])


def unsealed(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[:-1])


def flipped(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])


def foreign(path: Path, _whole: bytes) -> None:
    np.save(path.with_suffix(""), np.zeros((CLIPS_PER_FILE, 16), np.float32))


def neighbour(path: Path, _whole: bytes) -> None:
    shutil.copy(max(path.parent.iterdir()), path)


def empty(path: Path, _whole: bytes) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [short, unsealed, flipped, foreign, neighbour, empty])
def test_a_corrupted_file_is_made_again(clips: ClipSet, kept: Path, spoil: Callable[[Path, bytes], None]) -> None:
    counter, embedder = counting()
    first = embed(clips, embedder)
    path = saved(kept)[0]
    whole = path.read_bytes()
    spoil(path, whole)
    assert path.read_bytes() != whole
    np.testing.assert_array_equal(embed(clips, embedder), first)
    assert counter.clips == len(clips) + CLIPS_PER_FILE
    assert path.read_bytes() == whole


def test_interrupted_work_resumes(clips: ClipSet) -> None:
    counter, embedder = counting()
    counter.fail_at = CLIPS_PER_FILE
    with pytest.raises(KeyboardInterrupt):
        embed(clips, embedder)
    counter.fail_at = -1
    features = embed(clips, embedder)
    assert counter.clips == len(clips)
    np.testing.assert_allclose(features, clips.mel.astype(float).mean(axis=2), rtol=1e-5)


def test_processes_may_write_the_same_file(clips: ClipSet, kept: Path) -> None:
    result: list[np.ndarray] = []
    work = [threading.Thread(target=lambda: result.append(embed(clips, counting()[1]))) for _ in range(6)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(result) == 6
    assert all(np.array_equal(it, result[0]) for it in result)
    assert len(saved(kept)) == 2


def test_without_a_writable_cache_the_work_continues(
    clips: ClipSet, kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (kept / "file").write_text("in the way")
    monkeypatch.setenv("AFFETTI_CACHE", str(kept / "file"))
    _, embedder = counting()
    with caplog.at_level(logging.WARNING):
        features = embed(clips, embedder)
    np.testing.assert_allclose(features, clips.mel.astype(float).mean(axis=2), rtol=1e-5)
    assert len(caplog.records) == 1
    assert "features are not kept" in caplog.text


def test_the_cache_folder_belongs_to_affetti(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFETTI_CACHE", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("AFFETTI_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "home/mine"
    monkeypatch.delenv("AFFETTI_CACHE")
    assert cache_folder() == tmp_path / "xdg/affetti"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / "home/.cache/affetti"


def test_nothing_is_written_beside_the_audio(tmp_path: Path, kept: Path) -> None:
    path = recordings(tmp_path / "songs")
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    _, embedder = counting(sample_rate=8_000)
    embedder = replace(embedder, function=lambda sound: sound[:, :4])
    embed(open_clip_set(path, front=front_end("tiny")), embedder)
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before
    assert len(saved(kept)) == 1


def test_memory_does_not_grow_with_the_set(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        mel = np.zeros((count, 64, 256), np.float16)
        mel[:, 0, 0] = 1
        np.save(tmp_path / f"{count}.npy", mel)
        clips = open_clip_set(tmp_path / f"{count}.npy")
        embedder = FunctionEmbedder("means", "1", lambda mel: mel.mean(dim=2))
        tracemalloc.start()
        embed(clips, embedder)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(CLIPS_PER_FILE)
    assert peak(10 * CLIPS_PER_FILE) < peak(2 * CLIPS_PER_FILE) + 3_000_000 < 10 * CLIPS_PER_FILE * 64 * 256 * 2
