"""Points of mood tags on the valence-arousal plane: affetti's own, or those of a user's word list.

A tag is chosen by an uploader, not rated by listeners. Only tags that name an emotion have a point; themes (``film``,
``corporate``, ``christmas``), tempi and qualities of sound (``slow``, ``soft``, ``melodic``) and ``emotional``, which
names none, have no point. As in :data:`affetti.emotion.WORDS`, each point is in the quadrant that the circumplex
literature assigns to the word (Russell 1980); its radius is our choice.
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


def place(tags: tuple[str, ...], points: Mapping[str, tuple[float, float]]) -> NDArray[np.float64] | None:
    """The mean (valence, arousal) of the tags that have a point, ``[2]``; None where none has."""
    placed = [points[tag] for tag in tags if tag in points]
    return np.mean(placed, axis=0) if placed else None


def read(path: Path, scale: str | None) -> dict[str, tuple[float, float]]:
    """Read a word list: a CSV with a column ``word`` (or ``MoodTag``, ``tag``), ``valence`` and ``arousal``.

    Args:
        path: the file.
        scale: the scale of its values; if None, -1..1 for values in [-1, 1] of which some are negative, and 1..9, the
            scale of published word norms, for values that range from below 3 to above 7.

    Returns:
        Points in [-1, 1] by word, in lower case.

    Raises:
        InputError: the file is not such a table, a word is missing or twice, or a value lies outside the scale; names
            the line; or the scale is ambiguous.
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
    points: dict[str, tuple[float, float]] = {}
    for word, row in words.items():
        pair = [row.number(axis, bounds.low, bounds.high) for axis in AXES]
        if word.casefold() in points:
            raise row.wrong(f"{column} {word} occurs twice, in another case", "keep one of the two")
        valence, arousal = bounds.to_unit(pair).tolist()
        points[word.casefold()] = valence, arousal
    return points
