"""What a regressor may predict from besides sound, as numbers: words, genre, instruments.

Words become the mean of their lines' embeddings, by the text embedder that generators use
(:mod:`affetti.training.text_embedders`), a genre and the instruments a column each, 1 where they apply. A clip of which
an input is not known has NaN in its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.corpus import Corpus, splits
from affetti.errors import InputError, UsageError
from affetti.models.generators.conditioning import Fields
from affetti.training.conditions import fields_of, lyric_lines
from affetti.training.registry import REGRESSORS, family
from affetti.training.text_embedders import TextEmbedder

SOUND = "mel"
SIDE_INPUTS = ("lyrics", "genre", "instruments")
MIN_TRAINING_SONGS, MIN_VALIDATION_SONGS, MIN_TEST_SONGS = 8, 2, 2
"""Songs of a fold's parts that must have the inputs: to learn from, to weigh them by, and for an interval."""


@dataclass(frozen=True)
class SideInputs:
    """Inputs of every clip of a corpus."""

    names: tuple[str, ...]
    """Some of :data:`SIDE_INPUTS`."""
    fields: Fields
    """The genres and instruments that are known, and the size of the text embedding."""
    values: NDArray[np.float64]
    """``[N, S]``; NaN: unknown."""

    @property
    def blocks(self) -> tuple[slice, ...]:
        """The columns of each input that is there."""
        fields = self.fields
        sizes = [size for size in (fields.lines * fields.text, len(fields.genres), len(fields.instruments)) if size]
        ends = np.cumsum(sizes).tolist()
        return tuple(slice(end - size, end) for size, end in zip(sizes, ends, strict=True))

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether anything is known of each clip ``[N]``."""
        return np.isfinite(self.values).sum(axis=1) > 0


def parse_inputs(text: str | None) -> tuple[str, ...]:
    """The inputs besides sound of ``mel,lyrics``, in the order of :data:`SIDE_INPUTS`; () for ``mel`` and None.

    Raises:
        UsageError: an input is unknown, or sound is not among them.

    Example:
        >>> parse_inputs("mel,genre,lyrics")
        ('lyrics', 'genre')
    """
    if text is None:
        return ()
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in (SOUND, *SIDE_INPUTS):
            hint = f"choose from {', '.join((SOUND, *SIDE_INPUTS))}"
            raise UsageError(f"unknown input {name!r}", where="--inputs", hint=hint)
    if SOUND not in names:
        raise UsageError("a regressor predicts from sound", where="--inputs", hint=f"write {SOUND},{text}")
    return tuple(name for name in SIDE_INPUTS if name in names)


def resolve_inputs(kind: str, inputs: str | None) -> tuple[str, ...]:
    """The inputs besides sound of a model of family ``kind``.

    Raises:
        UsageError: there is no such input, or the model generates.
    """
    if inputs is not None and family(kind).generates:
        others = " or ".join(REGRESSORS)
        raise UsageError(f"a {kind} is given conditions", where="--inputs", hint=f"leave it out, or train a {others}")
    return parse_inputs(inputs)


def corpus_inputs(corpus: Corpus, part: splits.Fold, names: Sequence[str], text: TextEmbedder) -> SideInputs:
    """The inputs ``names`` of all clips; which genres and instruments there are is seen in the training clips alone.

    Raises:
        InputError: too few songs of a part of the fold have one of them, or all have the same.
    """
    clips, songs = corpus.clips, corpus.songs
    fields = input_fields(clips.iloc[part.train], names, text)
    for name in names:
        values = input_values(clips, input_fields(clips.iloc[part.train], (name,), text), text)
        known = np.isfinite(values).sum(axis=1) > 0
        if not known.any():
            _refuse(corpus, name, "no clip has it, or all have the same", "prepare the corpus with --metadata FILE.csv")
        for label, rows, least in (
            ("training", part.train, MIN_TRAINING_SONGS),
            ("validation", part.validation, MIN_VALIDATION_SONGS),
            ("test", part.test, MIN_TEST_SONGS),
        ):
            count = np.unique(songs[rows][known[rows]]).size
            if count < least:
                what = f"{count} {label} songs of fold {part.number} have it, and {least} are needed"
                _refuse(corpus, name, what, "use a corpus with more of them, or leave it out")
    return SideInputs(tuple(names), fields, input_values(clips, fields, text))


def _refuse(corpus: Corpus, name: str, what: str, hint: str) -> None:
    raise InputError(f"input {name}: {what}", where=corpus.path, hint=hint)


def input_fields(clips: pd.DataFrame, names: Sequence[str], text: TextEmbedder) -> Fields:
    """What ``clips`` teach of the inputs ``names``; those with one value, or none, are left out."""
    taught = fields_of(clips, text)
    return Fields(
        genres=taught.genres if "genre" in names else (),
        instruments=taught.instruments if "instruments" in names else (),
        lines=1 if "lyrics" in names and taught.lines else 0,
        text=taught.text if "lyrics" in names else 0,
    )


def input_values(clips: pd.DataFrame, fields: Fields, text: TextEmbedder) -> NDArray[np.float64]:
    """The inputs ``[N, S]`` of rows with the columns ``genre``, ``instruments`` and ``lyrics``; NaN: unknown."""
    parts: list[NDArray[np.float64]] = []
    if fields.lines:
        words = clips["lyrics"].fillna("").astype(str).tolist()
        by_words = {each: _embedding(each, text) for each in set(words)}
        parts.append(np.stack([by_words[each] for each in words]))
    for column, known in (("genre", fields.genres), ("instruments", fields.instruments)):
        if known:
            parts.append(np.array([_indicators(cell, known) for cell in clips[column].fillna("").astype(str)]))
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(clips), 0))


def _embedding(words: str, text: TextEmbedder) -> NDArray[np.float64]:
    lines = lyric_lines(words)
    return text(lines).mean(axis=0) if lines else np.full(text.size, np.nan)


def _indicators(cell: str, known: tuple[str, ...]) -> list[float]:
    names = set(cell.split("|")) & set(known)
    return [float(name in names) if names else np.nan for name in known]
