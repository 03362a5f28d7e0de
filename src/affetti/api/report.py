"""``affetti report``: one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from affetti.progress import Progress, silent
from affetti.report.page import write_report
from affetti.results import BaseResult


@dataclass(frozen=True)
class ReportResult(BaseResult):
    """A page that was written."""

    verb: ClassVar[str | None] = "report"

    report: str
    """The file."""
    bytes: int
    sections: tuple[str, ...]


def run(
    sources: Sequence[str | Path] | str | Path,
    out: str | Path,
    *,
    title: str = "affetti report",
    progress: Progress = silent,
) -> ReportResult:
    """Write one self-contained HTML page; see :func:`affetti.report.page.write_report`."""
    paths = [sources] if isinstance(sources, str | Path) else list(sources)
    return ReportResult.from_dict(
        write_report([Path(path) for path in paths], Path(out), title=title, progress=progress)
    )
