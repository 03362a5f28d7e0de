"""Work in progress on a cluster, of which a piece that takes too long is given out a second time.

One slow node holds up all others at the end of the work; a second copy on another node costs little by then (Dean &
Ghemawat 2004, MapReduce, section 3.6). When not to use: for work of which two copies must not run at the same time.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

STRAGGLER = 3.0
"""A range is a straggler when it has been in progress so many times as long as the median of those that ended, …"""
STRAGGLER_SECONDS = 30.0
"""… and at least so many seconds."""


class InProgress:
    """What has been submitted and has not ended: copies of pieces of work."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.copies: dict[Any, Hashable] = {}
        """The piece of work of each reference."""
        self._clock, self._began = clock, dict[Any, float]()
        self._repeated: set[Hashable] = set()
        self._seconds: deque[float] = deque(maxlen=101)

    def add(self, key: Hashable, reference: Any) -> None:
        """Note a copy that was submitted."""
        if key in self.copies.values():
            self._repeated.add(key)
        self.copies[reference], self._began[reference] = key, self._clock()

    def remove(self, reference: Any) -> Hashable:
        """Note that a copy ended; returns its piece of work."""
        self._seconds.append(self._clock() - self._began.pop(reference))
        return self.copies.pop(reference)

    def remove_copies(self, key: Hashable) -> list[Any]:
        """Forget a piece of work that is done; returns its other copies."""
        others = [reference for reference, other in self.copies.items() if other == key]
        for reference in others:
            del self.copies[reference], self._began[reference]
        self._repeated.discard(key)
        return others

    def stragglers(self) -> list[Hashable]:
        """What takes longer than the others did, by :data:`STRAGGLER`, and has not been run a second time."""
        if not self._seconds:
            return []
        limit = max(STRAGGLER_SECONDS, STRAGGLER * statistics.median(self._seconds))
        now = self._clock()
        slow = (key for reference, key in self.copies.items() if now - self._began[reference] > limit)
        return [key for key in slow if key not in self._repeated]
