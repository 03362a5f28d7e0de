"""Work on this machine, in processes.

Processes are started with ``spawn``: a script that uses more than one worker needs ``if __name__ == "__main__":``.
Ctrl-C reaches the parent alone. Ranges that are being computed are finished, so that they need not be computed again;
jobs are interrupted and may save their state. A second Ctrl-C kills them. No process outlives its parent.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process, resource_tracker
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from typing import Any, ClassVar, TypeVar

from affetti.errors import AffettiError, WorkerError
from affetti.execution.base import Job, RangeTask, ranges
from affetti.progress import Progress, silent

T = TypeVar("T")
Task = Callable[[int, int], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalEngine:
    """Processes on this machine; see :class:`affetti.execution.base.Engine`."""

    name: ClassVar[str] = "local"

    def executor(self, workers: int | None) -> LocalExecutor:
        """The executor; by default with as many workers as this process may use cores."""
        return LocalExecutor(cpu_count() if workers is None else workers)


@dataclass(frozen=True)
class LocalExecutor:
    """Processes on this machine; see :class:`affetti.execution.base.Executor`."""

    workers: int = 1
    """Processes; 1 works in the calling process."""

    def map_ranges(self, task: RangeTask, n: int, chunk: int, *, stage: str = "", progress: Progress = silent) -> None:
        """See :meth:`affetti.execution.base.Executor.map_ranges`."""
        map_ranges(task, n, chunk, done=task.done, workers=self.workers, stage=stage, progress=progress)

    def run_jobs(self, jobs: Sequence[Job[T]], progress: Progress = silent) -> list[T]:
        """See :meth:`affetti.execution.base.Executor.run_jobs`."""
        return run_jobs(jobs, self.workers, progress)


def cpu_count() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_tasks: list[Task] = []
"""The task of this worker process. It is sent once, not with each range, because it may hold a corpus' tracks."""


def _run_range(start: int, stop: int) -> None:
    _tasks[-1](start, stop)


def _start_worker(tasks: Queue[Task]) -> None:
    _tasks.append(tasks.get())
    # The parent handles Ctrl-C and ends the pool; a worker that dies mid-write would leave its temporary file.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)


def _exit_with_parent() -> None:
    # A parent that is killed ends no pool: its workers would wait for work, and hold their memory, for ever.
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_held_back() -> Generator[None]:
    """Hold Ctrl-C back until the block is over; processes started in it never see one, not even while they import."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start would end the hold
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def map_ranges(
    task: Task,
    n: int,
    chunk: int,
    *,
    done: Callable[[int, int], bool] = lambda _start, _stop: False,
    workers: int = 1,
    stage: str = "",
    progress: Progress = silent,
) -> None:
    """Run ``task`` over every range of ``n`` rows that is not done, in ``workers`` processes.

    Args:
        task: picklable; called as ``task(start, stop)``.
        n: number of rows, ≥ 0.
        chunk: rows per range, ≥ 1.
        done: whether the result of a range is saved.
        workers: processes; 1 works in this process.
        stage: the name that ``progress`` receives.
        progress: called with the number of rows done.

    Raises:
        AffettiError: what a task raised; ranges that are saved stay.
        WorkerError: a worker process died.
    """
    remaining = [span for span in ranges(n, chunk) if not done(*span)]
    n_done = n - sum(stop - start for start, stop in remaining)
    progress(stage, n_done, n)
    if workers <= 1 or len(remaining) <= 1:
        for start, stop in remaining:
            task(start, stop)
            n_done += stop - start
            progress(stage, n_done, n)
        return
    processes: list[BaseProcess] = []
    try:
        with _pool(task, min(workers, len(remaining)), remaining, processes) as pending:
            while pending:
                completed, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in completed:
                    rows = pending.pop(future)
                    future.result()
                    n_done += rows
                    progress(stage, n_done, n)
    except BrokenProcessPool as error:
        codes = [process.exitcode for process in processes]
        # The pool ends the other workers by SIGTERM.
        died = [code for code in codes if code not in (None, 0, -signal.SIGTERM)] or [-signal.SIGTERM]
        raise WorkerError(f"a worker process {_describe_exit(died[0])}", hint=_hint_after(died[0])) from error


@contextmanager
def _pool(
    task: Task, count: int, spans: Sequence[tuple[int, int]], processes: list[BaseProcess]
) -> Generator[dict[Future[None], int]]:
    """Start ``count`` processes and submit all ranges to them; yields the number of rows of each.

    The processes are appended to ``processes``.
    """
    with ExitStack() as ending:
        # A KeyboardInterrupt while a queue or a pool is half made would leave its semaphores behind.
        with _interrupts_held_back():
            others = set(active_children())
            context = get_context("spawn")
            # By a queue, not as an argument: a large one would hold up each start until the worker before has read it.
            tasks: Queue[Task] = context.Queue()
            ending.callback(tasks.close)
            ending.callback(tasks.cancel_join_thread)  # a worker that died has not fetched its own
            for _ in range(count):
                tasks.put(task)
            pool = ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker, initargs=(tasks,))
            pending: dict[Future[None], int] = {}

            def end(kind: type[BaseException] | None, *_: object) -> None:
                _shut_down(pool, processes, pending, interrupted=kind is KeyboardInterrupt)

            ending.push(end)
            pending |= {pool.submit(_run_range, *span): span[1] - span[0] for span in spans}
            processes += [process for process in active_children() if process not in others]
        yield pending


def _shut_down(
    pool: ProcessPoolExecutor, processes: Sequence[BaseProcess], pending: Collection[Future[None]], interrupted: bool
) -> None:
    """Wait for the ranges that are being computed; a second Ctrl-C kills the processes.

    The pool is shut down where Ctrl-C is held back: an interrupted ``Thread.join`` takes its thread for ended, and the
    pool would close the queue that its thread still reads.
    """
    try:
        computed = [future for future in pending if not future.cancel()]
        if interrupted:
            running = sum(future.running() for future in computed)
            log.warning("interrupted: waiting for %d parts of the work; Ctrl-C again ends at once", running)
        wait(computed)
    except KeyboardInterrupt:
        with _interrupts_held_back():
            for process in processes:
                process.kill()
            pool.shutdown(wait=True, cancel_futures=True)
        raise
    with _interrupts_held_back():
        pool.shutdown(wait=True, cancel_futures=True)


def _describe_exit(code: int) -> str:
    """How a process ended, from its exit code: negative for a signal, as in :attr:`multiprocessing.Process.exitcode`.

    >>> _describe_exit(-9), _describe_exit(-11), _describe_exit(3)
    ('was killed (out of memory?)', 'died of the signal SIGSEGV', 'died with exit code 3')
    """
    if code == -signal.SIGKILL:
        return "was killed (out of memory?)"
    if code >= 0:
        return f"died with exit code {code}"
    try:
        return f"died of the signal {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"died of the signal {-code}"


def _hint_after(code: int) -> str:
    again = "run the same command again: it continues from what is saved"
    return f"{again}; with fewer --workers it needs less memory" if code == -signal.SIGKILL else again


def run_jobs(jobs: Sequence[Job[T]], workers: int, progress: Progress = silent) -> list[T]:
    """Run independent jobs, at most ``workers`` at once, each with an equal share of the cores.

    See :meth:`affetti.execution.base.Executor.run_jobs`. One worker, or one job, works in this process with the threads
    it has.
    """
    if workers <= 1 or len(jobs) <= 1:
        return [job(progress) for job in jobs]
    context = get_context("spawn")
    messages: Any = context.Queue()
    results: dict[int, T] = {}
    waiting = list(enumerate(jobs))
    running: dict[int, Any] = {}
    threads = max(1, workers // len(jobs))
    interrupted = False
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                number, job = waiting.pop(0)
                running[number] = context.Process(target=_run_job, args=(number, job, threads, messages))
                running[number].start()
            try:
                number, kind, content = messages.get(timeout=0.5)
            except queue.Empty:
                _require_alive(jobs, running)
                continue
            if kind == "progress":
                progress(*content)
            elif kind == "error":
                raise content
            else:
                results[number] = content
                running.pop(number).join()
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        _end_jobs(jobs, running, interrupted)
    return [results[number] for number in range(len(jobs))]


def _end_jobs(jobs: Sequence[Job[Any]], running: Mapping[int, Any], interrupted: bool) -> None:
    """After Ctrl-C, or another job's error: each job receives SIGTERM and may save; a second Ctrl-C kills them."""
    processes = running.values()
    try:
        if interrupted:
            names = ", ".join(jobs[number].name for number in running)
            log.warning("interrupted: waiting for %s to save what is done; Ctrl-C again ends at once", names)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    except KeyboardInterrupt:
        with _interrupts_held_back():
            for process in processes:
                process.kill()
            for process in processes:
                process.join()
        raise


def _require_alive(jobs: Sequence[Job[object]], running: dict[int, Any]) -> None:
    """Raise for the first process that ended without sending a result."""
    for number, process in running.items():
        if process.exitcode not in (None, 0):
            raise WorkerError(
                f"the process of {jobs[number].name} {_describe_exit(process.exitcode)}",
                where=jobs[number].out,
                hint=_hint_after(process.exitcode),
            )


def _run_job(number: int, job: Job[object], threads: int, messages: Any) -> None:
    """In a process of its own: run a job and send its progress, and its result or error, to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and stops its jobs by SIGTERM
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_interrupt_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(threads)

    def progress(stage: str, done: int, total: int) -> None:
        messages.put((number, "progress", (stage, done, total)))

    try:
        result = job(progress)
    except KeyboardInterrupt:
        sys.exit(130)  # not 0: a parent that did not cause this would wait for the result
    except AffettiError as error:
        messages.put((number, "error", error))
        return
    messages.put((number, "result", result))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _interrupt_with_parent() -> None:
    # A parent that is killed ends no child: it would work on, beside the jobs of the same command's next call.
    if (parent := parent_process()) is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
