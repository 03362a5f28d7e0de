"""Files that are written whole or not at all, and output folders that are reserved for one piece of work.

A file is written under a temporary name in the same folder, synced to disk and renamed over its target, which is atomic
on one file system. An interrupted write leaves the old file or none, never a partial one.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from affetti.errors import StorageError
from affetti.output_lock import LOCK, free_if_unused, lock_output

PARTIAL_PREFIX = ".unfinished-"
"""How the name of a file that is being written begins; a killed process leaves such files behind."""


@contextmanager
def atomic_write(path: Path) -> Generator[Path]:
    """Yield a temporary path in the folder of ``path``; on success it becomes ``path``, on any error it is removed.

    Raises:
        StorageError: the folder cannot be written or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, lock = _partial(path)
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, StorageError):  # that explains the fault already
            raise storage_error(path, error) from error
        raise
    finally:
        os.close(lock)


def _partial(path: Path) -> tuple[Path, int]:
    """An empty file beside ``path``, and its open descriptor, which locks it.

    A path has the same file each time, so that what a killed process left is used by the next. While another process
    writes the path, or where there are no locks, a new file is made.
    """
    key = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    usual = path.parent / f"{PARTIAL_PREFIX}{key}{path.suffix}"
    try:
        handle = os.open(usual, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:  # another user's; or the folder is closed, which the new file's error will say
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL_PREFIX, suffix=path.suffix)
        return Path(name), handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == usual.stat().st_ino:  # else its writer has finished since we opened it
            os.ftruncate(handle, 0)
            return usual, handle
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.ENOENT):
            usual.unlink(missing_ok=True)
    os.close(handle)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL_PREFIX, suffix=path.suffix)
    return Path(name), handle


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: indented, keys in the order given, no NaN (JSON has none)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def expand_home(path: str | Path) -> Path:
    """``path`` with a leading ``~`` replaced by the user's home folder, as a shell does with an argument.

    Settings in files, and what follows a colon as in ``folder:~/music``, no shell has seen.
    """
    path = Path(path)
    return path.expanduser() if path.parts[:1] == ("~",) else path


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, without the byte-order mark that some editors write.

    Raises:
        StorageError: the file is missing, cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise read_error(path, error) from error
    except UnicodeDecodeError as error:
        what = f"cannot be read (not UTF-8 text: {error.reason} at byte {error.start})"
        raise StorageError(what, where=path, hint="save it as UTF-8") from error


def parse(text: str, parser: Callable[[str], Any] = json.loads) -> Any:
    """What a text of JSON holds, or with ``tomllib.loads`` one of TOML.

    Raises:
        ValueError: it is not valid, is nested too deeply, or holds a number with too many digits.
    """
    try:
        return parser(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError | tomllib.TOMLDecodeError):
            raise
        raise ValueError("a number has thousands of digits") from error


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        StorageError: the file is missing, unreadable or cut short.
    """
    text = read_text(path)
    try:
        return parse(text)
    except ValueError as error:
        why = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else f" ({error})"
        hint = "the file was cut short or edited: make it again"
        raise StorageError(f"not valid JSON{why}", where=path, hint=hint) from error


def reserve_output(out: Path, settings: dict[str, Any], ignored_keys: frozenset[str] = frozenset()) -> bool:
    """Reserve the folder ``out`` for one piece of work by writing its settings to ``config.json``.

    Work begun by another version of affetti is refused: its result would come from two programs. So is a folder in
    which another process works: it stays locked until the function around ends, and is free again if that fails before
    it writes anything, see :mod:`affetti.output_lock`.

    Args:
        out: a new or empty folder, or one in which the same work was begun.
        settings: what the result depends on, JSON types; ``verb`` names the work in messages.
        ignored_keys: keys of ``settings`` that may differ between calls, because the result does not depend on them.

    Returns:
        Whether the work was begun before.

    Raises:
        StorageError: the folder holds something else, or another process works there.
    """
    path = out / "config.json"
    verb = settings.get("verb")
    settings = {**settings, "affetti": version("affetti")}
    if not is_file(path) and not is_vacant(out):
        raise StorageError(
            f"exists and is not a folder of affetti {verb}", where=out, hint="choose a new folder for --out"
        )
    lock_folder(out)
    if not path.exists():
        write_json(path, settings)
        free_if_unused(out, path)
        return False
    previous = read_json(path)
    requested = json.loads(json.dumps(settings))
    if not isinstance(previous, dict):
        raise StorageError("is not a configuration of affetti", where=path, hint="choose another --out")
    # Another version may also lack settings that this one has: the version is the reason.
    for key in sorted(requested, key=lambda name: (name != "verb", name != "affetti")):
        value = requested[key]
        if key not in ignored_keys and previous.get(key) != value:
            raise StorageError(
                f"holds other work ({key} was {previous.get(key)!r}, is {value!r})",
                where=out,
                hint="choose another --out, or remove it",
            )
    return True


def is_vacant(out: Path, *ignored: str) -> bool:
    """Whether ``out`` does not exist, or is a folder that is empty but for the lock and the names ``ignored``.

    Raises:
        StorageError: it cannot be read, or is a URL.
    """
    if re.match(r"[A-Za-z][\w+.-]+:/", str(out)):
        raise StorageError("is a URL, not a path", where=out, hint="choose a folder for --out, or mount the storage")
    try:
        return not out.exists() or (out.is_dir() and all(it.name in (LOCK, *ignored) for it in out.iterdir()))
    except OSError as error:
        raise read_error(out, error) from error


def lock_folder(out: Path) -> None:
    """Make the folder ``out`` where there is none, and lock it, see :mod:`affetti.output_lock`.

    Raises:
        StorageError: another process works there, or it cannot be made.
    """
    try:
        if not out.exists():
            out.mkdir(parents=True)
    except FileExistsError:
        pass  # another process was faster
    except OSError as error:
        raise storage_error(out, error) from error
    lock_output(out)


def remove_partial(folder: Path) -> None:
    """Remove the partial files that killed processes left anywhere in ``folder``.

    Call it only while nothing is being written there.
    """
    for path in folder.rglob(f"{PARTIAL_PREFIX}*"):
        path.unlink(missing_ok=True)


def is_file(path: Path) -> bool:
    """Whether ``path`` is a file.

    Raises:
        StorageError: that cannot be known, as a folder above it is closed.
    """
    try:
        return path.is_file()
    except OSError as error:
        raise read_error(path, error) from error


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder; raises as :func:`is_file` does."""
    try:
        return path.is_dir()
    except OSError as error:
        raise read_error(path, error) from error


@contextmanager
def reading(path: Path, hint: str) -> Generator[None]:
    """Turn the errors of a library that reads ``path`` into a :class:`StorageError` with the ``hint``.

    An error that the system gave, such as a closed file, is distinguished from a file that is missing or damaged.

    Raises:
        StorageError: the file cannot be read, is missing, or is cut short.
    """
    try:
        yield
    except StorageError:
        raise
    except (OSError, ValueError, EOFError) as error:
        # Libraries reword the system's error or report a missing file; opening the file raises the original error.
        try:
            path.open("rb").close()
        except FileNotFoundError:
            pass
        except OSError as refusal:
            raise read_error(path, refusal) from error
        # They raise OSError without a number for content that they cannot read.
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
            raise read_error(path, error) from error
        raise StorageError("missing or cut short", where=path, hint=hint) from error


def read_error(path: Path, error: OSError) -> StorageError:
    """The :class:`StorageError` that explains why reading ``path`` failed; it calls nothing damaged.

    Example:
        >>> str(read_error(Path("mel.npy"), PermissionError(errno.EACCES, "Permission denied")))
        'mel.npy: cannot be read (Permission denied). Check its permissions'
    """
    if isinstance(error, StorageError):
        return error
    if isinstance(error, FileNotFoundError):
        return StorageError("no such file", where=path, hint="check the path")
    denied = error.errno in (errno.EACCES, errno.EPERM)
    hint = "check its permissions" if denied else "check the file and the disk it lies on"
    return StorageError(f"cannot be read ({error.strerror or error})", where=path, hint=hint)


def storage_error(path: Path, error: OSError) -> StorageError:
    """The :class:`StorageError` that explains why writing ``path`` failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("the disk is full", where=path, hint="free some space and run the same command again")
    return StorageError(f"cannot be written ({error.strerror or error})", where=path, hint="choose another --out")


def format_bytes(count: float) -> str:
    """A number of bytes for people.

    Example:
        >>> [format_bytes(count) for count in (0, 999, 1_500, 2_500_000, 3.2e9, 4e13)]
        ['0 bytes', '999 bytes', '1.5 kB', '2.5 MB', '3.2 GB', '40,000.0 GB']
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:.0f} bytes"


def require_space(folder: Path, needed: int) -> None:
    """Check that ``needed`` bytes are free on the disk that holds ``folder``.

    Args:
        folder: the folder to be written (it need not exist yet).
        needed: bytes to be written.

    Raises:
        StorageError: less than ``needed`` bytes are free.
    """
    existing = folder.resolve()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise StorageError(
            f"{format_bytes(needed)} needed, {format_bytes(free)} free",
            where=folder,
            hint="free some space or change --out",
        )
