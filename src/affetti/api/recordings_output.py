"""The folder of an audit of recordings: what it is of, the result, and the page that shows and plays it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from affetti.presets import FrontEnd
from affetti.progress import Progress
from affetti.report.page import render_page
from affetti.report.sources import Sources
from affetti.storage import remove_partial, reserve_output, write_text
from affetti.studies.audit.recordings.result import PairResult, RecordingsResult

PAGE = "report.html"
Result = TypeVar("Result", RecordingsResult, PairResult)


def reserve_folder(
    folder: Path,
    verb: str | None,
    audio: Sequence[str | Path],
    model: str | Path | None,
    front: FrontEnd,
    seconds: float,
) -> None:
    """Reserve ``folder`` for an audit with these settings.

    Raises:
        StorageError: it holds other work.
    """
    settings = {"audio": [str(path) for path in audio], "model": None if model is None else str(model)}
    reserve_output(folder, {"verb": verb, "preset": front.hash, "seconds": float(seconds)} | settings)
    remove_partial(folder)


def save_with_page(result: Result, folder: Path, title: str, progress: Progress) -> Result:
    """File the result and its page; returns the result, which names the page."""
    filed = replace(result, page=str(folder / PAGE))
    filed.save(folder)
    sources = Sources(pairs=(filed,)) if isinstance(filed, PairResult) else Sources(recordings=(filed,))
    write_text(folder / PAGE, render_page(sources, title=title, progress=progress).html)
    return filed
