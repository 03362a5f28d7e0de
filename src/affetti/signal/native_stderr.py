"""Mute C libraries that write to stderr themselves.

libmpg123, inside libsndfile, reports every flaw of an MP3 on the C stream ``stderr``, and libsndfile offers no switch.
While :func:`muted` lasts, the C library's variable ``stderr`` points at the null device. File descriptor 2 is left
alone: what Python writes meanwhile (progress, from whatever thread) is seen. On platforms other than glibc and macOS
nothing is muted.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_inside = 0
_original: int | None = None


@contextmanager
def muted() -> Generator[None]:
    """Send the C stream ``stderr`` to the null device; may be nested and entered by several threads at once."""
    global _inside, _original
    if (streams := _streams()) is None:
        yield
        return
    stderr, null = streams
    with _lock:
        if _inside == 0:
            _original, stderr.value = stderr.value, null
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                stderr.value = _original


@cache
def _streams() -> tuple[ctypes.c_void_p, int] | None:
    """The C library's variable ``stderr`` and an open stream to the null device."""
    if os.name != "posix":
        return None
    libc = ctypes.CDLL(None)
    name = "__stderrp" if sys.platform == "darwin" else "stderr"
    if name == "stderr" and not hasattr(libc, "gnu_get_libc_version"):
        return None  # musl keeps its stderr in read-only memory
    libc.fopen.restype = ctypes.c_void_p
    null = libc.fopen(os.devnull.encode(), b"w")
    return (ctypes.c_void_p.in_dll(libc, name), null) if null else None
