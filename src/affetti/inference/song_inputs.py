"""What a user says of a recording whose emotion is predicted: words, genre, instruments.

The rows they make are those of a clip of a corpus, so that a window of a recording has the words that are sung in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.corpus.annotations import Lyrics
from affetti.corpus.lyrics_file import read_lyrics
from affetti.corpus.metadata import instrument_names
from affetti.errors import UsageError
from affetti.folders import FileFinder
from affetti.models.generators.conditioning import Fields
from affetti.storage import is_folder
from affetti.training.side_inputs import input_values
from affetti.training.text_embedders import TextEmbedder

LYRIC_SUFFIXES = (".lrc", ".txt")
NO_WORDS = Lyrics()


@dataclass(frozen=True)
class SongInputs:
    """What is known of one recording besides its sound."""

    lyrics: Lyrics = NO_WORDS
    genre: str = ""
    instruments: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Those that are known."""
        known = {"lyrics": self.lyrics.lines, "genre": self.genre, "instruments": self.instruments}
        return [name for name, value in known.items() if value]

    def values(self, spans: Sequence[tuple[float, float]], fields: Fields, text: TextEmbedder) -> NDArray[np.float64]:
        """The inputs ``[B, S]`` of windows from and to these seconds."""
        rows = {
            "lyrics": [self.lyrics.within(start, stop) for start, stop in spans],
            "genre": [self.genre] * len(spans),
            "instruments": ["|".join(self.instruments)] * len(spans),
        }
        return input_values(pd.DataFrame(rows), fields, text)


@dataclass(frozen=True)
class GivenInputs:
    """What was given for all recordings of a call; None: nothing."""

    lyrics: Path | None = None
    """A file for one recording, or a folder of files named as the recordings."""
    genre: str | None = None
    instruments: str | None = None
    """Separated by commas."""

    @property
    def names(self) -> tuple[str, ...]:
        """Those that were given."""
        given = {"lyrics": self.lyrics, "genre": self.genre, "instruments": self.instruments}
        return tuple(name for name, value in given.items() if value is not None)

    def check(self, accepted: tuple[str, ...], fields: Fields, n_files: int) -> None:
        """Refuse what a regressor has not learnt.

        Args:
            accepted: its inputs besides sound.
            fields: the genres and instruments that it knows.
            n_files: how many recordings are predicted.

        Raises:
            UsageError: names the flag.
        """
        for name in self.names:
            if name not in accepted:
                takes = f"it takes sound and {', '.join(accepted)}" if accepted else "it takes sound alone"
                hint = f"leave it out, or train one with --inputs mel,{name}"
                raise UsageError(f"the regressor was not trained on it: {takes}", where=f"--{name}", hint=hint)
        if self.genre is not None and self.genre not in fields.genres:
            hint = f"choose from {', '.join(fields.genres)}"
            raise UsageError(f"unknown genre {self.genre!r}", where="--genre", hint=hint)
        for name in instrument_names(self.instruments or ""):
            if name not in fields.instruments:
                hint = f"choose from {', '.join(fields.instruments)}"
                raise UsageError(f"unknown instrument {name!r}", where="--instruments", hint=hint)
        if self.lyrics is not None and n_files != 1 and not is_folder(self.lyrics):
            hint = "give a folder of files named as the recordings, such as song.lrc for song.mp3"
            raise UsageError(f"{self.lyrics} is of one recording, and {n_files} are given", where="--lyrics", hint=hint)

    def of(self, recording: Path) -> SongInputs:
        """What was given for one recording; of a folder without a file of its name, no words.

        Raises:
            InputError: its words cannot be used.
        """
        lyrics = NO_WORDS
        if self.lyrics is not None and is_folder(self.lyrics):
            finder = FileFinder()
            files = [finder.find(self.lyrics / f"{recording.stem}{suffix}") for suffix in LYRIC_SUFFIXES]
            words = next((file for file in files if file.is_file()), None)
            lyrics = NO_WORDS if words is None else read_lyrics(words)
        elif self.lyrics is not None:
            lyrics = read_lyrics(self.lyrics)
        return SongInputs(lyrics, self.genre or "", instrument_names(self.instruments or ""))

    def require_readable(self) -> None:
        """Read a single file of words before any work.

        Raises:
            InputError: it cannot be used.
        """
        if self.lyrics is not None and not is_folder(self.lyrics):
            read_lyrics(self.lyrics)


NOTHING = GivenInputs()
