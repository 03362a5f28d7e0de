"""Progress on stderr: bars with the time left on a terminal, a line every half minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO, cast

from affetti.cli.output import DroppingStream, note
from affetti.progress import Progress

SECONDS_BETWEEN_LINES = 30.0
"""Seconds between lines where stderr is not a terminal."""


@contextmanager
def show_progress() -> Generator[Progress]:
    """Yield a callback that shows progress while the block runs."""
    terminal = DroppingStream(sys.stderr)
    if not terminal.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(file=cast("TextIO", terminal))) as bars:
        tasks: dict[str, TaskID] = {}
        reached: dict[str, int] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            elif done < reached[stage]:
                bars.reset(tasks[stage])  # another piece of work by the same name
            reached[stage] = done
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def _lines() -> Progress:
    began: dict[str, tuple[float, int]] = {}
    last: dict[str, float] = {}
    reached: dict[str, int] = {}

    def show(stage: str, done: int, total: int) -> None:
        if reached.get(stage) == done == total:
            return
        now = time.monotonic()
        if stage not in began or done < reached[stage]:  # or another piece of work by the same name
            began[stage], last[stage] = (now, done), now
        reached[stage] = done
        start, first = began[stage]
        if done < total and (done == first or now - last[stage] < SECONDS_BETWEEN_LINES):
            return
        last[stage] = now
        elapsed = now - start
        left = elapsed / max(1, done - first) * (total - done)
        remaining = f"done in {elapsed:.0f} s" if done >= total else f"about {left:.0f} s left"
        note(f"{stage}: {done}/{total}, {remaining}")

    return show
