"""One process at a time works in an output folder.

A lock file in the folder holds the number of the process that works there. What locks is the system's lock on that
file, not its presence, so that it ends with the process, however that dies. Where a file system has no such locks,
folders are not locked.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import ParamSpec, TypeVar

from affetti.errors import StorageError

LOCK = ".lock"
"""Name of the lock file; it is removed when the work ends."""

P = ParamSpec("P")
T = TypeVar("T")

_held: dict[str, int] = {}
"""Open lock files of this process by folder, whose work may be made of parts that use the same folder."""
_scope: ContextVar[list[str] | None] = ContextVar("scope", default=None)


def releases_outputs(function: Callable[P, T]) -> Callable[P, T]:
    """Decorator: folders that are locked while ``function`` runs are released when it ends."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with _released_at_end():
            return function(*args, **kwargs)

    return run


def lock_output(folder: Path) -> None:
    """Lock an existing folder until the function around it ends that :func:`releases_outputs` decorates.

    Without such a function nothing is locked, as nothing would release it. Processes of one distributed training share
    the lock of the first.

    Raises:
        StorageError: another process works there; names it.
    """
    name = os.path.realpath(folder)
    scope = _scope.get()
    if scope is None or name in _held or any(os.environ.get(rank, "0") != "0" for rank in ("RANK", "LOCAL_RANK")):
        return
    handle = open_locked(folder)
    if handle is None:
        return
    _held[name] = handle
    scope.append(name)


def unlock_output(folder: Path) -> None:
    """Release the lock of a folder, if this process holds it."""
    _release(os.path.realpath(folder))


@contextmanager
def _released_at_end() -> Generator[None]:
    locked: list[str] = []
    token = _scope.set(locked)
    try:
        yield
    finally:
        _scope.reset(token)
        for name in locked:
            _release(name)


def open_locked(folder: Path) -> int | None:
    """The lock file of a folder, opened and locked; None where it cannot be written or locked.

    Raises:
        StorageError: another process holds it.
    """
    path = folder / LOCK
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            return None  # the write itself will raise the error that says why
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.fstat(handle).st_ino == path.stat().st_ino:
                os.ftruncate(handle, 0)
                os.write(handle, f"{os.getpid()}\n".encode())
                return handle
            os.close(handle)  # its owner removed it between our opening and locking it
        except OSError as error:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip()
            os.close(handle)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return None
            process = f"process {holder}" if holder.isdigit() else "another process"
            raise StorageError(
                f"{process} of affetti works here", where=folder, hint="wait until it ends, or choose another --out"
            ) from error


def _release(name: str) -> None:
    handle = _held.pop(name, None)
    if handle is not None:
        (Path(name) / LOCK).unlink(missing_ok=True)
        os.close(handle)
