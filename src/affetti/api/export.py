"""``affetti export``: a regressor as an ONNX file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from affetti.inference.export import export_run
from affetti.results import BaseResult


@dataclass(frozen=True)
class ExportResult(BaseResult):
    """An ONNX file that was written."""

    verb: ClassVar[str | None] = "export"

    model: str
    out: str
    """The file."""
    bytes: int
    opset: int
    """Version of the ONNX operators."""
    difference: float
    """Greatest absolute difference of its outputs from PyTorch's."""


def run(model: str | Path, out: str | Path) -> ExportResult:
    """Write a regressor as an ONNX file; see :func:`affetti.inference.export.export_run`."""
    return ExportResult.from_dict(export_run(Path(model), Path(out)))
