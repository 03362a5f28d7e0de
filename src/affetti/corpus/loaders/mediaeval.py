"""What DEAM and emoMusic have in common: numbered songs, means by song, names, and a folder of audio.

Both come from the MediaEval task "Emotion in Music" and number their songs alike: ``deam-10`` is one song in either.
Means and standard deviations over raters are on 1–9; headers are DEAM's ``valence_mean`` or emoMusic's
``mean_valence``. Everywhere, valence is column 0 and arousal column 1.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti import tables
from affetti.corpus.annotations import Annotations
from affetti.corpus.audit import CHECKS
from affetti.corpus.loaders import tree
from affetti.corpus.track import AudioFile, Check, Labels, Track
from affetti.emotion import SCALES
from affetti.errors import InputError

SCALE = "1..9"
SPELLINGS = (
    ("valence_mean", "arousal_mean", "valence_std", "arousal_std"),
    ("mean_valence", "mean_arousal", "std_valence", "std_arousal"),
)
"""Headers of means and standard deviations: DEAM's, emoMusic's."""


@dataclass(frozen=True)
class Means:
    """Valence and arousal ``[N, 2]`` by song number ``[N]``."""

    numbers: NDArray[np.int_]
    pairs: NDArray[np.float64]

    def at(self, numbers: NDArray[np.int_]) -> NDArray[np.float64]:
        """Values ``[K, 2]`` of these songs, NaN where they are unknown."""
        values = np.full((len(numbers), 2), np.nan)
        _, target, known = np.intersect1d(numbers, self.numbers, return_indices=True)
        values[target] = self.pairs[known]
        return values


@dataclass(frozen=True)
class Songs(Means):
    """Means over raters with their standard deviations ``[N, 2]``, on 1–9."""

    spread: NDArray[np.float64]

    def pick(self, which: NDArray[np.bool_]) -> Songs:
        """Some of the songs."""
        return Songs(self.numbers[which], self.pairs[which], self.spread[which])

    def crossed(self, which: NDArray[np.bool_]) -> Songs:
        """A copy with valence and arousal of some songs exchanged."""
        pairs, spread = (np.where(which[:, None], it[:, ::-1], it) for it in (self.pairs, self.spread))
        return replace(self, pairs=pairs, spread=spread)


def averaged(numbers: NDArray[np.int_], pairs: NDArray[np.float64]) -> Means:
    """Means by song of pairs ``[R, 2]`` of many moments or raters."""
    songs, member = np.unique(numbers, return_inverse=True)
    sums = np.stack([np.bincount(member, axis) for axis in pairs.T], axis=1)
    return Means(songs, sums / np.bincount(member)[:, None])


@dataclass(frozen=True)
class Name:
    """Artist, title and genre (see :mod:`~affetti.corpus.loaders.genres`) of a song; "" where unknown."""

    artist: str = ""
    title: str = ""
    genre: str = ""
    genre_original: str = ""
    """As published."""


def read(paths: Sequence[Path]) -> tuple[Songs, list[tuple[str, str]]]:
    """Read tables of means by song; songs with a mean outside 1–9 are left out.

    Returns:
        The songs, and those left out, as (name, reason).

    Raises:
        InputError: a column is missing, a cell is not a number, an id is missing or occurs twice (names the line), or
            no song is left.
    """
    lines: list[tables.Row] = []
    headers: dict[Path, tuple[str, ...]] = {}
    for path in paths:
        there = tables.read(path, ("song_id",))[0].cells
        headers[path] = next((names for names in SPELLINGS if set(names) <= set(there)), SPELLINGS[0])
        lines += tables.read(path, ("song_id", *headers[path]))
    bounds = SCALES[SCALE]
    table: dict[int, list[float]] = {}
    refused: list[tuple[str, str]] = []
    for number, row in tables.numbered(lines, "song_id").items():
        means, spread = headers[row.path][:2], headers[row.path][2:]
        values = [row.number(name) for name in means] + [row.number(name, 0.0) for name in spread]
        outside = [name for name in means if not bounds.low <= row.number(name) <= bounds.high]
        if outside:
            where = f"line {row.line} of {row.path.name}"
            refused.append((f"song {number}", f"{where}: {outside[0]} {row[outside[0]]} lies outside {SCALE}"))
        else:
            table[number] = values
    if not table:
        raise InputError(f"no song has a label on {SCALE}", where=paths[0], hint=tables.AGAIN)
    columns = np.array(list(table.values()))
    return Songs(np.array(list(table)), columns[:, :2], columns[:, 2:]), refused


def clean(text: str) -> str:
    """A name without tabs, non-breaking spaces, quotes and HTML entities; "" for ``n/a``."""
    name = " ".join(html.unescape(text).split()).strip('"').strip()
    return "" if name.casefold() == "n/a" else name


def sounds(files: Sequence[Path], homes: Sequence[str]) -> dict[int, Path]:
    """Audio files by song number, from the first of these folders (in any case) that has any."""
    for home in homes:
        named = tree.sounds(tree.below(files, home.casefold()))
        if numbered := {int(name): file for name, file in named.items() if name.isdecimal()}:
            return numbered
    return {}


def song(number: int) -> str:
    """The id of a song, the same in both sets."""
    return f"deam-{number}"


def tracks(
    root: Path,
    dataset: str,
    songs: Songs,
    raters: NDArray[np.int_],
    names: Mapping[int, Name],
    audio_files: Mapping[int, Path],
    home: str,
) -> tuple[list[Track], list[Track]]:
    """Tracks whose audio is present, and those whose audio is absent.

    Args:
        root: the folder that paths are relative to.
        dataset: prefix of track ids; song ids are the same in both data sets.
        songs: means and standard deviations (``ddof`` 1).
        raters: how many raters each song had.
        names: artist, title and genre by song number, where known.
        audio_files: audio by song number.
        home: the folder where an absent file is expected.
    """
    here: list[Track] = []
    absent: list[Track] = []
    for number, means, spread, k in zip(
        *(it.tolist() for it in (songs.numbers, songs.pairs, songs.spread, raters)), strict=True
    ):
        file = audio_files.get(number, root / home / f"{number}.mp3")
        name = names.get(number, Name())
        track = Track(
            f"{dataset}-{number}",
            song(number),
            str(file.relative_to(root)),
            AudioFile(file),
            Labels.on(SCALE, *means, *spread, raters=k),
            name.artist,
            name.genre,
            title=name.title,
            annotations=Annotations(genre_original=name.genre_original),
        )
        (here if number in audio_files else absent).append(track)
    return here, absent


def notes(songs: Songs, names: Mapping[int, Name], audio_files: Mapping[int, Path], home: str) -> list[str]:
    """Notes on songs without artist or audio, and on audio without labels."""
    messages: list[str] = []
    numbers: list[int] = songs.numbers.tolist()
    nameless = [number for number in numbers if not names.get(number, Name()).artist]
    silent = [number for number in numbers if number not in audio_files]
    unlabelled = sorted(set(audio_files) - set(numbers))
    if len(nameless) == len(numbers):
        messages.append("artists are unknown: splits keep only songs apart")
    elif nameless:
        messages.append(f"{len(nameless)} of {len(numbers)} songs have no artist (first: {nameless[0]})")
    if len(silent) == len(numbers):
        messages.append(f"no audio ({home}/<id>.mp3): only labels are read")
    elif silent:
        messages.append(f"{len(silent)} of {len(numbers)} clips have no audio under {home} (first: {silent[0]}.mp3)")
    if unlabelled:
        first = audio_files[unlabelled[0]].name
        messages.append(f"{len(unlabelled)} audio files have no label and are not read (first: {first})")
    return messages


def shared(labelled: Sequence[Track]) -> Check:
    """The check ``songs_shared``, with a note on the songs that DEAM and emoMusic share."""
    table = pd.DataFrame([{"song_id": it.song_id, "artist": it.artist, "title": it.title} for it in labelled])
    result = CHECKS["songs_shared"](table)
    both = "all 744 songs of emoMusic are in DEAM, under the same numbers: to use both, prepare them in one run"
    return replace(result, detail=f"{result.detail}; {both}")
