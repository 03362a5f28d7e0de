"""Reads the sections of a recording from a table: one row a section, with the columns ``start, end, label``.

Times are in seconds. Rows may be in any order. Sections may leave gaps; they may not overlap. Labels are compared in
lower case and without a number at their end: ``Verse 1`` and ``verse 2`` are both ``verse``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from affetti import tables
from affetti.corpus.annotations import Section

TOLERANCE = 0.05
"""Overlap that is rounding, seconds."""


def read_sections(path: Path) -> tuple[Section, ...]:
    """The sections of a file, in order of time.

    Raises:
        InputError: it is missing or no such table, a time is not a number, a section ends before it starts or has no
            label, or two overlap; names the line.
    """
    rows = tables.read(path, ("start", "end", "label"), hint="write a CSV with the columns start, end, label")
    named: list[tuple[Section, tables.Row]] = []
    for row in rows:
        start, end, label = row.number("start", 0.0), row.number("end", 0.0), section_label(row["label"])
        if end <= start:
            raise row.wrong(f"{label or 'the section'} ends at {end:g} s, but starts at {start:g} s")
        if not label:
            raise row.wrong("label is missing")
        named.append((Section(start, end, label), row))
    named.sort(key=lambda item: item[0].start)
    for (before, _), (after, row) in itertools.pairwise(named):
        if after.start < before.end - TOLERANCE:
            raise row.wrong(
                f"{after.label} from {after.start:g} s overlaps {before.label}, which ends at {before.end:g} s"
            )
    return tuple(section for section, _ in named)


def section_label(text: str) -> str:
    """A section's name as it is compared.

    Example:
        >>> section_label("Verse 2")
        'verse'
    """
    return re.sub(r"[\s_-]*\d+$", "", text.strip().casefold()) or text.strip().casefold()


def gap(sections: Sequence[Section]) -> tuple[float, float] | None:
    """The first gap between sections, as (start, end) in seconds; None where there is none."""
    for before, after in itertools.pairwise(sections):
        if after.start > before.end + TOLERANCE:
            return before.end, after.start
    return None
