"""From the columns of a corpus to conditions, and from words to a condition.

Which fields a generator can be asked for is read off its training clips: a field with one value, or none, teaches
nothing and is left out. Position is where a clip starts in its song, over the latest start of that song's clips; a song
of one clip has none.
"""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.errors import UsageError
from affetti.models.generators.conditioning import Fields
from affetti.training.text_embedders import TextEmbedder

MODES = {"minor": -1.0, "major": 1.0}
LINES = 4
"""Lines of lyrics a condition holds at most."""


def fields_of(clips: pd.DataFrame, text: TextEmbedder) -> Fields:
    """The fields that the rows of ``clips`` (columns of :data:`affetti.corpus.store.COLUMNS`) can teach."""
    lines = max((len(_lines(words)) for words in _texts(clips, "lyrics")), default=0)
    return Fields(
        spread=bool(np.isfinite(_numbers(clips, "valence_std", "arousal_std")).all(axis=1).mean() > 0.5),
        mode=len(set(_texts(clips, "mode")) & set(MODES)) == len(MODES),
        genres=_several(_texts(clips, "genre")),
        instruments=_several([name for row in _texts(clips, "instruments") for name in row.split("|")]),
        sections=_several(_texts(clips, "section")),
        position=bool(np.nanmax(_position(clips), initial=0.0) > 0),
        lines=min(LINES, lines),
        text=text.size if lines else 0,
    )


def conditions(clips: pd.DataFrame, fields: Fields, text: TextEmbedder) -> NDArray[np.float64]:
    """The condition ``[N, K]`` that each row of ``clips`` fulfils; NaN where the row does not say."""
    found = np.full((len(clips), fields.width), np.nan)
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
        found[:, place] = _lyrics(_texts(clips, "lyrics"), fields, text) if name == "lyrics" else values[name]
    return found


def wished(fields: Fields, text: TextEmbedder, **wishes: Any) -> NDArray[np.float64]:
    """The condition ``[K]`` of what is asked for beside an emotion; emotion and all else are NaN.

    Args:
        fields: what the model can be asked for.
        text: embedder of lyrics.
        wishes: ``genre``, ``mode``, ``section`` (names), ``instruments`` (a tuple of names), ``position`` (0 to 1),
            ``lyrics`` (text, a line each); None asks for nothing.

    Raises:
        UsageError: the model was not trained with that field, or does not know the name.
    """
    found = np.full(fields.width, np.nan)
    known = {"genre": fields.genres, "section": fields.sections, "mode": tuple(MODES)}
    for name, wish in wishes.items():
        if wish is None or wish == ():
            continue
        if name not in fields.columns:
            trained = ", ".join(fields.columns)
            raise UsageError(f"the model was not trained with {name}", where=f"--{name}", hint=f"it knows {trained}")
        place = fields.columns[name]
        if name == "lyrics":
            found[place] = _lyrics([wish], fields, text)[0]
        elif name == "position":
            if not 0 <= wish <= 1:
                raise UsageError(f"position {wish:g}", where="--position", hint="0 is the song's start, 1 its end")
            found[place] = wish
        elif name == "instruments":
            numbers = [_require(one, fields.instruments, "instruments") for one in wish]
            found[place] = np.isin(np.arange(len(fields.instruments)), numbers)
        else:
            number = _require(wish, known[name], name)
            found[place] = MODES[wish] if name == "mode" else number
    return found


def told(fields: Fields, asked: NDArray[np.floating]) -> dict[str, Any]:
    """The columns of a corpus that conditions ``[N, K]`` ask for; empty text and NaN where they do not."""
    at = fields.columns

    def choice(name: str, known: tuple[str, ...]) -> list[str]:
        numbers = asked[:, at[name]].ravel() if name in at else np.full(len(asked), np.nan)
        return ["" if np.isnan(number) else known[round(number)] for number in numbers.tolist()]

    modes = asked[:, at["mode"]].ravel() if "mode" in at else np.full(len(asked), np.nan)
    plays = asked[:, at["instruments"]] if "instruments" in at else np.zeros((len(asked), 0))
    spread = asked[:, at["spread"]] if "spread" in at else np.full((len(asked), 2), np.nan)
    return {
        "valence": asked[:, 0].astype(np.float64),
        "arousal": asked[:, 1].astype(np.float64),
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


def _require(name: str, known: tuple[str, ...], flag: str) -> int:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(known)}"
        raise UsageError(f"unknown {flag} {name!r}", where=f"--{flag}", hint=hint)
    return known.index(name)


def _texts(clips: pd.DataFrame, name: str) -> list[str]:
    return clips[name].fillna("").astype(str).tolist()


def _numbers(clips: pd.DataFrame, *names: str) -> NDArray[np.float64]:
    return clips[list(names)].to_numpy(dtype=np.float64)


def _column(values: list[float]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64).reshape(-1, 1)


def _several(names: list[str]) -> tuple[str, ...]:
    """The names that occur, sorted; none where all are the same."""
    found = tuple(sorted(set(names) - {""}))
    return found if len(found) > 1 else ()


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


def _lines(words: str) -> list[str]:
    return [line.strip() for line in words.splitlines() if line.strip()]


def _lyrics(texts: list[str], fields: Fields, text: TextEmbedder) -> NDArray[np.float64]:
    found = np.full((len(texts), fields.lines, fields.text), np.nan)
    for row, words in enumerate(texts):
        lines = _lines(words)[: fields.lines]
        if lines:
            found[row, : len(lines)] = text(lines)
    return found.reshape(len(texts), -1)
