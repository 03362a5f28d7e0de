"""Files written whole or not at all.

A file appears under its name only once every byte is on disk: it is written beside its place and renamed over it
(atomic on one file system). An interrupted write leaves the old file, or none, and never one that only looks whole.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from affetti.errors import StorageError

UNFINISHED = ".unfinished-"
"""How the names of files begin that are being written; a killed process leaves them behind."""


@contextmanager
def written(path: Path) -> Generator[Path]:
    """Yield a temporary path in the folder of ``path``; on success it becomes ``path``, on any error it is removed.

    Raises:
        StorageError: the folder cannot be written or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED, suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise refused(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except StorageError:
        raise  # it says already what is wrong, and it is an OSError too
    except OSError as error:
        raise refused(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: indented, keys in the order given, no NaN (JSON has none)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        StorageError: the file is missing, unreadable or cut short.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StorageError("no such file", where=path, hint="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"cannot be read ({error})", where=path, hint="check the file and its permissions"
        ) from error
    except json.JSONDecodeError as error:
        raise StorageError(
            f"not valid JSON at line {error.lineno}", where=path, hint="the file was cut short or edited: make it again"
        ) from error


def claim(out: Path, settings: dict[str, Any], passing: frozenset[str] = frozenset()) -> bool:
    """Take the folder ``out`` for one piece of work: its ``config.json`` says which, and by which affetti.

    Work that another version began is not gone on with: one result would be of two programs.

    Args:
        out: a new or empty folder, or one that this very work was begun in.
        settings: what the work depends on, JSON types; ``verb`` names it in messages.
        passing: keys that may differ, because they do not change the result.

    Returns:
        whether the work was begun before.

    Raises:
        StorageError: the folder holds something else.
    """
    path = out / "config.json"
    verb = settings.get("verb")
    settings = {**settings, "affetti": version("affetti")}
    if not path.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise StorageError(f"exists and holds no affetti {verb}", where=out, hint="choose a new folder for --out")
        write_json(path, settings)
        return False
    there = read_json(path)
    asked = json.loads(json.dumps(settings))
    if not isinstance(there, dict):
        raise StorageError("is not a configuration of affetti", where=path, hint="choose another --out")
    differing = [key for key in asked if key not in passing and there.get(key) != asked[key]]
    if differing:
        key = differing[0]
        raise StorageError(
            f"holds other work ({key} was {there.get(key)!r}, is {asked[key]!r})",
            where=out,
            hint="choose another --out, or remove it",
        )
    return True


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written anywhere in ``folder``; call it only when no work is under way."""
    for path in folder.rglob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)


def refused(path: Path, error: OSError) -> StorageError:
    """The :class:`StorageError` that explains why writing ``path`` failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("the disk is full", where=path, hint="free some space and run the same command again")
    return StorageError(f"cannot be written ({error.strerror or error})", where=path, hint="choose another --out")


def require_space(folder: Path, needed: int) -> None:
    """Refuse work whose output would not fit on the disk that holds ``folder``.

    Args:
        folder: the folder to be written (it need not exist yet).
        needed: bytes about to be written.

    Raises:
        StorageError: less than ``needed`` bytes are free.
    """
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise StorageError(
            f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free",
            where=folder,
            hint="free some space or change --out",
        )
