from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from affetti.scratch import PREFIX, ScratchFolder

HOLD = """
import sys
from affetti.scratch import ScratchFolder
folder = ScratchFolder()
print(folder.path, flush=True)
sys.stdin.read()
"""
SCORE = """
import sys
from affetti.cli.main import main
from affetti.embedders import recordings
load = recordings.audio.load_with_rate
def slowly(*arguments):
    print("loading", flush=True)
    sys.stdin.read()
    return load(*arguments)
recordings.audio.load_with_rate = slowly
sys.exit(main(["score", sys.argv[1], sys.argv[1], "--preset", "tiny", "--workers", "1"]))
"""


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary space, for this process and those that it starts."""
    folder = tmp_path / "space"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def age(folder: Path) -> None:
    past = time.time() - 3600
    os.utime(folder, (past, past))


def test_folders_of_killed_processes_are_removed_and_those_in_use_are_kept(space: Path) -> None:
    (space / f"{PREFIX}young").mkdir()
    (space / "affetti-other").mkdir()
    age(space / "affetti-other")
    with start(HOLD) as killed, start(HOLD) as working:
        assert killed.stdout is not None
        assert working.stdout is not None
        folders = [Path(process.stdout.readline().strip()) for process in (killed, working) if process.stdout]
        killed.kill()
        killed.wait()
        for folder in folders:
            assert folder.is_dir()
            age(folder)
        mine = ScratchFolder()
        left = {path.name for path in space.iterdir()}
        assert left == {mine.path.name, folders[1].name, f"{PREFIX}young", "affetti-other"}
        working.kill()
    mine.remove()
    mine.remove()
    assert not mine.path.exists()


def test_sigterm_removes_the_temporary_folder_of_score(space: Path, make_folder: Callable[..., Path]) -> None:
    folder = make_folder(2)
    with start(SCORE, folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        assert len(list(space.glob(f"{PREFIX}*"))) == 1
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "affetti score: interrupted" in err
    assert "Traceback" not in err
    assert not list(space.glob("affetti*"))
