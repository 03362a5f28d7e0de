from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from collections.abc import Generator
from pathlib import Path

import pytest
from cluster_tasks import CUBES, Cubes, Triple, shards

from affetti.errors import InputError, MismatchError, MissingDependencyError, UsageError, WorkerError
from affetti.execution import LocalExecutor, SlurmEngine, executor, make_engine, remote, slurm

pytest.importorskip("submitit")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:submitit", "ignore::ResourceWarning")
LOCAL = SlurmEngine(cluster="local")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    yield
    with warnings.catch_warnings():  # submitit's jobs in this process leave their logs open until they are collected
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_array_tasks_make_what_local_processes_make_and_leave_no_logs(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    executor(LOCAL, 2).map_ranges(Cubes(tmp_path), 10, 4, stage="cube", progress=lambda *step: steps.append(step))
    assert shards(tmp_path) == CUBES
    assert steps[0] == ("cube", 0, 10)
    assert steps[-1] == ("cube", 10, 10)
    assert not (tmp_path / slurm.FOLDER).exists()
    (tmp_path / "alone").mkdir()
    LocalExecutor().map_ranges(Cubes(tmp_path / "alone"), 10, 4)
    assert shards(tmp_path / "alone") == CUBES


def test_a_range_whose_array_task_dies_is_submitted_again_and_the_others_are_not(tmp_path: Path) -> None:
    executor(LOCAL, 3).map_ranges(Cubes(tmp_path, dies_once_at=4), 10, 4)
    assert shards(tmp_path) == CUBES
    assert Cubes(tmp_path).calls() == [0, 4, 4, 8]


def test_a_range_that_always_fails_is_tried_three_times_and_its_reason_and_log_are_named(tmp_path: Path) -> None:
    message = r"rows 4 to 8 failed 3 times, the last time: .*RuntimeError: row 4 is cursed.*log: .*\.err.*same command"
    with pytest.raises(WorkerError, match=message):
        executor(SlurmEngine(cluster="debug"), 1).map_ranges(Cubes(tmp_path, breaks_at=4), 10, 4)
    assert set(shards(tmp_path)) == {"0-4.txt", "8-10.txt"}
    assert Cubes(tmp_path).calls() == [0, 4, 4, 4, 8]
    executor("local", 1).map_ranges(Cubes(tmp_path), 10, 4)
    assert shards(tmp_path) == CUBES


def test_an_invalid_input_ends_the_work_at_once_with_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 0 is no number. Correct it"):
        executor(SlurmEngine(cluster="debug"), 1).map_ranges(Cubes(tmp_path, invalid_at=0), 10, 4)
    assert Cubes(tmp_path).calls() == [0]


def test_results_that_are_not_seen_here_are_reported_as_a_path_that_is_not_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 0.3)
    with pytest.raises(MismatchError, match=r"has saved is not seen here.*path that all nodes share"):
        executor(SlurmEngine(cluster="debug"), 1).map_ranges(Cubes(tmp_path, lost_at=4), 10, 4)


def test_an_input_that_a_node_does_not_see_is_named(tmp_path: Path) -> None:
    order = remote.RangeOrder(Cubes(tmp_path), remote.Setting("slurm", inputs=(tmp_path / "elsewhere",)))
    outcome = order([(0, 4)])
    assert outcome.final
    assert "elsewhere: not seen on node" in str(outcome.error)
    assert "path that all nodes share" in str(outcome.error)


def test_another_version_on_a_node_is_refused(tmp_path: Path) -> None:
    other = {**remote.versions(), "torch": "1.0"}
    outcome = remote.RangeOrder(Cubes(tmp_path), remote.Setting("ray", versions=other))([(0, 4)])
    assert outcome.final
    assert "has torch" in str(outcome.error)
    assert "the machine of the command 1.0. Install the same version on both" in str(outcome.error)
    assert not shards(tmp_path)


def test_a_relative_path_means_the_folder_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made").mkdir()
    monkeypatch.chdir(tmp_path)
    order = remote.RangeOrder.of(Cubes(Path("made")), "ray")
    monkeypatch.chdir("/")
    assert order([(0, 4)]).error is None
    assert set(shards(tmp_path / "made")) == {"0-4.txt"}
    assert Path.cwd() == Path("/")


def test_jobs_return_their_results_in_order(tmp_path: Path) -> None:
    jobs = [Triple(tmp_path / str(number), number) for number in range(3)]
    assert executor(SlurmEngine(cluster="debug"), 2).run_jobs(jobs) == [0, 3, 6]
    with pytest.raises(InputError, match="number -1"):
        executor(SlurmEngine(cluster="debug"), 2).run_jobs([Triple(tmp_path / "a", -1)])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands in front of the PATH, with an ``srun``."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    command(folder, "srun", "exit 0")
    return folder


def command(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def test_an_unknown_partition_is_reported_in_the_words_of_slurm(tmp_path: Path, site: Path) -> None:
    command(site, "sbatch", 'echo "sbatch: error: invalid partition specified: moon" >&2; exit 1')
    with pytest.raises(UsageError, match=r"--slurm: SLURM refuses the job \(.*invalid partition specified: moon"):
        executor(SlurmEngine(partition="moon"), 2).map_ranges(Cubes(tmp_path / "out"), 10, 4)


def test_ctrl_c_cancels_the_jobs(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(site, "sbatch", 'echo "Submitted batch job 71"')
    command(site, "sacct", "exit 0")
    command(site, "scancel", f'echo "$@" >> {site}/cancelled')

    sleep = time.sleep

    def interrupt(seconds: float) -> None:
        if threading.current_thread() is threading.main_thread():  # others of this process sleep too
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr(slurm.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        executor(SlurmEngine(partition="cpu"), 2).map_ranges(Cubes(tmp_path / "out"), 10, 4)
    assert (site / "cancelled").read_text(encoding="utf-8").split() == ["71_0", "71_1"]


def test_the_same_command_called_again_waits_for_what_is_in_the_queue(tmp_path: Path, site: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    command(site, "sbatch", f'echo x >> {site}/submissions; echo "Submitted batch job 71"')
    queue = slurm.Queue(SlurmEngine(), out / slurm.FOLDER)
    queue.submit(remote.RangeOrder.of(Cubes(out), "slurm"), [[(0, 4), (8, 10)], [(4, 8)]])
    again = slurm.Queue(SlurmEngine(), out / slurm.FOLDER).reclaim({(4, 8), (8, 10)})
    assert [(task.job.job_id, task.spans) for task in again] == [("71_0", ((8, 10),)), ("71_1", ((4, 8),))]
    assert (site / "submissions").read_text(encoding="utf-8").count("x") == 1


def test_without_slurm_the_command_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingDependencyError, match=r"sbatch is not on the PATH.*login node"):
        executor("slurm")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"slurm": "queue=long"}, "--slurm: 'queue=long' is no option"),
        ({"slurm": "partition"}, "--slurm: 'partition' is no option"),
        ({"slurm": "cpus=two"}, "--slurm: cpus=two"),
        ({"slurm": "time=soon"}, "--slurm: time=soon. Give minutes"),
        ({"slurm": "cluster=moon"}, "--slurm: cluster=moon"),
        ({"address": "auto"}, "--address: is for the engine ray, not slurm"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_engine("slurm", **arguments)
