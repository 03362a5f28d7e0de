"""A table of the emotions that clips of a folder or an array were generated for: ``file,valence,arousal``.

A file goes by its path below the folder, a row of an array by its number from 0. Each clip needs a row, and each row a
clip; rows of files that were left out (silent, unreadable) are passed over. Names are compared by Unicode normal form,
and letter case counts.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np

from affetti import tables
from affetti.embedders.clip_set import ClipSet
from affetti.errors import InputError, UsageError

HINT = "give a table with the columns file, valence and arousal, a row a clip"
CUTOFF = 0.8
"""Likeness from which a name is offered in the place of one that is not there."""


def read_requested(path: Path) -> dict[str, tables.Row]:
    """Rows of the table by their file, checked: emotions are numbers from -1 to 1.

    Raises:
        InputError: the table is missing or lacks a column, a file is named twice, or a value is none from -1 to 1.
    """
    rows = tables.unique(tables.read(path, ("file", "valence", "arousal"), hint=HINT), "file", "keep one of the lines")
    for row in rows.values():
        _emotion(row)
    return rows


def with_requested(clips: ClipSet, rows: Mapping[str, tables.Row]) -> ClipSet:
    """``clips`` with the emotions of the table as their labels.

    Raises:
        UsageError: a corpus, whose clips have their own conditions.
        InputError: a row without a clip, a clip without a row, or one emotion for all clips.
    """
    where = next(iter(rows.values())).path
    if clips.corpus is not None:
        hint = "leave --conditions out, or give folders of audio or .npy files"
        raise UsageError("is a corpus, whose clips have their conditions already", where=clips.name, hint=hint)
    by_file = {_name(name, clips): row for name, row in rows.items()}
    names = _names(clips)
    left_out = _left_out(clips, names)
    spare = [name for name in by_file if name not in set(names) and name not in left_out]
    if spare:
        raise _without_clip(by_file[spare[0]], spare, names)
    bare = [name for name in names if name not in by_file]
    if bare:
        count = f"{len(bare)} of the {len(names)} clips of {clips.name} have no row, the first {bare[0]!r}"
        raise InputError(count, where=where, hint="add a row for each clip")
    labels = np.array([_emotion(by_file[name]) for name in names])
    if (np.ptp(labels, axis=0) == 0).all():
        same = f"all clips are requested with valence {labels[0, 0]:g} and arousal {labels[0, 1]:g}"
        raise InputError(same, where=where, hint="control needs clips of different emotions")
    return replace(clips, labels=labels)


def _emotion(row: tables.Row) -> tuple[float, float]:
    return row.number("valence", -1, 1), row.number("arousal", -1, 1)


def _names(clips: ClipSet) -> list[str]:
    """What each clip is called in the table."""
    return [_name(name, clips) for name in clips.clip_names()]


def _name(name: str, clips: ClipSet) -> str:
    """A name as it is compared; of a row of an array its number, ``3`` of ``fake.npy[3]``."""
    if clips.files is None:
        return name.rpartition("[")[2].removesuffix("]")
    return normalize("NFC", Path(name).as_posix())


def _left_out(clips: ClipSet, names: list[str]) -> set[str]:
    """What the clips that cannot be used are called."""
    if clips.files is None:
        return {str(row) for row in range(len(names) + clips.silent)} - set(names)
    folder = Path(clips.name)
    paths = [Path(entry["path"]) for entry in clips.left_out]
    return {normalize("NFC", path.relative_to(folder).as_posix()) for path in paths if path.is_relative_to(folder)}


def _without_clip(row: tables.Row, spare: list[str], names: list[str]) -> InputError:
    """The error for rows without a clip; it offers the name that may be meant."""
    name = row["file"]
    case = [known for known in names if known.casefold() == name.casefold()]
    near = case or difflib.get_close_matches(name, names, n=1, cutoff=CUTOFF)
    others = f" (and {len(spare) - 1} more rows)" if len(spare) > 1 else ""
    meant = f"did you mean {near[0]!r}" + (": letter case counts" if case else "?") if near else "remove the row"
    return row.wrong(f"there is no clip {row['file']!r}{others}", meant)
