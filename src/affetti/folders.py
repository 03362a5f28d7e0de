"""The files below a folder, without hidden and system files: one rule for everything that affetti reads from folders.

Hidden files and files of operating systems (``.Trash``, ``._x.wav``, ``__MACOSX``, ``Thumbs.db``) are ignored.
Links to files and folders are followed; a link back to a folder that contains it is cut, and a folder to which there
are several links is listed once. Names are compared as they are written and, where no such name exists, by Unicode
normal form: macOS writes ``é`` as two characters where a table has one.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from affetti.errors import StorageError
from affetti.storage import read_error

NO_FILE = "no such file"
"""What :func:`why_unusable` says of a path at which there is nothing."""
SYSTEM_NAMES = frozenset(
    {
        "$recycle.bin",
        "#recycle",
        "@eadir",
        "__macosx",
        "__pycache__",
        "desktop.ini",
        "ehthumbs.db",
        "lost+found",
        "system volume information",
        "thumbs.db",
    }
)
"""Names, in lower case, of what Windows, Linux and network storage leave in a user's folders."""


@dataclass(frozen=True)
class Listing:
    """What lies below a folder."""

    files: tuple[Path, ...]
    """Files, and links whose target is missing, sorted by path."""
    unreadable: tuple[StorageError, ...] = ()
    """One error for each folder that cannot be read."""


def is_hidden(name: str) -> bool:
    """Whether a person does not see a file or folder of this name, or a system put it there.

    Example:
        >>> [name for name in ("song.wav", "._song.wav", "__MACOSX", "Thumbs.db") if is_hidden(name)]
        ['._song.wav', '__MACOSX', 'Thumbs.db']
    """
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES


def list_files(root: Path, max_depth: int | None = None) -> Listing:
    """List the files below ``root``, see the module for which.

    Args:
        root: the folder; its own name may be anything.
        max_depth: how many folders deep to search; without a limit by default.

    Raises:
        StorageError: ``root`` cannot be read.
    """
    files: list[Path] = []
    unreadable: list[StorageError] = []
    visited: set[str] = set()
    folders, links = deque([root]), deque[Path]()
    while folders or links:
        # Links last: of a folder that is reached both directly and by a link, the path without the link is listed.
        folder = folders.popleft() if folders else links.popleft()
        real = os.path.realpath(folder)
        if real in visited:
            continue
        visited.add(real)
        try:
            with os.scandir(folder) as entries:
                visible = [(entry.name, entry.is_symlink(), _is_folder(entry)) for entry in entries]
        except OSError as error:
            if folder == root:
                raise read_error(root, error) from error
            unreadable.append(read_error(folder, error))
            continue
        may_descend = max_depth is None or len(folder.relative_to(root).parts) < max_depth
        for name, is_link, is_folder in sorted(visible):
            path = folder / name
            if is_hidden(name):
                continue
            if not is_folder:
                files.append(path)
            elif may_descend and not is_link:
                folders.append(path)
            elif may_descend and not Path(real).is_relative_to(os.path.realpath(path)):
                links.append(path)
    return Listing(tuple(sorted(files)), tuple(unreadable))


def without_links_to_listed(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """``files`` without links to others of them, and of several links to one file the first."""
    real = {os.path.realpath(file.parent) + os.sep + file.name for file in files if not file.is_symlink()}
    kept: list[Path] = []
    for file in files:
        if file.is_symlink():
            target = os.path.realpath(file)
            if target in real:
                continue
            real.add(target)
        kept.append(file)
    return tuple(kept)


def normal_name(name: str) -> str:
    """A name as it is compared: in Unicode normal form C."""
    return unicodedata.normalize("NFC", name)


@dataclass(frozen=True)
class FileFinder:
    """Finds files by names that may be written in another normal form; each folder is read once."""

    _names: dict[Path, dict[str, str]] = field(default_factory=dict)

    def find(self, path: Path) -> Path:
        """``path`` where it exists; else the path whose names have the same normal form; else ``path``."""
        if os.path.lexists(path) or path.parent == path:
            return path
        parent = self.find(path.parent)
        name = self._folder(parent).get(normal_name(path.name))
        return path if name is None else parent / name

    def _folder(self, folder: Path) -> dict[str, str]:
        """Names in a folder by their normal form; none where it cannot be read."""
        if folder not in self._names:
            try:
                names = sorted((path.name for path in folder.iterdir()), reverse=True)
            except OSError:
                names = []
            self._names[folder] = {normal_name(name): name for name in names}
        return self._names[folder]


def why_unusable(file: Path) -> str | None:
    """Why ``file`` cannot be opened as a file; None where its folder entry gives no reason."""
    try:
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return NO_FILE
    except OSError as error:
        return read_error(file, error).what
    return None if stat.S_ISREG(mode) else "not a file"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link into a closed folder, or to itself: opening it will say so
        return False
