"""From the columns of a corpus to the condition of each clip.

Which fields a generator can be conditioned on follows from its training clips: a field with one value, or none, teaches
nothing and is left out. Position is where a clip starts in its song, over the latest start of that song's clips; a song
of one clip has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.errors import UsageError
from affetti.models.generators.conditioning import EMOTION, PARTS_OF_FIELDS, Fields
from affetti.training.text_embedders import TextEmbedder

MODES = {"minor": -1.0, "major": 1.0}
MAX_LINES = 4
"""Lines of lyrics a condition holds at most."""


@dataclass(frozen=True)
class FieldChoice:
    """Which of the fields that the training clips can teach a generator is conditioned on; by default all."""

    only: tuple[str, ...] | None = None
    """These alone, besides emotion."""
    without: tuple[str, ...] = ()
    """All but these."""

    @classmethod
    def parse(cls, only: str | Sequence[str] | None, without: str | Sequence[str] | None) -> FieldChoice:
        """From names, or texts in which commas part them.

        Raises:
            UsageError: both are given, or a name is of no field; emotion cannot be left out.

        Example:
            >>> FieldChoice.parse(None, "genre,section")
            FieldChoice(only=None, without=('genre', 'section'))
        """
        if only is not None and without is not None:
            raise UsageError("both --fields and --without", hint="give one: those to keep, or those to leave out")
        kept, left = _names(only, "--fields"), _names(without, "--without")
        if EMOTION in (left or ()):
            raise UsageError(
                "a generator is always conditioned on emotion", where="--without", hint="leave it out of the list"
            )
        return cls(None if kept is None else tuple(name for name in kept if name != EMOTION), left or ())

    def apply(self, taught: Fields) -> Fields:
        """The chosen of the fields that clips can teach.

        Raises:
            UsageError: a chosen field is not among them.
        """
        for names, flag in ((self.only or (), "--fields"), (self.without, "--without")):
            for name in names:
                if name not in taught.columns:
                    hint = f"they teach {', '.join(taught.columns)}"
                    raise UsageError(f"the training clips teach no {name}", where=flag, hint=hint)
        left = set(self.without) if self.only is None else set(PARTS_OF_FIELDS) - set(self.only)
        return taught.without(left)


ALL_FIELDS = FieldChoice()


def _names(given: str | Sequence[str] | None, flag: str) -> tuple[str, ...] | None:
    """Names of fields, each once, in the order of a condition."""
    if given is None:
        return None
    listed = [name.strip() for text in ([given] if isinstance(given, str) else given) for name in text.split(",")]
    known = (EMOTION, *PARTS_OF_FIELDS)
    for name in listed:
        if name not in known:
            raise UsageError(f"there is no field {name!r}", where=flag, hint=f"choose from {', '.join(known)}")
    return tuple(name for name in known if name in listed)


def fields_of(clips: pd.DataFrame, text: TextEmbedder) -> Fields:
    """The fields that the rows of ``clips`` (columns of :data:`affetti.corpus.manifest.COLUMNS`) can teach."""
    lines = max((len(lyric_lines(words)) for words in _texts(clips, "lyrics")), default=0)
    return Fields(
        spread=bool(np.isfinite(_numbers(clips, "valence_std", "arousal_std")).all(axis=1).mean() > 0.5),
        mode=len(set(_texts(clips, "mode")) & set(MODES)) == len(MODES),
        genres=_several(_texts(clips, "genre")),
        instruments=_several([name for row in _texts(clips, "instruments") for name in row.split("|")]),
        sections=_several(_texts(clips, "section")),
        position=bool(np.nanmax(_position(clips), initial=0.0) > 0),
        lines=min(MAX_LINES, lines),
        text=text.size if lines else 0,
    )


def conditions(clips: pd.DataFrame, fields: Fields, text: TextEmbedder) -> NDArray[np.float64]:
    """The condition ``[N, K]`` of each row of ``clips``; NaN where the row does not say."""
    matrix = np.full((len(clips), fields.width), np.nan)
    values = {
        "emotion": _numbers(clips, "valence", "arousal"),
        "spread": _numbers(clips, "valence_std", "arousal_std"),
        "mode": _column([MODES.get(name, np.nan) for name in _texts(clips, "mode")]),
        "genre": _column([_number(name, fields.genres) for name in _texts(clips, "genre")]),
        "section": _column([_number(name, fields.sections) for name in _texts(clips, "section")]),
        "instruments": np.array([_playing(row, fields.instruments) for row in _texts(clips, "instruments")]),
        "position": _position(clips)[:, None],
    }
    for name, place in fields.columns.items():
        matrix[:, place] = embed_lyrics(_texts(clips, "lyrics"), fields, text) if name == "lyrics" else values[name]
    return matrix


def _texts(clips: pd.DataFrame, name: str) -> list[str]:
    return clips[name].fillna("").astype(str).tolist()


def _numbers(clips: pd.DataFrame, *names: str) -> NDArray[np.float64]:
    return clips[list(names)].to_numpy(dtype=np.float64)


def _column(values: list[float]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64).reshape(-1, 1)


def _several(names: list[str]) -> tuple[str, ...]:
    """The names that occur, sorted; none where all are the same."""
    distinct = tuple(sorted(set(names) - {""}))
    return distinct if len(distinct) > 1 else ()


def _number(name: str, known: tuple[str, ...]) -> float:
    return float(known.index(name)) if name in known else np.nan


def _playing(row: str, known: tuple[str, ...]) -> list[float]:
    """1 for each instrument that plays, NaN where the row names none."""
    names = set(row.split("|")) - {""}
    return [float(name in names) if names else np.nan for name in known]


def _position(clips: pd.DataFrame) -> NDArray[np.float64]:
    start = clips["start"].to_numpy(dtype=np.float64)
    last = clips.groupby("song_id")["start"].transform("max").to_numpy(dtype=np.float64)
    return np.divide(start, last, out=np.full(len(start), np.nan), where=last > 0)


def lyric_lines(words: str) -> list[str]:
    """The lines of lyrics, without blank ones."""
    return [line.strip() for line in words.splitlines() if line.strip()]


def embed_lyrics(texts: list[str], fields: Fields, text: TextEmbedder) -> NDArray[np.float64]:
    """Embeddings of the lines of each text, side by side: ``[N, lines · D]``; NaN where there is no line."""
    embedded = np.full((len(texts), fields.lines, fields.text), np.nan)
    for row, words in enumerate(texts):
        lines = lyric_lines(words)[: fields.lines]
        if lines:
            embedded[row, : len(lines)] = text(lines)
    return embedded.reshape(len(texts), -1)
