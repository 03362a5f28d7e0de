"""Rows of large arrays: an evenly spaced subset of them, and giving memory-mapped pages back to the system."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(n: int, count: int) -> NDArray[np.intp]:
    """Indices of ``min(n, count)`` of ``n`` rows, evenly spaced from the first to the last.

    Example:
        >>> evenly_spaced(9, 3).tolist()
        [0, 4, 8]
        >>> evenly_spaced(2, 3).tolist()
        [0, 1]
    """
    return np.linspace(0, n - 1, min(n, count)).round().astype(np.intp)


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
