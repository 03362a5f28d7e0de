from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Affetti = Callable[..., Any]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """A small demo that was interrupted in its training."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    process = subprocess.Popen(demo(out, 2), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    while process.poll() is None and not list(out.glob("runs/*/metrics.jsonl")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, reported = process.communicate()
    return out, process.returncode, reported


def demo(out: Path, workers: int) -> list[str]:
    command = [sys.executable, "-m", "affetti.cli.main", "demo", "--size", "small", "--json"]
    return [*command, "--out", str(out), "--workers", str(workers)]


def times(folder: Path) -> dict[Path, int]:
    """When each file was last written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_demo_resumes_and_ends_in_a_report(affetti: Affetti, interrupted: tuple[Path, int, str]) -> None:
    # Half a minute: the only test of the whole way from music to report.
    out, code, reported = interrupted
    assert code == 130, reported
    assert "interrupted; run the same command again to continue" in reported
    assert "Traceback" not in reported
    assert not (out / "report.html").exists()
    corpus = (out / "corpus/mel.npy").stat().st_mtime_ns
    ended = subprocess.run(demo(out, 1), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (out / "corpus/mel.npy").stat().st_mtime_ns == corpus, "made twice"
    document = json.loads(ended.stdout)
    assert set(document["scores"]) == {"gan", "flow"}
    assert {"real", "null", "gan", "flow", "flow-shuffled"} == {row["name"] for row in document["arms"]}
    page = (out / "report.html").read_text()
    assert "<html" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert set(document["seconds"]) == {"prepare", "train", "generate and compare", "score", "audit", "report"}
    assert not list(out.rglob(".unfinished-*"))

    written = times(out)
    ran = affetti("demo", "--size", "small", "--out", out, "--json")
    assert times(out) == written, "finished work is done again"
    assert json.loads(ran.out) == document
    assert f"report: {out / 'report.html'}" in affetti("demo", "--size", "small", "--out", out).out
    ran = affetti("demo", "--size", "small", "--out", out, "--seed", 1)
    assert ran.code == 2
    assert "(seed was 0, is 1)" in ran.complaint


def test_a_folder_in_use_is_refused(affetti: Affetti, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    ran = affetti("demo", "--size", "small", "--out", tmp_path)
    assert ran.code == 2
    assert "is not a folder of affetti demo" in ran.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
