"""A folder of MIDI files with a ``labels.csv``, rendered with a General MIDI soundfont."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from affetti.corpus.loaders.folder import from_table
from affetti.corpus.track import Dataset, MidiFile, Options, Source

DATASET = Dataset("midi", "A folder of MIDI files", "the user's own", "", "", "declared")


def load(path: Path, options: Options) -> Source:
    """Read the labels of a folder of MIDI; the scores are rendered later.

    Raises:
        InputError: the table cannot be used, or none of the files it names is there.
    """
    return from_table(
        DATASET,
        path,
        options.scale,
        partial(MidiFile, soundfont=options.soundfont, renderer=options.renderer),
        (".mid", ".midi", ".smf"),
    )
