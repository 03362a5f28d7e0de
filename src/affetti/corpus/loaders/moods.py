"""Where mood tags lie on the valence-arousal plane: affetti's own places, or a user's word list.

A tag is what somebody wrote, not what listeners rated. Only tags that name an emotion have a place; themes (``film``,
``corporate``, ``christmas``), tempi and qualities of sound (``slow``, ``soft``, ``melodic``) and ``emotional``, which
does not say which, have none. As in :data:`affetti.emotion.WORDS`, each lies in the quadrant that the circumplex
literature gives such words (Russell 1980), and its radius is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti import tables
from affetti.corpus.loaders import table
from affetti.emotion import AXES, SCALES, WORDS
from affetti.errors import InputError

MOODS: dict[str, tuple[float, float]] = {
    "happy": WORDS["happy"],
    "fun": (0.6, 0.5),
    "upbeat": (0.5, 0.55),
    "energetic": (0.35, 0.7),
    "motivational": (0.45, 0.45),
    "uplifting": (0.6, 0.35),
    "inspiring": (0.5, 0.3),
    "funny": (0.5, 0.35),
    "positive": (0.6, 0.2),
    "hopeful": (0.5, 0.1),
    "love": (0.6, 0.05),
    "dramatic": (-0.2, 0.55),
    "horror": WORDS["scary"],
    "dark": (-0.5, 0.1),
    "sad": WORDS["sad"],
    "melancholic": (-0.45, -0.45),
    "romantic": (0.5, -0.2),
    "dream": (0.35, -0.4),
    "mellow": (0.35, -0.45),
    "relaxing": (0.45, -0.55),
    "calm": WORDS["calm"],
    "meditative": (0.3, -0.65),
}
"""Tags of MTG-Jamendo that name an emotion, as (valence, arousal) in [-1, 1]."""
COLUMNS = ("word", "moodtag", "tag")


def place(tags: tuple[str, ...], places: Mapping[str, tuple[float, float]]) -> NDArray[np.float64] | None:
    """The mean (valence, arousal) of the tags that have a place; None where none has."""
    placed = [places[tag] for tag in tags if tag in places]
    return np.mean(placed, axis=0) if placed else None


def read(path: Path, scale: str | None) -> dict[str, tuple[float, float]]:
    """A word list: a CSV with a column ``word`` (or ``MoodTag``, ``tag``), ``valence`` and ``arousal``.

    Args:
        path: the file.
        scale: what its values are on; where not given, -1..1 if some are negative and none beyond 1, else 1..9, which
            word norms are published on, if they reach from below 3 to above 7.

    Returns:
        Points in [-1, 1] by word, in lower case.

    Raises:
        InputError: the file is not such a table, a word is missing or twice, or a value lies outside the scale; names
            the line. Or the scale cannot be told.
        UsageError: the scale is unknown.
    """
    hint = "write a CSV with the columns word, valence, arousal"
    lines = tables.read(path, ("valence", "arousal"), hint=hint)
    column = next((name for name in COLUMNS if name in lines[0].cells), None)
    if column is None:
        raise InputError("column 'word' is missing", where=path, hint=hint)
    words = tables.unique(lines, column, hint)
    values = np.array([[row.number("valence"), row.number("arousal")] for row in words.values()])
    norms = values.min() >= 1 and values.max() <= 9 and values.min() < 3 and values.max() > 7
    name = "1..9" if scale is None and norms else table.choose_scale(values, scale, path)
    bounds = SCALES[name]
    found: dict[str, tuple[float, float]] = {}
    for word, row in words.items():
        pair = [row.number(axis, bounds.low, bounds.high) for axis in AXES]
        if word.casefold() in found:
            raise row.wrong(f"{column} {word} occurs twice, in another case", "keep one of the two")
        valence, arousal = bounds.to_unit(pair).tolist()
        found[word.casefold()] = valence, arousal
    return found
