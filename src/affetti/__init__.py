"""affetti: synthetic music data that follows an emotion, how good it is, and whether training on it helps.

Every verb of the command line is a function here: ``affetti.prepare``, ``train``, ``generate``, ``score``, ``predict``,
``export``, ``compare``, ``audit``, ``report``, ``push``, ``runs``, ``serve``, ``listen_new``, ``listen_serve``,
``listen_results``, ``demo`` and ``doctor``;
``audit_recordings`` and ``compare_recordings`` are ``affetti audit`` of audio files. Importing affetti does not import
torch; calling a verb does, and loads what that verb needs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affetti.api.audit import run as audit
    from affetti.api.audit_recordings import run as audit_recordings
    from affetti.api.compare import run as compare
    from affetti.api.compare_recordings import run as compare_recordings
    from affetti.api.demo import run as demo
    from affetti.api.doctor import run as doctor
    from affetti.api.export import run as export
    from affetti.api.generate import run as generate
    from affetti.api.listen_new import run as listen_new
    from affetti.api.listen_results import run as listen_results
    from affetti.api.predict import run as predict
    from affetti.api.prepare import run as prepare
    from affetti.api.push import run as push
    from affetti.api.report import run as report
    from affetti.api.runs import run as runs
    from affetti.api.score import run as score
    from affetti.api.train import run as train
    from affetti.web.listening.serve import run as listen_serve
    from affetti.web.serve import run as serve

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
    "listen_serve",
    "predict",
    "prepare",
    "push",
    "report",
    "runs",
    "score",
    "serve",
    "train",
]

_SERVERS = {"serve": "affetti.web.serve", "listen_serve": "affetti.web.listening.serve"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(_SERVERS.get(name, f"affetti.api.{name}")).run
    raise AttributeError(f"module 'affetti' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps ``affetti.report`` the verb: importing the package of that name would put the package in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
