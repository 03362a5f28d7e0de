"""One process at a time works in an output folder.

A lock file in the folder holds the number of the process that works there. What locks is the system's lock on that
file, not its presence, so that it ends with the process, however that dies. Where a file system has no such locks,
folders are not locked.

Work that fails before it has written anything but the mark that reserves its folder leaves the folder as free as it
was: the next command may choose it, with other settings.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from affetti.errors import StorageError

LOCK = ".lock"
"""Name of the lock file; it is removed when the work ends."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class _Scope:
    """What a function has locked and reserved."""

    locked: list[str] = field(default_factory=list[str])
    """Folders, by real path."""
    marks: dict[Path, Path] = field(default_factory=dict[Path, Path])
    """The file that reserves it, by folder."""


_held: dict[str, int] = {}
"""Open lock files of this process by folder, whose work may be made of parts that use the same folder."""
_scope: ContextVar[_Scope | None] = ContextVar("scope", default=None)


def releases_outputs(function: Callable[P, T]) -> Callable[P, T]:
    """Decorator: folders that are locked while ``function`` runs are released when it ends, see :func:`lock_output`.

    Where it raises, folders that it has reserved and not used are free again, see :func:`free_if_unused`.
    """

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
    scope.locked.append(name)


def free_if_unused(folder: Path, mark: Path) -> None:
    """Free ``folder`` if the function around fails before it writes anything there but ``mark``.

    Args:
        folder: it has just been reserved; it is removed with the mark, if it is then empty.
        mark: the file in it that reserves it.
    """
    scope = _scope.get()
    if scope is not None:
        scope.marks[folder] = mark


def unlock_output(folder: Path) -> None:
    """Release the lock of a folder, if this process holds it."""
    _release(os.path.realpath(folder))


@contextmanager
def _released_at_end() -> Generator[None]:
    scope = _Scope()
    token = _scope.set(scope)
    unused: list[Path] = []
    try:
        yield
    except Exception:
        unused = [folder for folder, mark in scope.marks.items() if _remove_mark(folder, mark)]
        raise
    finally:
        _scope.reset(token)
        for name in scope.locked:
            _release(name)
        for folder in unused:
            with suppress(OSError):  # it is not empty: work around this one uses it
                folder.rmdir()


def _remove_mark(folder: Path, mark: Path) -> bool:
    """Remove the mark of a folder in which there is no other file; returns whether it was so."""
    try:
        inside = sorted(folder.rglob("*"), reverse=True)
        folders = [path for path in inside if path.is_dir() and not path.is_symlink()]
        if not set(inside) <= {mark, folder / LOCK, *folders}:
            return False
        mark.unlink(missing_ok=True)
        for path in folders:
            path.rmdir()
    except OSError:
        return False
    return True


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
