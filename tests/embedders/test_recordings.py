from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import RATE, music
from tests.embedders.sets import TINY, recordings

from affetti.embedders import recordings as module
from affetti.embedders.clip_set import MAX_CLIPS, open_clip_set
from affetti.embedders.recordings import decode_folder
from affetti.errors import InputError, StorageError
from affetti.execution import LocalExecutor
from affetti.signal import audio
from affetti.signal.front_ends import spectrogram


def test_workers_decode_the_same(tmp_path: Path) -> None:
    folder = recordings(tmp_path / "set", 10)
    alone, together = decode_folder(folder, TINY), decode_folder(folder, TINY, executor=LocalExecutor(2))
    np.testing.assert_array_equal(alone.mel, together.mel)
    whole = audio.load(folder / "7.wav", RATE)
    start = (len(whole) - TINY.samples) // 2
    expected = spectrogram(TINY)(whole[start : start + TINY.samples]).numpy()
    np.testing.assert_allclose(alone.mel[7], expected, atol=0.05)


def test_a_file_that_cannot_be_used_is_left_out_and_named(tmp_path: Path) -> None:
    folder = recordings(tmp_path / "set", 3)
    (folder / "0a.wav").write_bytes(b"RIFF no sound")
    audio.save(folder / "1a.wav", music(9, 2.0), RATE)
    clips = open_clip_set(folder, front=TINY)
    assert clips.songs.tolist() == ["0.wav", "1.wav", "2.wav"]
    assert [Path(file["path"]).name for file in clips.left_out] == ["0a.wav", "1a.wav"]
    assert "2.0 s, shorter than a clip" in clips.left_out[1]["reason"]
    np.testing.assert_array_equal(clips.mel, decode_folder(recordings(tmp_path / "good", 3), TINY).mel)
    assert clips.clip_files()[1] == str(folder / "1.wav")


def test_hidden_files_are_not_scored(guarded: Path) -> None:
    folder = recordings(guarded / "set", 2)
    for place in (".Trash", ".ipynb_checkpoints", "__MACOSX", "closed"):
        shutil.copytree(recordings(guarded / f"of {place}", 1, 5), folder / place)
    shutil.copyfile(folder / "0.wav", folder / "._0.wav")
    (folder / "link").symlink_to(recordings(guarded / "elsewhere", 1, 7))
    (folder / "loop").symlink_to(folder)
    (folder / "closed").chmod(0)
    clips = open_clip_set(folder, front=TINY)
    assert clips.songs.tolist() == ["0.wav", "1.wav", "link/0.wav"]
    assert clips.left_out == ({"path": str(folder / "closed"), "reason": "cannot be read (Permission denied)"},)


def test_a_folder_without_usable_files_is_refused(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.wav").write_bytes(b"nothing")
    with pytest.raises(InputError, match="none of 3 files can be used, the first:"):
        decode_folder(tmp_path, TINY)


def test_temporary_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, space = recordings(tmp_path / "set", 2), tmp_path / "space"
    space.mkdir()
    monkeypatch.setattr(module.tempfile, "tempdir", str(space))
    clips = decode_folder(folder, TINY)
    assert clips.mel.shape == (2, *TINY.shape)
    del clips
    assert not list(space.iterdir())

    def full(*_arguments: object) -> None:
        raise StorageError("0.1 GB needed, 0.0 GB free")

    monkeypatch.setattr(module, "require_space", full)
    with pytest.raises(StorageError, match="needed"):
        decode_folder(folder, TINY)


def test_a_million_clips_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.npy"
    np.lib.format.open_memmap(path, "w+", np.float16, (1_000_000, 64, 128))  # sparse: no byte is written
    with pytest.raises(InputError, match="1,000,000 clips are too many to score at once"):
        open_clip_set(path)
    assert MAX_CLIPS < 1_000_000


def test_a_run_of_rows_stays_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "set.npy", np.arange(10 * 8 * 16, dtype=np.float16).reshape(10, 8, 16))
    whole = open_clip_set(tmp_path / "set.npy")
    run, scattered = whole.subset(np.arange(3, 7)), whole.subset(np.array([5, 2]))
    assert np.shares_memory(run.mel, whole.mel)
    np.testing.assert_array_equal(run.mel, whole.mel[3:7])
    np.testing.assert_array_equal(scattered.mel, whole.mel[[5, 2]])
    assert whole.clip_names()[4] == "set.npy[4]"
    assert whole.clip_files() == [None] * 10
