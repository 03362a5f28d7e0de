from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_tasks import CUBES, Cubes, Triple, shards

from affetti.errors import InputError, MissingDependencyError, UsageError, WorkerError
from affetti.execution import RayEngine, executor, make_engine, ray_nodes, remote, stragglers

ray: Any = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # of Ray and its processes


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of one node, in which workers can import the tasks of the tests."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), before])
    ray.init("local", num_cpus=2, object_store_memory=100 * 1024**2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
    os.environ["PYTHONPATH"] = before


@pytest.mark.usefixtures("cluster")
class TestOnACluster:
    def test_ranges_are_those_of_local_processes(self, tmp_path: Path) -> None:
        steps: list[tuple[str, int, int]] = []
        executor("ray").map_ranges(Cubes(tmp_path), 10, 4, stage="cube", progress=lambda *step: steps.append(step))
        assert shards(tmp_path) == CUBES
        assert steps[0] == ("cube", 0, 10)
        assert steps[-1] == ("cube", 10, 10)

    def test_a_range_that_is_done_is_not_computed_again(self, tmp_path: Path) -> None:
        executor("local", 1).map_ranges(Cubes(tmp_path), 4, 4)
        executor("ray", 1).map_ranges(Cubes(tmp_path), 10, 4)
        assert shards(tmp_path) == CUBES
        assert Cubes(tmp_path).calls() == [0, 4, 8]

    def test_a_worker_that_dies_costs_its_range_alone(self, tmp_path: Path) -> None:
        executor("ray", 1).map_ranges(Cubes(tmp_path, dies_once_at=4), 10, 4)
        assert shards(tmp_path) == CUBES
        assert Cubes(tmp_path).calls() == [0, 4, 4, 8]

    def test_a_range_that_hangs_is_run_a_second_time_and_the_first_result_counts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stragglers, "STRAGGLER_SECONDS", 2.0)
        executor("ray", 2).map_ranges(Cubes(tmp_path, hangs_once_at=4), 10, 4)
        assert shards(tmp_path) == CUBES
        assert Cubes(tmp_path).calls().count(4) == 2

    def test_a_range_that_always_fails_is_tried_three_times_and_its_reason_is_named(self, tmp_path: Path) -> None:
        message = r"rows 4 to 8 failed 3 times, the last time: .*on node .*RuntimeError: row 4 is cursed.*same command"
        with pytest.raises(WorkerError, match=message):
            executor("ray", 1).map_ranges(Cubes(tmp_path, breaks_at=4), 10, 4)
        assert Cubes(tmp_path).calls().count(4) == 3

    def test_an_invalid_input_ends_the_work_at_once_with_its_own_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"row 0 is no number. Correct it"):
            executor("ray", 1).map_ranges(Cubes(tmp_path, invalid_at=0), 10, 4)
        assert Cubes(tmp_path).calls() == [0]

    def test_results_that_are_not_seen_here_are_reported(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote, "PATIENCE", 0.3)
        with pytest.raises(remote.MismatchError, match=r"has saved is not seen here.*path that all nodes share"):
            executor("ray", 1).map_ranges(Cubes(tmp_path, lost_at=0), 4, 4)

    def test_jobs_return_their_results_in_order_and_report_their_stages(self, tmp_path: Path) -> None:
        steps: list[tuple[str, int, int]] = []
        jobs = [Triple(tmp_path / str(number), number) for number in range(3)]
        assert executor("ray", 2).run_jobs(jobs, lambda *step: steps.append(step)) == [0, 3, 6]
        assert sorted(steps) == [(f"triple {number}", 1, 1) for number in range(3)]
        with pytest.raises(InputError, match="number -1"):
            executor("ray", 2).run_jobs([Triple(tmp_path / "a", -1)])

    def test_more_than_a_node_has_is_refused_instead_of_waiting_for_ever(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"--resources: 8 GPUs for each range, the largest node has 0"):
            executor(RayEngine(gpus=8)).map_ranges(Cubes(tmp_path), 10, 4)

    def test_nodes_say_their_versions_and_whether_they_see_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "marker").touch()
        (report,) = ray_nodes.inspect_nodes(ray, tmp_path / "marker")
        assert (report.versions, report.sees, report.error) == (remote.versions(), True, None)
        (report,) = ray_nodes.inspect_nodes(ray, tmp_path / "nothing")
        assert not report.sees


def test_a_node_that_is_killed_costs_its_ranges_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    store: dict[str, Any] = {"object_store_memory": 80 * 1024**2}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **store})
    try:
        doomed = cluster.add_node(num_cpus=1, **store)
        killer = threading.Thread(target=lambda: (wait_for_calls(tmp_path, 2), cluster.remove_node(doomed, False)))
        killer.start()
        engine = RayEngine(address=cluster.address)
        executor(engine).map_ranges(Cubes(tmp_path, seconds=1.0), 40, 4)
        killer.join()
        assert len(shards(tmp_path)) == 10
        assert shards(tmp_path)["4-8.txt"] == CUBES["4-8.txt"]
    finally:
        ray.shutdown()
        cluster.shutdown()


def wait_for_calls(folder: Path, n: int) -> None:
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        if (folder / "calls").exists() and len(Cubes(folder).calls()) >= n:
            return
        time.sleep(0.1)


def test_without_an_address_the_run_has_a_cluster_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {}
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **given: options.update(given))
    RayEngine().connect()
    assert options["address"] == "local", "Ray would join a cluster that happens to run on this machine"


def test_an_address_at_which_nothing_answers_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # a test before may have left it so
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # taken, and nobody listens
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(UsageError, match=rf"--address: no Ray cluster answers at {address}.*ray start --head"):
                executor(RayEngine(address)).workers  # noqa: B018 - connects
    with pytest.raises(UsageError, match=r"'moon' is no address of a cluster"):
        executor(RayEngine("moon")).workers  # noqa: B018


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(remote, "import_module", absent)
    with pytest.raises(MissingDependencyError, match=r"--engine: the engine ray needs.*pip install 'affetti\[ray\]'"):
        executor("ray")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resources": "cpus=many"}, "--resources: cpus=many"),
        ({"resources": "gpus=-1"}, "--resources: gpus=-1"),
        ({"resources": "disks=1"}, "--resources: 'disks=1' is no option"),
        ({"slurm": "time=5"}, "--slurm: is for the engine slurm, not ray"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_engine("ray", **arguments)
