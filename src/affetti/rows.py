"""Rows of large arrays: an evenly spaced subset, a check of their values, memory-mapped pages given back."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.errors import InputError


def evenly_spaced(n: int, count: int) -> NDArray[np.intp]:
    """Indices of ``min(n, count)`` of ``n`` rows, evenly spaced from the first to the last.

    Example:
        >>> evenly_spaced(9, 3).tolist()
        [0, 4, 8]
        >>> evenly_spaced(2, 3).tolist()
        [0, 1]
    """
    return np.linspace(0, n - 1, min(n, count)).round().astype(np.intp)


def require_finite(mels: NDArray[Any], names: Sequence[object] | NDArray[Any], where: str | None = None) -> None:
    """Check that no clip has a value that is not finite, as those of a damaged file have.

    Args:
        mels: ``[B, …]``: log-mels, or other features of clips.
        names: name or number of each clip.
        where: the set that they belong to.

    Raises:
        InputError: names the first clip that has one.
    """
    finite = np.isfinite(mels).all(axis=tuple(range(1, np.ndim(mels))))
    if not finite.all():
        clip = f"clip {names[int(np.argmin(finite))]}"
        place = clip if where is None else f"{where}, {clip}"
        raise InputError("a value is not finite", where=place, hint="remove that clip or make it again")


def release_pages(array: NDArray[Any]) -> None:
    """Give the pages of an array that is memory-mapped for reading back to the system, which may keep them or not.

    A set larger than memory can then be read in as many passes as needed without filling it. Nothing is lost: what is
    needed again is read again. An array that can be written is left alone.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and not array.flags.writeable and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)
