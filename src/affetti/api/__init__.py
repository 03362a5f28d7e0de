"""The verbs: one module each, of the name that the command line gives it.

``run`` does the work and returns what ``--json`` prints; ``plan``, with the same arguments, returns what ``--dry-run``
prints: what would be read and written, how large it is and how long it would take. ``audit_recordings`` and
``compare_recordings`` are what ``affetti audit`` does with audio files. Modules are loaded when first used:

    >>> from affetti import api
    >>> api.score.run.__module__
    'affetti.api.score'
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from affetti.api import (
        audit,
        audit_recordings,
        compare,
        compare_recordings,
        demo,
        doctor,
        export,
        generate,
        listen_new,
        listen_results,
        predict,
        prepare,
        push,
        report,
        runs,
        score,
        train,
    )

__all__ = [
    "audit",
    "audit_recordings",
    "compare",
    "compare_recordings",
    "demo",
    "doctor",
    "export",
    "generate",
    "listen_new",
    "listen_results",
    "predict",
    "prepare",
    "push",
    "report",
    "runs",
    "score",
    "train",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"affetti.api.{name}")
    raise AttributeError(f"module 'affetti.api' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
