"""affetti: synthetic music data that follows an emotion, how good it is, and whether training on it helps.

Every verb of the command line is a function here: ``affetti.prepare``, ``train``, ``generate``, ``score``, ``predict``,
``compare``, ``report``, ``demo`` and ``doctor``. Importing affetti does not import torch; calling a verb does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affetti.demo import demo
    from affetti.doctor import doctor
    from affetti.verbs import compare, generate, predict, prepare, report, score, train

_HOMES = {
    "demo": "affetti.demo",
    "doctor": "affetti.doctor",
    **dict.fromkeys(("compare", "generate", "predict", "prepare", "report", "score", "train"), "affetti.verbs"),
}

__all__ = ["compare", "demo", "doctor", "generate", "predict", "prepare", "report", "score", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        # Not cached in the module's globals: `affetti.demo` is both a submodule and this function.
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'affetti' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
