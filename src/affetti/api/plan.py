"""What dry runs have in common: the cost of a task, measured on a small part of it and formatted as text.

Nothing is written to the requested output. Times are extrapolated from a few tracks, steps or clips that are computed
in memory on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from affetti.results import BaseResult
from affetti.storage import format_bytes


@dataclass(frozen=True, kw_only=True)
class Plan(BaseResult):
    """What a verb would write and how long it would take.

    The document has ``dry_run`` as its second key, and these fields as its last.
    """

    bytes: int
    """Size of what would be written, about."""
    seconds: float
    """Seconds that it would take, about."""
    plan: str
    """The plan in words."""

    def to_dict(self) -> dict[str, Any]:
        """The document that ``--dry-run --json`` prints."""
        document = super().to_dict()
        last = {name: document.pop(name) for name in ("bytes", "seconds", "plan")}
        return {"verb": document.pop("verb"), "dry_run": True, **document, **last}

    @classmethod
    def from_dict(cls, document: Any, where: str | Path = "result") -> Self:
        """Build the plan from a document that :meth:`to_dict` wrote."""
        if isinstance(document, dict):
            document = {key: value for key, value in document.items() if key != "dry_run"}
        return super().from_dict(document, where)


def describe_cost(size: int, seconds: float, out: Path | None) -> str:
    """How many bytes would be written, where, and in how many seconds, as the end of a sentence.

    Example:
        >>> describe_cost(262_144, 90, None)
        'about 262.1 kB in about 90 s'
    """
    exists = out is not None and out.exists()
    resumed = " (which exists: finished work is kept, unfinished work resumes)" if exists else ""
    where = "" if out is None else f" to {out}{resumed}"
    length = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"about {format_bytes(size)}{where} in about {length}"
