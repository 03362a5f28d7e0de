from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetti.errors import InputError, UsageError, WorkerError
from affetti.execution import executor, ranges
from affetti.execution.local import cpu_count, map_ranges
from affetti.progress import Progress


@dataclass(frozen=True)
class Squares:
    """Files the squares of its rows; fails, dies or stops at the row given."""

    folder: Path
    breaks_at: int = -1
    dies_at: int = -1
    stops_at: int = -1
    signal: int = 0

    def file(self, start: int, stop: int) -> Path:
        return self.folder / f"{start}-{stop}"

    def saved_in(self) -> Path:
        return self.folder

    def inputs(self) -> tuple[Path, ...]:
        return ()

    def done(self, start: int, stop: int) -> bool:
        return self.file(start, stop).exists()

    def __call__(self, start: int, stop: int) -> None:
        if start == self.breaks_at:
            raise InputError(f"row {start}", where=self.folder, hint="correct it")
        if start == self.dies_at:
            os.kill(os.getpid(), self.signal) if self.signal else os._exit(9)
        if start == self.stops_at:
            raise KeyboardInterrupt
        self.file(start, stop).write_text(" ".join(str(i * i) for i in range(start, stop)), encoding="utf-8")


def saved(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@given(n=st.integers(0, 500), chunk=st.integers(1, 60))
def test_ranges_cover_every_row_once(n: int, chunk: int) -> None:
    spans = ranges(n, chunk)
    assert [row for start, stop in spans for row in range(start, stop)] == list(range(n))
    assert all(1 <= stop - start <= chunk for start, stop in spans)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_result_does_not_depend_on_the_workers(tmp_path: Path, workers: int) -> None:
    reported: list[tuple[str, int, int]] = []
    map_ranges(Squares(tmp_path), 10, 4, workers=workers, stage="square", progress=lambda *step: reported.append(step))
    assert saved(tmp_path) == {"0-4": "0 1 4 9", "4-8": "16 25 36 49", "8-10": "64 81"}
    assert reported[0] == ("square", 0, 10)
    assert reported[-1] == ("square", 10, 10)
    assert [done for _, done, _ in reported] == sorted(done for _, done, _ in reported)


def test_no_rows_are_done_at_once(tmp_path: Path) -> None:
    reported: list[tuple[str, int, int]] = []
    map_ranges(Squares(tmp_path), 0, 4, workers=2, progress=lambda *step: reported.append(step))
    assert reported == [("", 0, 0)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_task_is_raised_and_saved_ranges_stay(tmp_path: Path, workers: int) -> None:
    with pytest.raises(InputError, match=r"row 8. Correct it"):
        map_ranges(Squares(tmp_path, breaks_at=8), 12, 4, workers=workers)
    task = Squares(tmp_path)
    before = set(saved(tmp_path))
    reported: list[int] = []
    map_ranges(
        task, 12, 4, done=task.done, workers=workers, progress=lambda _stage, done, _total: reported.append(done)
    )
    assert set(saved(tmp_path)) == {"0-4", "4-8", "8-12"}
    assert reported[0] == 4 * len(before)


def test_a_finished_range_is_not_computed_again(tmp_path: Path) -> None:
    task = Squares(tmp_path)
    task.file(4, 8).write_text("mine", encoding="utf-8")
    map_ranges(task, 12, 4, done=task.done)
    assert saved(tmp_path)["4-8"] == "mine"


def test_a_pool_that_breaks_while_work_is_submitted_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(*_: object) -> None:
        raise BrokenProcessPool("a child process terminated abruptly")

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    with pytest.raises(WorkerError, match=r"a worker process died.*continues from what is saved"):
        map_ranges(Squares(tmp_path), 12, 4, workers=2)


def test_the_executor_named_by_the_user_maps_ranges_that_are_not_done(tmp_path: Path) -> None:
    task = Squares(tmp_path)
    task.file(4, 8).write_text("mine", encoding="utf-8")
    executor("local", 1).map_ranges(task, 12, 4)
    assert saved(tmp_path) == {"0-4": "0 1 4 9", "4-8": "mine", "8-12": "64 81 100 121"}
    assert executor("local").workers == cpu_count()


@pytest.mark.parametrize(("engine", "workers", "message"), [("moon", None, "engine 'moon'"), ("local", 0, "0 workers")])
def test_an_unknown_engine_or_no_workers_is_refused(engine: str, workers: int | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        executor(engine, workers)


@dataclass(frozen=True)
class Double:
    """A job that doubles its number, or fails, dies or waits to be interrupted."""

    out: Path
    number: int
    then: str = "return"

    @property
    def name(self) -> str:
        return f"double {self.number}"

    def __call__(self, progress: Progress) -> int:
        progress(self.name, 1, 2)
        if self.then == "raise":
            assert wait_for((self.out / "waiting").exists)
            raise InputError(f"number {self.number}", where=self.out, hint="correct it")
        if self.then == "die":
            os._exit(9)
        if self.then == "wait":
            try:
                (self.out / "waiting").touch()
                time.sleep(60.0)
            except KeyboardInterrupt:
                (self.out / "saved").touch()
                raise
        progress(self.name, 2, 2)
        return 2 * self.number


@pytest.mark.parametrize("workers", [1, 2])
def test_jobs_return_their_results_in_order_and_report_their_own_stages(tmp_path: Path, workers: int) -> None:
    steps: list[tuple[str, int, int]] = []
    jobs = [Double(tmp_path, number) for number in range(3)]
    assert executor("local", workers).run_jobs(jobs, lambda *step: steps.append(step)) == [0, 2, 4]
    assert sorted(steps) == [(f"double {number}", done, 2) for number in range(3) for done in (1, 2)]


def test_a_job_that_fails_raises_its_error_and_interrupts_the_others(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"number 1. Correct it"):
        executor("local", 2).run_jobs([Double(tmp_path, 0, "wait"), Double(tmp_path, 1, "raise")])
    assert (tmp_path / "saved").exists()


def test_a_job_whose_process_dies_is_reported_by_name(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"the process of double 1 died with exit code 9"):
        executor("local", 2).run_jobs([Double(tmp_path, 0), Double(tmp_path, 1, "die")])


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (signal.SIGKILL, r"a worker process was killed \(out of memory\?\).*fewer --workers"),
        (signal.SIGSEGV, r"a worker process died of the signal SIGSEGV(?!.*memory)"),
        (signal.SIGTERM, r"a worker process died of the signal SIGTERM(?!.*memory)"),
        (0, r"a worker process died with exit code 9(?!.*memory)"),
    ],
)
def test_a_worker_that_died_is_reported_with_the_cause(tmp_path: Path, number: int, says: str) -> None:
    with pytest.raises(WorkerError, match=says):
        map_ranges(Squares(tmp_path, dies_at=4, signal=number), 12, 4, workers=2)


def test_ctrl_c_is_raised_and_saved_ranges_stay(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        map_ranges(Squares(tmp_path, stops_at=4), 12, 4)
    assert set(saved(tmp_path)) == {"0-4"}


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= cpu_count() <= (os.cpu_count() or 1)


SCRIPT = """
import os, sys, time
from pathlib import Path
from affetti.execution.local import map_ranges

def task(start, stop):
    (Path(sys.argv[1]) / str(os.getpid())).touch()
    time.sleep(float(sys.argv[2]))

if __name__ == "__main__":
    try:
        map_ranges(task, 4, 1, workers=2, progress=lambda *step: print(*step, flush=True))
    except KeyboardInterrupt:
        sys.exit(130)
"""


def start(folder: Path, seconds: float) -> subprocess.Popen[str]:
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "pids").mkdir()
    return subprocess.Popen(
        [sys.executable, str(folder / "script.py"), str(folder / "pids"), str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[str]) -> None:
    """Kill what ``start`` started, workers and all: they hold its pipes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_for(condition: object, seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_the_workers_of_a_killed_parent_exit(tmp_path: Path) -> None:
    process = start(tmp_path, 60.0)
    try:
        assert wait_for(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
        process.kill()
        process.wait()
        pids = [int(path.name) for path in (tmp_path / "pids").iterdir()]
        assert wait_for(lambda: not any(map(alive, pids)))
    finally:
        stop(process)


@pytest.mark.parametrize("wait", [0.0, 0.05, 0.1, 0.3])
@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system cannot hold signals back")
def test_ctrl_c_is_handled_by_the_parent(tmp_path: Path, wait: float) -> None:
    process = start(tmp_path, 0.5)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == " 0 4\n"  # the pool comes next
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, err = process.communicate(timeout=60)
    finally:
        stop(process)
    assert process.returncode == 130
    assert all("waiting for" in line for line in err.splitlines())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks processes up in /proc")
def test_ctrl_c_does_not_touch_a_worker_not_even_while_it_starts(tmp_path: Path) -> None:
    process = start(tmp_path, 0.1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        until = time.monotonic() + 2.0
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError):
                for child in children.read_text(encoding="utf-8").split():
                    os.kill(int(child), signal.SIGINT)
            time.sleep(0.005)
        _, err = process.communicate(timeout=60)
    finally:
        stop(process)
    assert (process.returncode, err) == (0, "")


JOBS = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
from affetti.execution import executor

@dataclass(frozen=True)
class Stubborn:
    out: Path
    name: str

    def __call__(self, progress):
        (self.out / self.name).touch()
        while True:
            try:
                time.sleep(60.0)
            except KeyboardInterrupt:
                pass  # as if saving took minutes

if __name__ == "__main__":
    jobs = [Stubborn(Path(sys.argv[1]), name) for name in ("gan", "flow")]
    try:
        executor("local", 2).run_jobs(jobs)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize(("script", "awaited"), [(SCRIPT, "[23] parts of the work"), (JOBS, "gan, flow to save")])
def test_ctrl_c_reports_what_it_waits_for_and_a_second_one_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, awaited: str
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SCRIPT", script)
    process = start(tmp_path, 60.0)
    try:
        assert wait_for(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.readline()
        assert re.match(f"interrupted: waiting for {awaited}", said)
        assert "Ctrl-C again ends at once" in said
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=40)  # the work takes a minute
    finally:
        stop(process)
    assert process.returncode == 130
    assert err == ""
