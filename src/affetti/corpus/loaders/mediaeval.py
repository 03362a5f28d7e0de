"""What DEAM and emoMusic share: numbered songs, means by song, names of artists, clips of their own folder.

Both come from the MediaEval task "Emotion in Music" and number their songs alike: ``deam-10`` is one song in either. Means
and standard deviations over raters are on 1–9; headers are DEAM's ``valence_mean`` or emoMusic's ``mean_valence``.
"""

from __future__ import annotations

import filecmp
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from affetti.corpus.audit import CHECKS
from affetti.corpus.loaders import rows, tree
from affetti.corpus.track import AudioFile, Check, Labels, Track
from affetti.emotion import SCALES
from affetti.errors import InputError

SCALE = "1..9"
AXES = ["valence", "arousal"]
SPREAD = ["valence_std", "arousal_std"]
SPELLINGS = (
    ("valence_mean", "arousal_mean", "valence_std", "arousal_std"),
    ("mean_valence", "mean_arousal", "std_valence", "std_arousal"),
)
"""Headers of :data:`AXES` and :data:`SPREAD`: DEAM's, emoMusic's."""


@dataclass(frozen=True)
class Means:
    """Means and standard deviations over raters by song number, on 1–9, and the songs left out, with the reason."""

    table: pd.DataFrame
    """Columns :data:`AXES` and :data:`SPREAD`."""
    refused: list[tuple[str, str]]


@dataclass(frozen=True)
class Name:
    """What a song is called, and the study's genre."""

    artist: str
    title: str
    genre: str


def only(found: Iterable[Path], name: str) -> Path | None:
    """The file of this name, in any case; None where there is none. Of copies, the first.

    Raises:
        InputError: copies differ; names two.
    """
    named = [file for file in found if file.name.casefold() == name]
    for other in named[1:]:
        if not filecmp.cmp(named[0], other, shallow=False):
            raise InputError(f"differs from {other}", where=named[0], hint="keep the one that is meant")
    return named[0] if named else None


def means(paths: Sequence[Path]) -> Means:
    """Read tables of means by song.

    Raises:
        InputError: a column is missing, a cell is no number, or an id is missing or occurs twice; names the line. A song
            whose mean lies outside 1–9 is no error: it is among those refused.
    """
    lines: list[rows.Row] = []
    columns: dict[Path, tuple[str, ...]] = {}
    for path in paths:
        there = rows.read(path, ("song_id",))[0].cells
        columns[path] = next((names for names in SPELLINGS if set(names) <= set(there)), SPELLINGS[0])
        lines += rows.read(path, ("song_id", *columns[path]))
    bounds = SCALES[SCALE]
    table: dict[int, list[float]] = {}
    refused: list[tuple[str, str]] = []
    for song, row in rows.numbered(lines, "song_id").items():
        names = columns[row.path]
        values = [row.number(name) for name in names[:2]]
        spread = [row.number(name, 0.0) for name in names[2:]]
        outside = [name for name, value in zip(names, values, strict=False) if not bounds.low <= value <= bounds.high]
        if outside:
            told = f"line {row.line} of {row.path.name}: {outside[0]} {row[outside[0]]} lies outside {SCALE}"
            refused.append((f"song {song}", told))
        else:
            table[song] = values + spread
    frame = pd.DataFrame.from_dict(table, orient="index", columns=pd.Index(AXES + SPREAD), dtype=float)
    return Means(frame, refused)


def clean(text: str) -> str:
    """A name without the tabs, hard blanks, quotes and HTML entities it is wrapped in; ``n/a`` is none."""
    name = " ".join(html.unescape(text).split()).strip('"').strip()
    return "" if name.casefold() == "n/a" else name


def sounds(found: Sequence[Path], homes: Sequence[str]) -> dict[int, Path]:
    """Sounds by song number, out of the first of these folders (in lower case) that holds any."""
    for home in homes:
        numbered = {int(name): file for name, file in tree.sounds(tree.below(found, home)).items() if name.isdecimal()}
        if numbered:
            return numbered
    return {}


def tracks(
    root: Path,
    dataset: str,
    labels: pd.DataFrame,
    names: Mapping[int, Name],
    heard: Mapping[int, Path],
    home: str,
) -> tuple[list[Track], list[Track]]:
    """Tracks whose sound is here, and those whose sound is not.

    Args:
        root: the folder that paths are told from.
        dataset: what tracks are named after; songs are named ``deam-<number>`` in either set.
        labels: :data:`AXES`, :data:`SPREAD` (``ddof`` 1) and ``raters`` by song number, on 1–9.
        names: artist, title and genre by song number, as far as known.
        heard: sounds by song number.
        home: the folder where a missing sound should lie.
    """
    here: list[Track] = []
    absent: list[Track] = []
    for number, valence, arousal, valence_std, arousal_std, raters in labels.itertuples():
        file = heard.get(number, root / home / f"{number}.mp3")
        name = names.get(number, Name("", "", ""))
        track = Track(
            f"{dataset}-{number}",
            song(number),
            str(file.relative_to(root)),
            AudioFile(file),
            Labels.on(SCALE, valence, arousal, valence_std, arousal_std, int(raters)),
            name.artist,
            name.genre,
            title=name.title,
        )
        (here if number in heard else absent).append(track)
    return here, absent


def song(number: int) -> str:
    """The id of a song, the same in both sets."""
    return f"deam-{number}"


def heard_notes(labels: pd.DataFrame, heard: Mapping[int, Path], home: str) -> list[str]:
    """Notes on clips without sound and sounds without labels."""
    silent = [number for number in labels.index if number not in heard]
    notes: list[str] = []
    if len(silent) == len(labels):
        notes.append(f"no audio ({home}/<id>.mp3): labels alone are read")
    elif silent:
        notes.append(f"{len(silent)} of {len(labels)} clips have no audio under {home} (first: {silent[0]}.mp3)")
    unlabelled = sorted(set(heard) - set(labels.index))
    if unlabelled:
        first = heard[unlabelled[0]].name
        notes.append(f"{len(unlabelled)} audio files have no label and are not read (first: {first})")
    return notes


def shared(labelled: Sequence[Track]) -> Check:
    """Songs under two numbers, and what a user of one set should know of the other."""
    table = pd.DataFrame([{"song_id": it.song_id, "artist": it.artist, "title": it.title} for it in labelled])
    told = CHECKS["songs_shared"](table)
    both = "all 744 songs of emoMusic are DEAM's, under the same numbers: to use both, prepare them in one run"
    return Check(told.check, told.verdict, told.n, f"{told.detail}; {both}")
