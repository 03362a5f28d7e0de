"""From words to a condition, and from conditions to the columns of a corpus.

A condition names what a clip is requested to be. It is not a label: whether the clip follows it is measured afterwards.
"""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.errors import UsageError
from affetti.models.generators.conditioning import Fields
from affetti.training.conditions import MODES, embed_lyrics
from affetti.training.text_embedders import TextEmbedder


def requested_condition(fields: Fields, text: TextEmbedder, **requested: Any) -> NDArray[np.float64]:
    """The condition ``[K]`` of what is requested besides an emotion; emotion and all else are NaN.

    Args:
        fields: what the model can be conditioned on.
        text: embedder of lyrics.
        requested: ``genre``, ``mode``, ``section`` (names), ``instruments`` (a tuple of names), ``position`` (0 to 1),
            ``lyrics`` (text, a line each); None requests nothing.

    Raises:
        UsageError: the model was not trained with that field, or does not know the name.

    Example:
        >>> from affetti.training.text_embedders import HashedText
        >>> requested_condition(Fields(genres=("jazz", "rock")), HashedText(), genre="rock").tolist()
        [nan, nan, 1.0]
    """
    condition = np.full(fields.width, np.nan)
    known = {"genre": fields.genres, "section": fields.sections, "mode": tuple(MODES)}
    for name, value in requested.items():
        if value is None or value == ():
            continue
        if name not in fields.columns:
            trained = ", ".join(fields.columns)
            raise UsageError(f"the model was not trained with {name}", where=f"--{name}", hint=f"it knows {trained}")
        columns = fields.columns[name]
        if name == "lyrics":
            condition[columns] = embed_lyrics([value], fields, text)[0]
        elif name == "position":
            if not 0 <= value <= 1:
                raise UsageError(f"position {value:g}", where="--position", hint="0 is the song's start, 1 its end")
            condition[columns] = value
        elif name == "instruments":
            numbers = [_index(one, fields.instruments, "instruments") for one in value]
            condition[columns] = np.isin(np.arange(len(fields.instruments)), numbers)
        else:
            number = _index(value, known[name], name)
            condition[columns] = MODES[value] if name == "mode" else number
    return condition


def condition_columns(fields: Fields, conditions: NDArray[np.floating]) -> dict[str, Any]:
    """The columns of a corpus that conditions ``[N, K]`` request; empty text and NaN where they request nothing."""
    columns = fields.columns

    def choice(name: str, known: tuple[str, ...]) -> list[str]:
        numbers = conditions[:, columns[name]].ravel() if name in columns else np.full(len(conditions), np.nan)
        return ["" if np.isnan(number) else known[round(number)] for number in numbers.tolist()]

    modes = conditions[:, columns["mode"]].ravel() if "mode" in columns else np.full(len(conditions), np.nan)
    plays = conditions[:, columns["instruments"]] if "instruments" in columns else np.zeros((len(conditions), 0))
    spread = conditions[:, columns["spread"]] if "spread" in columns else np.full((len(conditions), 2), np.nan)
    return {
        "valence": conditions[:, 0].astype(np.float64),
        "arousal": conditions[:, 1].astype(np.float64),
        "valence_std": spread[:, 0].astype(np.float64),
        "arousal_std": spread[:, 1].astype(np.float64),
        "genre": choice("genre", fields.genres),
        "section": choice("section", fields.sections),
        "mode": ["" if np.isnan(mode) else "major" if mode > 0 else "minor" for mode in modes.tolist()],
        "instruments": [
            "|".join(name for name, on in zip(fields.instruments, row, strict=True) if on > 0.5)
            for row in plays.tolist()
        ],
    }


def _index(name: str, known: tuple[str, ...], flag: str) -> int:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(known)}"
        raise UsageError(f"unknown {flag} {name!r}", where=f"--{flag}", hint=hint)
    return known.index(name)
