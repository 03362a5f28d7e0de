from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from affetti.corpus.writer import CorpusWriter
from affetti.errors import InputError, StorageError
from affetti.output_lock import LOCK, releases_outputs
from affetti.presets import front_end
from affetti.storage import reserve_output

SETTINGS = {"verb": "train", "seed": 0}
WORK = """
import sys
from pathlib import Path
from affetti.output_lock import releases_outputs
from affetti.storage import reserve_output

@releases_outputs
def work():
    print(reserve_output(Path(sys.argv[1]), {"verb": "train", "seed": 0}), flush=True)
    sys.stdin.read()

work()
"""


@contextmanager
def working(out: Path) -> Generator[subprocess.Popen[str]]:
    """Another process that works in ``out`` until its input ends."""
    arguments = [sys.executable, "-c", WORK, str(out)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


@releases_outputs
def reserve(out: Path) -> bool:
    return reserve_output(out, SETTINGS)


def test_a_folder_in_which_another_process_works_is_refused_and_the_process_named(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with working(out) as process:
        message = rf"run: process {process.pid} of affetti works here\. Wait until it ends, or choose another --out"
        with pytest.raises(StorageError, match=message):
            reserve(out)
        process.communicate("")
        assert [path.name for path in out.iterdir()] == ["config.json"]
        assert reserve(out)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_process_that_died_is_none(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "run"
    with working(out) as process:
        process.send_signal(number)
        process.wait()
    assert reserve(out)
    assert [path.name for path in out.iterdir()] == ["config.json"]


def test_work_of_parts_in_one_folder_is_one_work(tmp_path: Path) -> None:
    out = tmp_path / "run"

    @releases_outputs
    def study() -> list[bool]:
        begun = [reserve_output(out, SETTINGS), reserve(out)]
        assert (out / LOCK).read_text() == f"{os.getpid()}\n"  # the part that ended did not release it
        return begun

    assert study() == [False, True]
    assert not (out / LOCK).exists()


def test_a_foreign_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("private")

    @releases_outputs
    def work() -> None:
        with pytest.raises(StorageError, match="is not a folder of affetti"):
            reserve_output(tmp_path / "letters", SETTINGS)
        assert [path.name for path in (tmp_path / "letters").iterdir()] == ["dear.txt"]

    work()


def test_without_file_locks_the_work_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_arguments: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert not reserve(tmp_path / "run")


@pytest.mark.parametrize("begun", [True, False])
def test_a_corpus_is_written_by_one_process(tmp_path: Path, begun: bool) -> None:
    writer = CorpusWriter(tmp_path / "corpus", front_end("tiny"), "signature")
    if begun:
        writer.reserve()
    with working(tmp_path / "elsewhere") as process:
        (tmp_path / "corpus").mkdir(exist_ok=True)
        # A hard link is the same file to a lock: the other process holds that of the corpus too.
        (tmp_path / "corpus" / LOCK).hardlink_to(tmp_path / "elsewhere" / LOCK)
        with pytest.raises(StorageError, match=f"process {process.pid} of affetti works here"):
            releases_outputs(writer.reserve)()
    releases_outputs(writer.reserve)()
    writer.abandon()
    assert not (tmp_path / "corpus").exists()


@releases_outputs
def fail(out: Path, *written: str) -> None:
    assert not reserve_output(out, SETTINGS)
    for name in written:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("")
    raise InputError("bad input")


def test_work_that_fails_before_it_has_written_anything_leaves_its_folder_free(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(InputError):
        fail(out)
    assert not out.exists()
    (out / "checkpoints").mkdir(parents=True)  # a folder that some work made and left empty
    with pytest.raises(StorageError, match="is not a folder of affetti"):
        fail(out)
    (out / "checkpoints").rmdir()
    with pytest.raises(InputError):
        fail(out, "checkpoints/1")
    assert sorted(path.name for path in out.iterdir()) == ["checkpoints", "config.json"]
    assert reserve(out)  # and is continued


def test_work_that_was_begun_before_stays_where_it_fails(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert not reserve(out)

    @releases_outputs
    def again() -> None:
        assert reserve_output(out, SETTINGS)
        raise InputError("bad input")

    with pytest.raises(InputError):
        again()
    assert [path.name for path in out.iterdir()] == ["config.json"]


def test_a_part_that_fails_frees_its_own_folder_alone(tmp_path: Path) -> None:
    out = tmp_path / "study"

    @releases_outputs
    def study() -> None:
        reserve_output(out, SETTINGS)
        with pytest.raises(InputError):
            fail(out / "set")
        assert sorted(path.name for path in out.iterdir()) == [LOCK, "config.json"]

    study()
    assert [path.name for path in out.iterdir()] == ["config.json"]


def test_a_corpus_of_which_nothing_was_written_leaves_its_folder_free(tmp_path: Path) -> None:
    out = tmp_path / "corpus"

    @releases_outputs
    def make(*written: str) -> None:
        writer = CorpusWriter(out, front_end("tiny"), "signature")
        writer.reserve()
        for name in written:
            (writer.work / name).write_bytes(b"")
        raise InputError("bad input")

    with pytest.raises(InputError):
        make()
    assert not out.exists()
    with pytest.raises(InputError):
        make("0000000-0000001.npy")
    assert sorted(path.name for path in (out / ".work").iterdir()) == ["0000000-0000001.npy", "signature.json"]
