"""``labels.csv``: one row a file, with its valence and arousal.

Columns ``file, valence, arousal`` are needed; ``song, artist, genre, valence_std, arousal_std, raters`` and those of
:data:`affetti.corpus.metadata.COLUMNS` (words, sections, instruments …) are read where present and may be left empty,
any others are named in a note and ignored. A file without a song is its own. The scale
is the one declared, or the one that negative values give away; where the values allow several, the loader refuses to
guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti import tables
from affetti.corpus import metadata
from affetti.corpus.track import Labels
from affetti.emotion import SCALES
from affetti.errors import InputError, UsageError, one_line
from affetti.folders import NO_FILE, why_unusable

REQUIRED = ("file", "valence", "arousal")
OPTIONAL = ("song", "artist", "genre", "valence_std", "arousal_std", "raters", *metadata.COLUMNS)
MAX_RATERS = 32_767
"""What the column ``raters`` of a corpus can hold."""


@dataclass(frozen=True)
class LabelledFile:
    """One line of the table, its labels in [-1, 1]."""

    file: Path
    clip_id: str
    labels: Labels
    song: str
    artist: str
    genre: str
    described: metadata.Described


@dataclass(frozen=True)
class Table:
    """A label table that has been checked."""

    rows: list[LabelledFile]
    scale: str
    notes: tuple[str, ...]


def read(folder: Path, scale: str | None) -> Table:
    """Read ``folder/labels.csv``.

    Raises:
        InputError: the folder or table is missing or empty, a column is missing, a label is not a number or outside the
            scale, a file is named twice, or the scale does not follow from the values.
        UsageError: the declared scale is unknown.
    """
    path = folder / "labels.csv"
    hint = f"write a CSV with the columns {', '.join(REQUIRED)}"
    if why_unusable(path) == NO_FILE:
        others = [one.name for one in sorted(folder.glob("*")) if one.suffix.lower() in (".csv", ".tsv", ".txt")]
        if len(others) == 1:
            hint = f"rename {one_line(others[0])}, if it has the columns {', '.join(REQUIRED)}"
    lines = tables.read(path, REQUIRED, hint=hint)
    means = np.array([[row.number("valence"), row.number("arousal")] for row in lines])
    name = choose_scale(means, scale, path)
    ids = _clip_ids(lines)
    files = [
        LabelledFile(
            folder / row["file"],
            clip,
            _labels(row, name),
            row.get("song") or clip,
            row.get("artist"),
            row.get("genre"),
            metadata.describe(row),
        )
        for row, clip in zip(lines, ids, strict=True)
    ]
    origin = "declared" if scale else "inferred from negative values; declare another with --scale if that is wrong"
    ignored = [column for column in lines[0].cells if column not in REQUIRED + OPTIONAL]
    notes = [f"labels are on the scale {name} ({origin})"]
    if ignored:
        notes.append(f"columns not read: {', '.join(column or 'one without a header' for column in ignored)}")
    return Table(files, name, tuple(notes))


def _labels(row: tables.Row, scale: str) -> Labels:
    bounds = SCALES[scale]
    means = [row.number("valence"), row.number("arousal")]
    for column, value in zip(("valence", "arousal"), means, strict=True):
        if not bounds.low <= value <= bounds.high:
            raise row.wrong(
                f"{column} {value:g} lies outside the scale {scale}", "correct it, or declare another --scale"
            )
    spread = [row.number(column, 0.0, empty=float("nan")) for column in ("valence_std", "arousal_std")]
    raters = row.number("raters", 0.0, MAX_RATERS, whole=True, empty=0.0)
    return Labels.on(scale, *means, *spread, raters=int(raters))


def _clip_ids(lines: Sequence[tables.Row]) -> list[str]:
    """A name for each file, from its path without the suffix; no two alike."""
    seen: dict[str, str] = {}
    for row in lines:
        if not row["file"]:
            raise row.wrong("no file is named", "name it, or remove the line")
        if "\0" in row["file"]:
            raise row.wrong(f"{row['file']!r} is no file name")
        file = Path(row["file"])
        clip = "_".join(part for part in file.with_suffix("").parts if part != file.anchor)
        if clip in seen:
            same = seen[clip] == str(file)
            what = (
                f"{str(file)!r} is listed twice"
                if same
                else f"{str(file)!r} and {seen[clip]!r} would both be clip {clip!r}"
            )
            raise row.wrong(what, "keep one of the two" if same else "rename one")
        seen[clip] = str(file)
    return list(seen)


def choose_scale(values: NDArray[np.float64], declared: str | None, where: Path) -> str:
    """The declared scale, or the one that these values allow.

    Only values within [-1, 1] of which some are negative identify their scale: -1..1. Anything else could be on several
    scales, or contain a typing error.

    Raises:
        UsageError: the declared scale is unknown.
        InputError: nothing was declared and the values allow several scales, or none.
    """
    if declared is not None:
        if declared not in SCALES:
            raise UsageError(f"unknown scale {declared!r}", where="--scale", hint=f"choose from {', '.join(SCALES)}")
        return declared
    low, high = float(values.min()), float(values.max())
    if low < 0 and low >= -1 and high <= 1:
        return "-1..1"
    fitting = [name for name, scale in SCALES.items() if scale.low <= low and high <= scale.high]
    raise InputError(
        f"labels from {low:g} to {high:g} could be on {' or '.join(fitting) if fitting else 'no scale known here'}",
        where=where,
        hint=f"declare the scale they are on with --scale ({', '.join(SCALES)})",
    )
