from __future__ import annotations

import errno
import fcntl
import json
import math
import shutil
import subprocess
import sys
from collections import namedtuple
from importlib.metadata import version
from pathlib import Path

import pytest

from affetti.errors import StorageError
from affetti.storage import (
    PARTIAL_PREFIX,
    atomic_write,
    read_json,
    remove_partial,
    require_space,
    reserve_output,
    write_json,
    write_text,
)

Usage = namedtuple("Usage", "total used free")


def test_a_saved_result_is_read_back(tmp_path: Path) -> None:
    value = {"b": [1, 2.5, None, "è"], "a": {"x": True}}
    write_json(tmp_path / "new" / "a.json", value)
    assert read_json(tmp_path / "new" / "a.json") == value
    assert json.loads((tmp_path / "new" / "a.json").read_bytes()) == value


def test_nan_is_refused_in_json_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": math.nan})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path, stop: type[BaseException]) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(stop), atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise stop
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"


def test_what_a_killed_write_left_is_used_by_the_next(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from affetti.storage import atomic_write\n"
    code += "with atomic_write(Path(sys.argv[1])) as it: it.write_text('half of it'); os.kill(os.getpid(), 9)"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.html")], check=False)
        assert len(list(tmp_path.iterdir())) == 1
    write_text(tmp_path / "a.html", "all")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == "all"


def test_two_that_write_one_file_at_once_do_not_mix(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_write(target) as first:
        first.write_text("first", encoding="utf-8")
        with atomic_write(target) as second:
            assert second != first
            second.write_text("second", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "second"
        assert first.read_text(encoding="utf-8") == "first"
    assert target.read_text(encoding="utf-8") == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_without_locks_a_file_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_text(tmp_path / "a.txt", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_the_target_does_not_exist_until_the_file_is_complete(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.npy") as temporary:
        temporary.write_text("half", encoding="utf-8")
        assert not (tmp_path / "a.npy").exists()
        assert temporary.suffix == ".npy"
        assert temporary.parent == tmp_path
    assert (tmp_path / "a.npy").exists()


def test_a_full_disk_is_reported_as_such(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"disk is full.*run the same command again"), atomic_write(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_an_affetti_error_is_not_wrapped_again(tmp_path: Path) -> None:
    inner = StorageError("missing or cut short", where="shard.npy", hint="remove it")
    with pytest.raises(StorageError) as caught, atomic_write(tmp_path / "a"):
        raise inner
    assert caught.value is inner


def test_a_file_where_a_folder_is_needed_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_a_very_long_name_can_be_written(tmp_path: Path) -> None:
    name = "n" * 250 + ".txt"
    write_text(tmp_path / name, "x")
    assert (tmp_path / name).read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        (b'{"a": 1, ', "not valid JSON"),
        (b"\xff\xfe{", "cannot be read"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "a number has thousands of digits"),
    ],
)
def test_unreadable_json_is_reported_with_its_path(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(StorageError, match=says) as caught:
        read_json(tmp_path / "a.json")
    assert str(tmp_path / "a.json") in str(caught.value)


def test_free_space_is_that_of_the_disk_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[Path] = []

    def usage(path: Path) -> Usage:
        requested.append(path)
        return Usage(10**9, 0, 10**9)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    require_space(tmp_path / "not" / "yet", 10**9)
    assert requested == [tmp_path.resolve()]
    with pytest.raises(StorageError, match=r"1\.5 GB needed, 1\.0 GB free"):
        require_space(tmp_path / "not" / "yet", 15 * 10**8)


def test_remove_partial_removes_partial_files_only(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    for name in (f"audio/{PARTIAL_PREFIX}x.flac", f"{PARTIAL_PREFIX}y.json", "audio/a.flac", ".hidden"):
        (tmp_path / name).write_text("", encoding="utf-8")
    remove_partial(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        ".hidden",
        "audio",
        "audio/a.flac",
    ]


def test_an_output_folder_is_reserved_for_one_piece_of_work(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert not reserve_output(out, {"verb": "train", "seed": 0, "device": "cpu"})
    assert reserve_output(out, {"verb": "train", "seed": 0, "device": "cpu"})
    assert reserve_output(out, {"verb": "train", "seed": 0, "device": "cuda"}, frozenset({"device"}))
    with pytest.raises(StorageError, match=r"holds other work \(seed was 0, is 1\)"):
        reserve_output(out, {"verb": "train", "seed": 1, "device": "cpu"})
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("private")
    with pytest.raises(StorageError, match="is not a folder of affetti train"):
        reserve_output(tmp_path / "letters", {"verb": "train"})
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["dear.txt"]


def test_work_begun_by_another_version_is_refused(tmp_path: Path) -> None:
    reserve_output(tmp_path / "run", {"verb": "audit"})
    begun = read_json(tmp_path / "run" / "config.json")
    assert begun == {"verb": "audit", "affetti": version("affetti")}
    write_json(tmp_path / "run" / "config.json", {**begun, "affetti": "0.0.1"})
    with pytest.raises(StorageError, match=r"affetti was '0\.0\.1'"):
        reserve_output(tmp_path / "run", {"verb": "audit"})
    with pytest.raises(StorageError, match=r"affetti was '0\.0\.1'"):
        reserve_output(tmp_path / "run", {"verb": "audit", "labels": "song"})
    with pytest.raises(StorageError, match=r"verb was 'audit', is 'train'"):
        reserve_output(tmp_path / "run", {"verb": "train", "labels": "song"})


def test_a_url_is_no_output_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match="s3:/bucket/corpus: is a URL, not a path"):
        reserve_output(Path("s3://bucket/corpus"), {"verb": "prepare"})
    assert not list(tmp_path.iterdir())
