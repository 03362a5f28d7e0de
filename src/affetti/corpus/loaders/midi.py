"""A folder of MIDI files with a ``labels.csv``, rendered with a General MIDI soundfont."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from affetti.corpus.loaders.folder import from_table
from affetti.corpus.track import MidiFile, Source

NAME = "midi"


def load(path: Path, *, scale: str | None = None, soundfont: Path | None = None) -> Source:
    """Read the labels of a folder of MIDI; the scores are rendered later.

    Raises:
        InputError: the table cannot be used or names a file that is not there.
    """
    return from_table(NAME, path, scale, partial(MidiFile, soundfont=soundfont))
