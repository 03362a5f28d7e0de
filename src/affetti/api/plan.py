"""What dry runs have in common: the cost of a piece of work, measured on a small part of it and put into words.

Nothing is written where the user asked. Times are extrapolated from a few tracks, steps or clips, worked off in memory
on this machine.
"""

from __future__ import annotations

from pathlib import Path


def describe_cost(size: int, seconds: float, out: Path | None) -> str:
    """How many bytes would be written, where, and in how many seconds, as the end of a sentence."""
    there = " (which exists: finished work is kept, begun work goes on)" if out is not None and out.exists() else ""
    where = "" if out is None else f" to {out}{there}"
    length = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"about {size / 1e6:.0f} MB{where} in about {length}"
