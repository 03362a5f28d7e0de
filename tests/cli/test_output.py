from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affetti.cli.output import note, print_result
from affetti.cli.progress import show_progress
from affetti.corpus import Corpus
from affetti.training.result import TrainResult

Affetti = Callable[..., Any]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of bash, in which ``affetti`` is this package's."""
    definition = f'affetti() {{ "{sys.executable}" -m affetti "$@"; }}'
    return subprocess.run(
        ["/bin/bash", "-c", f"{definition}; {command}"], cwd=folder, capture_output=True, text=True, check=False
    )


@needs_full
def test_progress_and_notes_that_cannot_be_written_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        with show_progress() as progress:
            progress("train", 0, 10)
            progress("train", 10, 10)
        note("note: something")
    monkeypatch.setattr(sys, "stderr", None)
    with show_progress() as progress:
        progress("train", 10, 10)
    note("note: something")


@needs_full
def test_progress_bars_on_a_closed_terminal_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    with Terminal(FULL.open("wb", buffering=0), write_through=True) as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with show_progress() as progress:
            progress("train", 0, 10)
            progress("train", 10, 10)


@needs_full
@pytest.mark.parametrize("lost", ["2>/dev/full", "2>&-"])
def test_a_model_is_trained_without_stderr(corpus: Corpus, tmp_path: Path, lost: str) -> None:
    ran = shell(f"affetti train baseline --corpus {corpus.path} --out run --json {lost}", tmp_path)
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["model"] == "baseline"
    assert TrainResult.open(tmp_path / "run").model == "baseline"


@needs_full
@pytest.mark.parametrize("lost", [">/dev/full", ">&-"])
def test_a_result_that_cannot_be_printed_is_saved_with_exit_code_2(corpus: Corpus, tmp_path: Path, lost: str) -> None:
    ran = shell(f"affetti train baseline --corpus {corpus.path} --out run {lost}", tmp_path)
    assert ran.returncode == 2
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("affetti: ")]
    assert "stdout: the result cannot be printed" in line
    assert "Traceback" not in ran.stderr
    assert TrainResult.open(tmp_path / "run").model == "baseline"


@needs_full
@pytest.mark.parametrize("arguments", ["--help", "--version", "report --help"])
@pytest.mark.parametrize("lost", [">/dev/full", ">&-"])
def test_help_that_cannot_be_printed_is_one_line(tmp_path: Path, arguments: str, lost: str) -> None:
    ran = shell(f"affetti {arguments} {lost}", tmp_path)
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1
    assert "cannot be printed" in ran.stderr


def test_a_file_opened_while_stderr_is_closed_does_not_receive_its_lines(tmp_path: Path) -> None:
    script = (
        "import os\n"
        "from affetti.cli.main import main\n"
        "main(['--version'])\n"
        "file = open('file', 'w')\n"
        "assert file.fileno() > 2, file.fileno()\n"
        "os.write(2, b'a line of a library')\n"
    )
    (tmp_path / "script.py").write_text(script)
    ran = shell(f"{sys.executable} script.py 2>&-", tmp_path)
    assert ran.returncode == 0
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("setting", ["PYTHONIOENCODING=ascii", "LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0"])
def test_characters_that_a_terminal_lacks_are_replaced(tmp_path: Path, setting: str) -> None:
    (tmp_path / "prints.py").write_text(
        "from affetti.cli.output import note, prepare_streams, print_result\n"
        "prepare_streams()\n"
        "note('note: R² of π')\n"
        "print_result({'name': 'Dvořák'}, True, '')\n"
        "print_result(None, False, 'R² 0.5')\n"
    )
    ran = shell(f"{setting} {sys.executable} prints.py", tmp_path)
    assert ran.returncode == 0, ran.stderr
    document, text = ran.stdout.rsplit("\n", 2)[:2]
    assert json.loads(document) == {"name": "Dvořák"}
    assert text.startswith("R") and text.endswith(" 0.5")
    assert "Traceback" not in ran.stderr


def test_json_is_the_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    print_result({"a": [1.5, None], "b": "ü"}, True, "for people")
    assert json.loads(capsys.readouterr().out) == {"a": [1.5, None], "b": "ü"}
    print_result({"a": 1}, False, "for people")
    assert capsys.readouterr().out == "for people\n"
    with pytest.raises(ValueError, match="JSON"):
        print_result({"a": float("nan")}, True, "")


def test_warnings_of_the_library_are_notes(affetti: Affetti, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(_arguments: list[str]) -> int:
        logging.getLogger("affetti.training").warning("a checkpoint is damaged")
        return 0

    monkeypatch.setattr("affetti.cli.doctor.run", warn)
    assert affetti("doctor").err == "a checkpoint is damaged\n"
