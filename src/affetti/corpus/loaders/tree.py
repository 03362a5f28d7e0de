"""Files of a data set, wherever below a folder it was unpacked.

Archives nest, and users may give a folder above or below the data set: files are searched by name, the nearest first,
at most :data:`DEPTH` folders down. Which files are listed, and how names are compared, is as in :mod:`affetti.folders`.
"""

from __future__ import annotations

import filecmp
from collections.abc import Iterable
from pathlib import Path

from affetti.errors import InputError
from affetti.folders import list_files, normal_name
from affetti.signal.audio import AUDIO_SUFFIXES

DEPTH = 6


def files(root: Path) -> list[Path]:
    """All files below a folder, the nearest first, then by name.

    Raises:
        StorageError: the folder, or one in it, cannot be read.
    """
    listing = list_files(root, DEPTH)
    if listing.unreadable:
        raise listing.unreadable[0]
    return sorted(listing.files, key=lambda file: (len(file.parts), file))


def only(candidates: Iterable[Path], name: str) -> Path | None:
    """The file of this name, in any case; None where there is none. Of copies that are alike, the nearest.

    Args:
        candidates: files, the nearest first.
        name: what it is called, in lower case.

    Raises:
        InputError: copies differ; names two.
    """
    named = [file for file in candidates if file.name.casefold() == name]
    for other in named[1:]:
        if not filecmp.cmp(named[0], other, shallow=False):
            raise InputError(f"differs from {other}", where=named[0], hint="give the folder of the one that is meant")
    return named[0] if named else None


def below(candidates: Iterable[Path], folder: str) -> list[Path]:
    """Files that lie right in a folder of this name, in any case."""
    return [file for file in candidates if file.parent.name.casefold() == folder]


def sounds(candidates: Iterable[Path], suffixes: Iterable[str] = AUDIO_SUFFIXES) -> dict[str, Path]:
    """Sound files by name without suffix, in normal form; of several of one name, the nearest."""
    taken = frozenset(suffixes)
    named: dict[str, Path] = {}
    for file in candidates:
        if file.suffix.lower() in taken:
            named.setdefault(normal_name(file.stem), file)
    return named
