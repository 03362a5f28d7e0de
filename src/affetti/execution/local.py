"""One seam for work that splits over rows: a picklable task mapped over row ranges.

A task takes ``(start, stop)`` and files its own result, atomically, before it returns; ``done(start, stop)`` says
whether that has happened. So any range may be run again, by anybody, and a run that was cut goes on where it was.
Results do not depend on the number of workers. Processes are started with ``spawn``: a script that calls this with
``workers > 1`` needs the usual ``if __name__ == "__main__":``.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.queues import Queue

from affetti.errors import StorageError
from affetti.progress import Progress, silent

Task = Callable[[int, int], None]


def cpu_count() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ranges(n: int, chunk: int) -> list[tuple[int, int]]:
    """Split ``n`` rows into ranges of at most ``chunk``."""
    return [(start, min(start + chunk, n)) for start in range(0, n, chunk)]


_tasks: list[Task] = []
"""The task of this worker process: sent once, not with each range, for it may hold a whole corpus' tracks."""


def _run_range(start: int, stop: int) -> None:
    _tasks[-1](start, stop)


def _start_worker(tasks: Queue[Task]) -> None:
    _tasks.append(tasks.get())
    # The parent handles Ctrl-C and ends the pool; a worker that dies mid-write would leave its temporary file.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)


def _leave_with_parent() -> None:
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
    """Run ``task`` over every range of ``n`` rows that is not yet done.

    Args:
        task: picklable; called as ``task(start, stop)``.
        n: number of rows, ≥ 0.
        chunk: rows a range, ≥ 1; never derived from ``workers``, so that the ranges are always the same.
        done: whether a range has been filed already.
        workers: processes; 1 works in this process.
        stage: name given to ``progress``.
        progress: told of rows done.

    Raises:
        AffettiError: what a task raised; ranges already filed stay.
        StorageError: a worker process died.
    """
    todo = [span for span in ranges(n, chunk) if not done(*span)]
    finished = n - sum(stop - start for start, stop in todo)
    progress(stage, finished, n)
    if workers <= 1 or len(todo) <= 1:
        for start, stop in todo:
            task(start, stop)
            finished += stop - start
            progress(stage, finished, n)
        return
    count = min(workers, len(todo))
    with ExitStack() as ending:
        # A KeyboardInterrupt while a queue or a pool is half made would leave its semaphores behind.
        with _interrupts_held_back():
            context = get_context("spawn")
            # By a queue, not as an argument: a large one would hold up each start until the worker before has read it.
            tasks: Queue[Task] = context.Queue()
            ending.callback(tasks.close)
            ending.callback(tasks.cancel_join_thread)  # a worker that died has not fetched its own
            for _ in range(count):
                tasks.put(task)
            pool = ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker, initargs=(tasks,))
            ending.callback(pool.shutdown, wait=True, cancel_futures=True)
            pending: dict[Future[None], int] = {pool.submit(_run_range, *span): span[1] - span[0] for span in todo}
        try:
            while pending:
                completed, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in completed:
                    rows = pending.pop(future)
                    future.result()
                    finished += rows
                    progress(stage, finished, n)
        except BrokenProcessPool as error:
            raise StorageError(
                "a worker process died (out of memory?)", hint="run the same command again, with fewer --workers"
            ) from error
