"""How long work reports that it is getting on: a callback, so that the library itself prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""``progress(stage, done, total)``: called with growing ``done``; a stage is over when ``done == total``."""


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""
