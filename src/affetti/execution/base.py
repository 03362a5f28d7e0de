"""The seam through which work is spread over processes or machines.

An :class:`Executor` does two things:

- it maps a :class:`RangeTask` over row ranges. The task saves the result of each range before it returns, so a range
  that is saved is done: work that was interrupted continues where it stopped, and a range may be run twice without
  harm;
- it runs independent :class:`Job` objects side by side (runs to train, for example), each with a share of the cores.

Results do not depend on the executor or on the number of workers. Tasks and jobs are sent to other processes, so they
and what they hold must be picklable: frozen dataclasses of paths, arrays and numbers. Work that takes less than a
second gains nothing from an executor; call the task itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from affetti.progress import Progress, silent

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class RangeTask(Protocol):
    """Idempotent work on the rows ``start`` to ``stop`` (exclusive) that saves its own result."""

    def saved_in(self) -> Path:
        """The folder of the results. On a cluster it must be on a path that all nodes share; logs are beside them."""
        ...

    def inputs(self) -> tuple[Path, ...]:
        """Files and folders that it reads, or a few of many; on a cluster every node must see them."""
        ...

    def done(self, start: int, stop: int) -> bool:
        """Whether the result of the range is saved."""
        ...

    def __call__(self, start: int, stop: int) -> None:
        """Compute the range and file its result atomically."""
        ...


@dataclass(frozen=True)
class ShardTask(ABC):
    """A :class:`RangeTask` whose result for each range is one file, :meth:`shard`.

    Subclasses are frozen dataclasses that implement :meth:`shard` and :meth:`__call__`.
    """

    def saved_in(self) -> Path:
        """The folder of the shards."""
        return self.shard(0, 1).parent

    def inputs(self) -> tuple[Path, ...]:
        """Files and folders that it reads; none unless a subclass names them."""
        return ()

    @abstractmethod
    def shard(self, start: int, stop: int) -> Path:
        """The file of the range. Its existence means that the range is done, so it must be written atomically, last."""

    @abstractmethod
    def __call__(self, start: int, stop: int) -> None:
        """Compute the range and write :meth:`shard`."""

    def done(self, start: int, stop: int) -> bool:
        """Whether the shard of the range exists."""
        return self.shard(start, stop).exists()

    def shards(self, n: int, chunk: int) -> list[Path]:
        """The files of all ranges of ``n`` rows, in order."""
        return [self.shard(*span) for span in ranges(n, chunk)]


class Job(Protocol[T_co]):
    """Independent work with a result of its own, such as one run to train."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def out(self) -> Path:
        """The folder it writes, for messages."""
        ...

    def __call__(self, progress: Progress) -> T_co:
        """Do the work, or return its result if it is already there; the result must be picklable."""
        ...


class Engine(Protocol):
    """Where work runs, and the options of that place: one of :data:`affetti.execution.ENGINES`."""

    name: ClassVar[str]
    """What ``--engine`` calls it."""

    def executor(self, workers: int | None) -> Executor:
        """The executor; nothing is started or connected before it is used.

        Args:
            workers: how many ranges or jobs are worked on at once; None: as many as the place has room for.

        Raises:
            MissingDependencyError: the library or program that it needs is not installed.
        """
        ...


class Executor(Protocol):
    """Runs tasks and jobs, in this process or elsewhere."""

    @property
    def workers(self) -> int:
        """How many ranges or jobs are worked on at once."""
        ...

    def map_ranges(self, task: RangeTask, n: int, chunk: int, *, stage: str = "", progress: Progress = silent) -> None:
        """Run ``task`` over every range of ``n`` rows that is not done.

        Args:
            task: called as ``task(start, stop)``.
            n: number of rows, ≥ 0.
            chunk: rows per range, ≥ 1; never derived from the number of workers, so that ranges are always the same.
            stage: the name that ``progress`` receives.
            progress: called with the number of rows done.

        Raises:
            AffettiError: what a task raised; ranges that are saved stay.
            WorkerError: a worker process died.
        """
        ...

    def run_jobs(self, jobs: Sequence[Job[T]], progress: Progress = silent) -> list[T]:
        """Run independent jobs, each with an equal share of the cores, and return their results in order.

        Args:
            jobs: the work. On Ctrl-C or SIGTERM each receives :class:`KeyboardInterrupt`, and may save its state.
            progress: receives the stages of all jobs.

        Raises:
            AffettiError: what a job raised first; the other jobs are interrupted.
            WorkerError: a worker process died.
            KeyboardInterrupt: the work was interrupted, after all jobs have stopped.
        """
        ...


def ranges(n: int, chunk: int) -> list[tuple[int, int]]:
    """Split ``n`` rows into ranges ``(start, stop)`` of at most ``chunk`` rows.

    Example:
        >>> ranges(10, 4)
        [(0, 4), (4, 8), (8, 10)]
    """
    return [(start, min(start + chunk, n)) for start in range(0, n, chunk)]
