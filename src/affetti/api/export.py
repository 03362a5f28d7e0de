"""``affetti export``: a regressor as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from affetti.inference.export import export_run


def run(model: str | Path, out: str | Path) -> dict[str, Any]:
    """Write a regressor as an ONNX file; see :func:`affetti.inference.export.export_run`."""
    return export_run(Path(model), Path(out))
