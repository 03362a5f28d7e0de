"""Work spread over processes: :func:`executor` makes the executor that ``--engine`` and ``--workers`` name."""

from __future__ import annotations

from affetti.errors import UsageError
from affetti.execution.base import Executor, Job, RangeTask, ShardTask, ranges
from affetti.execution.local import LocalExecutor, cpu_count

ENGINES = ("local",)
"""What ``--engine`` accepts."""

__all__ = ["ENGINES", "Executor", "Job", "LocalExecutor", "RangeTask", "ShardTask", "cpu_count", "executor", "ranges"]


def executor(engine: str = "local", workers: int | None = None) -> Executor:
    """The executor named ``engine``.

    Args:
        engine: ``local``, processes on this machine.
        workers: how many processes; by default as many as this process may use cores.

    Raises:
        UsageError: there is no such engine, or ``workers`` is less than 1.

    Example:
        >>> executor("local", 2).workers
        2
    """
    if engine not in ENGINES:
        raise UsageError(f"there is no engine {engine!r}", where="--engine", hint=f"choose from {', '.join(ENGINES)}")
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers", where="--workers", hint="give 1 or more")
    return LocalExecutor(cpu_count() if workers is None else workers)
