"""A folder of audio files with a ``labels.csv`` (see :mod:`affetti.corpus.loaders.table`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from affetti.corpus.loaders import table, tree
from affetti.corpus.track import AudioFile, Dataset, Options, Sound, Source, Track
from affetti.errors import InputError, printable
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
    for row in read.rows:
        called = row.file.relative_to(path) if row.file.is_relative_to(path) else row.file
        there = row.file.is_file()
        track = Track(row.clip_id, row.song, str(called), sound(row.file), row.labels, row.artist, row.genre)
        (here if there else absent).append(track)
    if not here:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise InputError(
            f"named in labels.csv, but there is no such file{more}",
            where=path / absent[0].path,
            hint="correct the file column",
        )
    refused = [(track.path, "named in labels.csv, but there is no such file") for track in absent]
    notes = [*read.notes, *_unlabelled(path, {os.path.realpath(row.file) for row in read.rows}, suffixes)]
    return Source(replace(dataset, scale=read.scale), here, absent, refused, tuple(notes))


def _unlabelled(path: Path, named: set[str], suffixes: Collection[str]) -> list[str]:
    """A note of sounds in the folder that have no row."""
    others = [
        file for file in tree.files(path) if file.suffix.lower() in suffixes and os.path.realpath(file) not in named
    ]
    if not others:
        return []
    first = printable(str(min(others).relative_to(path)))
    return [f"{len(others)} files here have no row in labels.csv and are not read (first: {first})"]
