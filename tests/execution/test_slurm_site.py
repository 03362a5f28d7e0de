"""The engine under a real SLURM, of one machine; see :mod:`tests.execution.slurm_site`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_tasks import CUBES, Cubes, Triple, shards
from slurm_site import PARTITION, missing, printed, slurm_site
from tests.material import corpus, flags, run_of

from affetti import api
from affetti.corpus import Corpus, build
from affetti.errors import UsageError, WorkerError
from affetti.execution import Engine, LocalEngine, SlurmEngine, executor, remote, slurm
from affetti.inference import generation
from affetti.training import run as runs

pytest.importorskip("submitit")
reason = missing()
pytestmark = [
    pytest.mark.skipif(reason is not None, reason=str(reason)),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:submitit", "ignore::ResourceWarning"),
]
ENGINE = SlurmEngine(partition=PARTITION, time="10")

__all__ = ["corpus", "run_of"]


@pytest.fixture(scope="module", autouse=True)
def site() -> Iterator[None]:
    with slurm_site() as environment, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", environment["SLURM_CONF"])
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
        patch.setattr(slurm, "QUEUE_SECONDS", (2.0, 2.0))
        patch.setattr(remote, "PATIENCE", 5.0)  # no network file system here
        yield


def test_prepare_and_generate_make_the_same_corpora_as_local_processes(
    tmp_path: Path, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", 2)
    monkeypatch.setattr(generation, "SHARD_CLIPS", 8)
    places: tuple[tuple[Engine, int], ...] = ((ENGINE, 2), (LocalEngine(), 1))
    hashes: list[tuple[str, str]] = []
    for engine, workers in places:
        out = tmp_path / engine.name
        real = api.prepare.run("composed", out / "corpus", clips=24, engine=engine, workers=workers)
        made = api.generate.run(run_of("flow"), 20, out / "clips", engine=engine, workers=workers)
        hashes.append((real.content_hash, made.content_hash))
    assert hashes[0] == hashes[1]
    assert not list(tmp_path.glob(f"**/{slurm.FOLDER}"))


def test_a_task_that_fails_is_tried_three_times_and_one_that_dies_is_submitted_again(tmp_path: Path) -> None:
    message = r"rows 4 to 8 failed 3 times, the last time: .*RuntimeError: row 4 is cursed.*log: .*\.err.*same command"
    with pytest.raises(WorkerError, match=message):
        executor(ENGINE, 1).map_ranges(Cubes(tmp_path, breaks_at=4), 10, 4)
    assert set(shards(tmp_path)) == {"0-4.txt", "8-10.txt"}
    executor(ENGINE, 1).map_ranges(Cubes(tmp_path, dies_once_at=4), 10, 4)
    assert shards(tmp_path) == CUBES
    assert Cubes(tmp_path).calls() == [0, 4, 4, 4, 4, 4, 8]


def test_a_task_that_always_dies_is_reported_with_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TRIES", 1)
    with pytest.raises(WorkerError, match=r"array task \d+ ended without a result \(FAILED: "):
        executor(ENGINE, 1).map_ranges(Cubes(tmp_path, dies_once_at=0), 4, 4)


def test_jobs_return_their_results(tmp_path: Path) -> None:
    jobs = [Triple(tmp_path / str(number), number) for number in range(2)]
    assert executor(ENGINE).run_jobs(jobs) == [0, 3]


def test_srun_trains_on_two_processes(tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    line = [
        "srun",
        "--ntasks=2",
        "--ntasks-per-node=2",
        sys.executable,
        "-m",
        "affetti",
        "train",
        "flow",
        "--devices",
        "2",
    ]
    line += [
        "--corpus",
        str(corpus.path),
        "--out",
        str(tmp_path / "run"),
        "--steps",
        "3",
        "--batch-size",
        "8",
        "--json",
    ]
    ran = subprocess.run([*line, "--set", *flags("flow")], capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["steps"] == 3, "one document, of the first process"
    assert runs.load(tmp_path / "run").kind == "flow"


def test_what_slurm_refuses_is_one_line_in_its_words(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for engine, words in (
        (SlurmEngine(partition="moon"), "invalid partition specified: moon; .*Invalid partition name specified"),
        (SlurmEngine(gres="gpu:1"), "Invalid generic resource"),
        (SlurmEngine(time="soon"), "Invalid --time specification"),
    ):
        with pytest.raises(UsageError, match=rf"--slurm: SLURM refuses the job \(.*{words}") as refused:
            executor(engine, 2).map_ranges(Cubes(tmp_path / "out"), 10, 4)
        assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""


def command(out: Path) -> subprocess.Popen[str]:
    """``affetti prepare`` under SLURM."""
    line = [sys.executable, "-m", "affetti", "prepare", "composed", "--clips", "24", "--out", str(out)]
    line += ["--engine", "slurm", "--slurm", f"partition={PARTITION},time=10", "--workers", "2"]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def submitted(process: subprocess.Popen[str], out: Path) -> None:
    """Wait until the jobs of a command are in the queue."""
    record = out / ".work" / slurm.FOLDER / "jobs.json"

    def named() -> bool:  # a command that was interrupted leaves a record of no jobs
        return record.exists() and bool(json.loads(record.read_text(encoding="utf-8")))

    wait_until(lambda: named() or process.poll() is not None)
    assert named(), process.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 120.0
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def count_submissions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that receives a letter for each call of ``sbatch``."""
    real, count = shutil.which("sbatch"), folder / "count"
    folder.mkdir()
    (folder / "sbatch").write_text(f'#!/bin/sh\nprintf x >> {count}\nexec {real} "$@"\n', encoding="utf-8")
    (folder / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return count


def test_ctrl_c_cancels_the_jobs_and_a_killed_command_collects_them_when_called_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, count = tmp_path / "corpus", count_submissions(tmp_path / "bin", monkeypatch)
    process = command(out)
    submitted(process, out)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    wait_until(lambda: not printed(os.environ, "squeue", "--noheader").strip())
    count.unlink()
    process = command(out)
    submitted(process, out)
    process.kill()
    process.communicate()
    process = command(out)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert count.read_text(encoding="utf-8") == "x", "the jobs of the killed command were collected"
    local = api.prepare.run("composed", tmp_path / "local", clips=24, workers=1)
    assert Corpus.open(out).hash == local.content_hash
