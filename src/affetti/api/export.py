"""``affetti export``: a regressor as an ONNX file."""

from __future__ import annotations

from pathlib import Path

from affetti.inference.export import ExportResult, export_run

__all__ = ["ExportResult", "run"]


def run(model: str | Path, out: str | Path) -> ExportResult:
    """Write a regressor as an ONNX file; see :func:`affetti.inference.export.export_run`."""
    return export_run(Path(model), Path(out))
