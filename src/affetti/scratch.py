"""Temporary folders for work in progress, which do not outlive it.

A folder goes with the object that it is made for. Those that killed processes left behind are removed when the next is
made; a lock file distinguishes them from folders that are in use.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from affetti.errors import StorageError
from affetti.output_lock import open_locked

PREFIX = "affetti-work-"
"""How the names of these folders begin, in the system's temporary space."""
MIN_AGE = 60.0
"""Age in seconds from which an unlocked folder counts as abandoned; a new folder is not locked yet."""


class ScratchFolder:
    """A new folder in the system's temporary space, locked until :meth:`remove`."""

    def __init__(self) -> None:
        sweep_scratch()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = open_locked(self.path)

    def remove(self) -> None:
        """Remove the folder and all that is in it; a second call does nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sweep_scratch() -> None:
    """Remove the folders that processes of this user left behind when they were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            status = folder.stat()
            if status.st_uid != os.geteuid() or time.time() - status.st_mtime < MIN_AGE:
                continue
            handle = open_locked(folder)
        except (OSError, StorageError):  # it is in use, or gone
            continue
        if handle is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)
