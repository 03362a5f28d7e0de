"""A folder of audio files with a ``labels.csv`` (see :mod:`affetti.corpus.loaders.table`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from affetti.corpus.loaders import table
from affetti.corpus.track import AudioFile, Sound, Source, Track

NAME = "folder"
LICENCE = "the user's own"


def load(path: Path, *, scale: str | None = None, soundfont: Path | None = None) -> Source:  # noqa: ARG001
    """Read the labels of a folder; the audio is decoded later.

    Raises:
        InputError: the table cannot be used or names a file that is not there.
    """
    return from_table(NAME, path, scale, AudioFile)


def from_table(name: str, path: Path, scale: str | None, sound: Callable[[Path], Sound]) -> Source:
    """A source out of ``path/labels.csv``; ``sound`` makes a :class:`Sound` of a file's path."""
    read = table.read(path, scale)
    table.require_files(read.rows)
    tracks: list[Track] = []
    for row in read.rows:
        called = row.file.relative_to(path) if row.file.is_relative_to(path) else row.file
        tracks.append(Track(row.clip_id, row.song, str(called), sound(row.file), row.labels, row.artist, row.genre))
    return Source(name, tracks, read.scale, LICENCE, notes=read.notes)
