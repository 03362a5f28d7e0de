"""How a measure enters the scorecard: as plain JSON, or as the reason why there is none.

A scorecard has many measures, and some need more songs than others. Where one cannot be taken its place holds
``{"value": None, "ci": None, "floor": None, "reason": …}``, so that a reader of the document finds every key and no
number that stands for a failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from affetti.errors import InputError


class Measured(Protocol):
    """What a metric answers."""

    def to_dict(self) -> Any:
        """As plain JSON values."""
        ...


def told(measure: Callable[[], Measured]) -> dict[str, Any]:
    """What ``measure`` finds, or why it finds nothing."""
    try:
        return measure().to_dict()
    except InputError as error:
        return refused(str(error))


def refused(reason: str) -> dict[str, Any]:
    """What stands in the place of a measure that cannot be taken."""
    return {"value": None, "ci": None, "floor": None, "reason": reason}
