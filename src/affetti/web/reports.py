"""Results shown in place: pages of :func:`affetti.report`, made when first opened, and pages that were made before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from affetti.api import report
from affetti.storage import is_file, is_folder

MARKS = ("corpus.json", "model.json", "result.json")
"""A folder with one of these files is a result."""
MAX_DEPTH = 3
"""Folders below the one given that are searched."""
MAX_RESULTS = 500
CSP = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; media-src data:; font-src data:"
)
"""A report holds all it shows, and may run its own scripts in a frame that has no access to the server."""


@dataclass(frozen=True)
class ReportChoice:
    """Something that can be shown."""

    id: str
    name: str
    path: Path
    """A folder of a result, or a page."""


def find_results(roots: tuple[Path, ...]) -> list[ReportChoice]:
    """Results and pages at or below ``roots``, each once, in the order of their names."""
    names: dict[Path, str] = {}
    for root in roots:
        for path in _below(root, MAX_DEPTH):
            name = root.resolve().name if path == root else f"{root.resolve().name}/{path.relative_to(root)}"
            names.setdefault(path.resolve(), name)
    chosen = sorted(names.items(), key=lambda item: item[1])[:MAX_RESULTS]
    return [ReportChoice(f"r{i}", name, path) for i, (path, name) in enumerate(chosen)]


def _below(path: Path, depth: int) -> list[Path]:
    if path.suffix.lower() == ".html" and is_file(path):
        return [path]
    if not is_folder(path):
        return []
    if any(is_file(path / mark) for mark in MARKS):
        return [path]
    if depth == 0:
        return []
    children = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    return [result for child in children for result in _below(child, depth - 1)]


def render_report(path: Path, out: Path) -> report.ReportResult:
    """Make the page of a result at ``out``."""
    return report.run([path], out, title=path.name)
