"""``affetti report``: one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from affetti.progress import Progress, silent
from affetti.report.page import write_report


def run(
    sources: Sequence[str | Path] | str | Path,
    out: str | Path,
    *,
    title: str = "affetti report",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write one self-contained HTML page; see :func:`affetti.report.page.write_report`."""
    paths = [sources] if isinstance(sources, str | Path) else list(sources)
    return write_report([Path(path) for path in paths], Path(out), title=title, progress=progress)
