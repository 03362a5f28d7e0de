"""affetti: synthetic music data that follows an emotion, how good it is, and whether training on it helps.

Every verb of the command line is a function here: ``affetti.prepare``, ``train``, ``generate``, ``score``, ``predict``,
``export``, ``compare``, ``audit``, ``report``, ``demo`` and ``doctor``. Importing affetti does not import torch;
calling a verb does.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affetti.demo import demo
    from affetti.doctor import doctor
    from affetti.verbs import audit, compare, export, generate, predict, prepare, report, score, train

_HOMES = {
    "demo": "affetti.demo",
    "doctor": "affetti.doctor",
    **dict.fromkeys(("audit", "compare", "export", "generate", "predict"), "affetti.verbs"),
    **dict.fromkeys(("prepare", "report", "score", "train"), "affetti.verbs"),
}

__all__ = ["audit", "compare", "demo", "doctor", "export", "generate", "predict", "prepare", "report", "score", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'affetti' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps ``affetti.demo`` the function: importing the submodule of that name would put the module in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
