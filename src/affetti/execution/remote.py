"""What engines beyond this machine share: the order that a worker receives, and what counts as a failure.

A worker works in the folder of the command, so that relative paths mean the same; it has one thread, as a local worker
does, so that the bytes are the same. It refuses to begin where versions differ or a path is not seen there. An error of
the input or of the request is final. Anything else (a full disk, a node that dies, a bug) is tried :data:`TRIES` times.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from affetti.errors import (
    AffettiError,
    MismatchError,
    MissingDependencyError,
    StorageError,
    UsageError,
    WorkerError,
)
from affetti.execution.base import Job, RangeTask
from affetti.progress import Progress
from affetti.provenance import versions

T = TypeVar("T")
Span = tuple[int, int]
TRIES = 3
"""How often a range or job is tried."""
PATIENCE = 20.0
"""Seconds that a shared file system may take to show here what a node has written."""
COMPARED = ("affetti", "torch", "numpy")
"""What must have the same version everywhere."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """How a piece of work ended on a node."""

    node: str
    error: AffettiError | None = None
    final: bool = False
    """Whether another try would end the same."""
    result: T | None = None


@dataclass(frozen=True)
class Setting:
    """What must be the same on a node as where the command was started."""

    engine: str
    inputs: tuple[Path, ...] = ()
    """Of these, those that are seen here must be seen there."""
    folder: Path = field(default_factory=Path.cwd)
    versions: dict[str, str] = field(default_factory=versions)

    @contextlib.contextmanager
    def entered(self, threads: int = 1) -> Generator[None]:
        """On a node: work in the folder of the command, with ``threads`` threads.

        Raises:
            MismatchError: a version differs, or a path is not seen.
        """
        node, here = platform.node(), versions()
        for name in COMPARED:
            if here[name] != self.versions[name]:
                raise MismatchError(
                    f"node {node} has {name} {here[name]}, the machine of the command {self.versions[name]}",
                    where=f"--engine {self.engine}",
                    hint="install the same version on both",
                )
        require_seen(self.folder, node)
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            for path in self.inputs:
                require_seen(path, node)
            import torch

            torch.set_num_threads(threads)
            yield
        finally:
            os.chdir(before)


def require_seen(path: Path, node: str) -> None:
    """Raise :class:`MismatchError` where a path does not exist on this node."""
    if not path.exists():
        raise MismatchError(f"not seen on node {node}", where=path, hint="put it on a path that all nodes share")


@dataclass(frozen=True)
class RangeOrder:
    """A task and its setting, as sent to workers."""

    task: RangeTask
    setting: Setting

    @classmethod
    def of(cls, task: RangeTask, engine: str) -> RangeOrder:
        """The order of ``task``; what it reads is required of the nodes where it exists here."""
        return cls(task, Setting(engine, tuple(path for path in task.inputs() if path.exists())))

    def __call__(self, spans: Sequence[Span]) -> Outcome[None]:
        """On a node: compute the ranges that are not done. One that fails does not stop those after it."""
        node = platform.node()
        failed: AffettiError | None = None
        try:
            with self.setting.entered():
                for start, stop in spans:
                    if self.task.done(start, stop):
                        continue
                    try:
                        self.task(start, stop)
                    except Exception as error:
                        if is_final(error):
                            raise
                        log.exception("rows %d to %d failed on node %s", start, stop, node)
                        failed = failed or explained(error, f"rows {start} to {stop}", node)
        except AffettiError as error:
            return Outcome(node, error, final=True)
        return Outcome(node, failed)


@dataclass(frozen=True)
class JobOrder(Generic[T]):
    """A job and its setting, as sent to workers."""

    job: Job[T]
    setting: Setting
    threads: int = 1

    def __call__(self, progress: Progress) -> Outcome[T]:
        """On a node: do the job, or go on with it."""
        node = platform.node()
        try:
            with self.setting.entered(self.threads):
                return Outcome(node, result=self.job(progress))
        except Exception as error:
            if is_final(error) and isinstance(error, AffettiError):
                return Outcome(node, error, final=True)
            log.exception("%s failed on node %s", self.job.name, node)
            return Outcome(node, explained(error, self.job.name, node))


def is_final(error: Exception) -> bool:
    """Whether another try would end the same: an invalid input or request; not what a disk or a process did."""
    return isinstance(error, AffettiError) and not isinstance(error, StorageError | WorkerError)


def explained(error: Exception, what: str, node: str) -> AffettiError:
    """An error as one that can be sent, with what failed and where."""
    if isinstance(error, AffettiError):
        return error
    reason = last_line(str(error)) or "no message"
    return WorkerError(f"{what} failed on node {node} ({type(error).__name__}: {reason})")


def last_line(text: str) -> str:
    r"""The last line of a message or log that is not blank; of a traceback that is the error.

    >>> last_line("Traceback:\n  File …\nValueError: 3\n")
    'ValueError: 3'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip(" -=")]
    return lines[-1] if lines else ""


class Tries:
    """How often each piece of work has failed."""

    def __init__(self) -> None:
        self._failed: Counter[object] = Counter()

    def add(self, key: object, what: str, outcome: Outcome[Any], log_file: Path | None = None) -> None:
        """Count a failure.

        Raises:
            AffettiError: it is final.
            WorkerError: it was the last of :data:`TRIES` tries; says why it failed.
        """
        error = outcome.error
        if error is None:
            return
        if outcome.final:
            raise error
        self._failed[key] += 1
        if self._failed[key] >= TRIES:
            logged = "" if log_file is None else f" (log: {log_file})"
            raise WorkerError(
                f"{what} failed {TRIES} times, the last time: {error.what}{logged}",
                where=error.where,
                hint="what is saved stays: correct the cause and run the same command again",
            ) from error
        log.warning("%s failed and is tried again: %s", what, error)


def require_saved(task: RangeTask, span: Span, node: str) -> None:
    """Wait until the result of a range that a node has saved is seen here.

    Raises:
        MismatchError: it is not seen within :data:`PATIENCE` seconds.
    """
    if not wait_for(lambda: task.done(*span)):
        raise not_shared(task.saved_in(), node)


def require_folder(folder: Path, node: str) -> None:
    """The same of the folder that a job has written."""
    if not wait_for(folder.exists):
        raise not_shared(folder, node)


def not_shared(folder: Path, node: str) -> MismatchError:
    """The error for results of a node that are not seen here."""
    return MismatchError(
        f"what node {node} has saved is not seen here",
        where=folder,
        hint="put the output folder, and for folders of audio TMPDIR, on a path that all nodes share",
    )


def wait_for(seen: Callable[[], bool]) -> bool:
    """Wait until a shared file system shows here what a node has written, :data:`PATIENCE` seconds at most."""
    until = time.monotonic() + PATIENCE
    while not seen():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def require_library(name: str, extra: str) -> Any:
    """The library of an engine.

    Raises:
        MissingDependencyError: it is not installed, or cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"the engine {extra} needs the package {name.partition('.')[0]} ({error})",
            where="--engine",
            hint=f"install it: pip install 'affetti[{extra}]'",
        ) from error


def parse_options(text: str, known: Sequence[str], flag: str, example: str) -> dict[str, str]:
    """The options ``a=1,b=2`` of a flag.

    Raises:
        UsageError: an option is unknown or has no value.
    """
    options: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in known or not value:
            raise UsageError(
                f"{part.strip()!r} is no option", where=flag, hint=f"write such as {example}; known: {', '.join(known)}"
            )
        options[name] = value
    return options
