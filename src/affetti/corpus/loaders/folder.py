"""A folder of audio files with a ``labels.csv`` (see :mod:`affetti.corpus.loaders.table`)."""

from __future__ import annotations

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


def from_table(name: str, path: Path, scale: str | None, sound: type[AudioFile] | object) -> Source:
    """A source out of ``path/labels.csv``; ``sound`` makes a :class:`Sound` of a file's path."""
    read = table.read(path, scale)
    table.require_files(read.rows)
    make = sound if callable(sound) else AudioFile
    tracks: list[Track] = []
    for row in read.rows:
        file_sound: Sound = make(row.file)
        relative = row.file.relative_to(path)
        track_id = "_".join(relative.with_suffix("").parts)
        tracks.append(Track(track_id, row.song, str(relative), file_sound, row.labels, row.artist, row.genre))
    return Source(name, tracks, read.scale, LICENCE, notes=read.notes)
