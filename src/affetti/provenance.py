"""Provenance: which versions of which programs a result was computed with."""

from __future__ import annotations

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Versions of what a result depends on: affetti, torch, numpy and Python."""
    return {name: version(name) for name in ("affetti", "torch", "numpy")} | {"python": platform.python_version()}
