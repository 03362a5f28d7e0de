"""A folder of audio files with a ``labels.csv`` (see :mod:`affetti.corpus.loaders.table`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from affetti.corpus import metadata
from affetti.corpus.loaders import table, tree
from affetti.corpus.track import AudioFile, Dataset, Options, Sound, Source, Track
from affetti.errors import InputError, StorageError, printable
from affetti.folders import NO_FILE, FileFinder, list_files, why_unusable
from affetti.signal.audio import AUDIO_SUFFIXES

DATASET = Dataset("folder", "A folder of audio files", "the user's own", "", "", "declared")


def load(path: Path, options: Options) -> Source:
    """Read the labels of a folder; the audio is decoded later.

    Raises:
        InputError: the table cannot be used, or none of the files it names is there.
    """
    return from_table(DATASET, path, options.scale, AudioFile, AUDIO_SUFFIXES)


def from_table(
    dataset: Dataset, path: Path, scale: str | None, sound: Callable[[Path], Sound], suffixes: Collection[str]
) -> Source:
    """A source out of ``path/labels.csv``; ``sound`` makes a :class:`Sound` of a file's path."""
    read = table.read(path, scale)
    here: list[Track] = []
    absent: list[Track] = []
    refused: list[tuple[str, str]] = []
    incomplete: list[tuple[str, str]] = []
    named: set[str] = set()
    finder = FileFinder()
    for row in read.rows:
        file = finder.find(row.file)
        named.add(os.path.realpath(file))
        called = row.file.relative_to(path) if row.file.is_relative_to(path) else row.file
        plain = Track(row.clip_id, row.song, str(called), sound(file), row.labels, row.artist, row.genre)
        track = row.described.applied(plain)
        incomplete += [(track.path, fault) for fault in row.described.faults]
        reason = why_unusable(file)
        if reason is None:
            here.append(track)
            continue
        absent.append(track)
        missing = reason == NO_FILE
        refused.append((track.path, f"named in labels.csv, but {'there is no such file' if missing else reason}"))
    if not here:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        file = path / absent[0].path
        longer = _with_suffix(file, suffixes)
        hint = "correct the file column, or the permissions"
        if longer:
            hint = f"write the suffix in the file column: {longer}"
        raise InputError(f"{refused[0][1]}{more}", where=file, hint=hint)
    notes = [*read.notes, *_unlabelled(path, named, suffixes), *metadata.gap_notes(here)]
    return Source(replace(dataset, scale=read.scale), here, absent, refused, tuple(notes), incomplete=incomplete)


def _with_suffix(file: Path, suffixes: Collection[str]) -> str | None:
    """The name of a recording beside ``file`` that is its name and a suffix."""
    try:
        others = list_files(file.parent, 0).files
    except StorageError:
        return None
    return min((one.name for one in others if one.stem == file.name and one.suffix.lower() in suffixes), default=None)


def _unlabelled(path: Path, named: set[str], suffixes: Collection[str]) -> list[str]:
    """Notes of sounds in the folder that have no row."""
    listing = list_files(path, tree.DEPTH)
    notes = [printable(str(error)) for error in listing.unreadable]
    others = [file for file in listing.files if file.suffix.lower() in suffixes and os.path.realpath(file) not in named]
    if others:
        first = printable(str(min(others).relative_to(path)))
        notes.append(f"{len(others)} files here have no row in labels.csv and are not read (first: {first})")
    return notes
