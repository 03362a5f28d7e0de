"""VGMIDI: piano arrangements of video game music with valence and arousal by about 30 listeners, one value per measure.

Ferreira & Whitehead, "Learning to Generate Music With Sentiment", ISMIR 2019. The tree, anywhere below a folder, is
``labelled/annotations/vgmidi_raw_{1,2}.json`` and ``labelled/midi/*.mid``; of each JSON, ``pieces`` names the MIDI file
and ``annotations`` holds a series ``PIECE_LISTENER`` of valence and of arousal, in [-1, 1], a few one measure long or
short. A piece's label is the mean over listeners of each listener's mean over measures, its spread the sample standard
deviation over listeners. Rated measures are four quarter notes whatever the time signature: counted so, 111 of the 114
pieces whose music the project holds have as many measures as ratings, give or take one. The repository states no
licence and the compositions are third parties': for research.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affetti.compose.midi import read_file
from affetti.corpus import audit
from affetti.corpus.loaders import tree
from affetti.corpus.track import Check, Dataset, Labels, MidiFile, Options, Source, Track
from affetti.emotion import AXES
from affetti.errors import InputError
from affetti.folders import normal_name
from affetti.storage import read_json

DATASET = Dataset(
    "vgmidi",
    "VGMIDI",
    "none stated; game music by third parties, for research",
    "Ferreira, L. N. & Whitehead, J. (2019). Learning to Generate Music With Sentiment. ISMIR.",
    "https://github.com/lucasnfe/vgmidi",
    "-1..1",
)
ANNOTATIONS = ("vgmidi_raw_1.json", "vgmidi_raw_2.json")

QUARTERS = 4
"""Quarter notes of a rated measure."""
Series = tuple[list[float], list[float]]
"""Ratings of one piece by one listener: valence and arousal of each measure."""


@dataclass(frozen=True)
class Piece:
    """An annotated piece: its id, the file that holds its ratings, the name of its MIDI file."""

    song: str
    file: Path
    midi: str
    listeners: list[Series] = field(default_factory=list)


def load(path: Path, options: Options) -> Source:
    """Read the annotations of the VGMIDI tree below ``path``; MIDI may be absent.

    A piece with a rating that is missing or outside [-1, 1] is left out, with the reason.

    Raises:
        InputError: there are no annotations, a file is not VGMIDI's, or a piece has no rating.
    """
    paths = tree.files(path)
    files = {number: tree.only(paths, name) for number, name in enumerate(ANNOTATIONS, start=1)}
    pieces = [piece for number, file in files.items() if file for piece in _pieces(file, number)]
    if not pieces:
        what = f"no annotations of VGMIDI (expected {' and '.join(ANNOTATIONS)})"
        raise InputError(what, where=path, hint="give the folder that holds labelled/annotations")
    good = [piece for piece in pieces if all(map(_whole, piece.listeners))]
    refused = [
        (piece.song, f"{piece.file.name}: a rating is missing or outside [-1, 1]")
        for piece in pieces
        if not all(map(_whole, piece.listeners))
    ]
    scores = {normal_name(file.name): file for file in reversed(tree.below(paths, "midi"))}
    midi = [scores.get(normal_name(piece.midi)) for piece in good]
    tracks = [_track(piece, file, path, options) for piece, file in zip(good, midi, strict=True)]
    here = [track for track, file in zip(tracks, midi, strict=True) if file is not None]
    absent = [track for track, file in zip(tracks, midi, strict=True) if file is None]
    notes = ["one value per listener and measure; a piece's label is the mean over both"]
    notes += [f"no {ANNOTATIONS[number - 1]}: its pieces are not read" for number, file in files.items() if not file]
    if absent:
        notes.append(f"{len(absent)} of {len(tracks)} annotated pieces have no MIDI file here")
    return Source(
        DATASET,
        here,
        absent,
        refused,
        tuple(notes),
        (
            audit.out_of_range([song for song, _ in refused], "-1..1"),
            Check("static_against_dynamic", "not checkable", len(tracks), "labels are the means of ratings over time"),
        ),
        tables={"dynamic": pd.concat(map(_measures, good, midi), ignore_index=True)} if good else {},
    )


def _pieces(file: Path, number: int) -> list[Piece]:
    """The pieces of one of the two files, with the ratings of each listener."""
    raw: Any = read_json(file)
    try:
        pieces = {key: Piece(f"r{number}_{key}", file, str(it["midi"])) for key, it in sorted(raw["pieces"].items())}
        for key, it in raw["annotations"].items():
            valence, arousal = ([float(value) for value in it[axis]] for axis in AXES)
            if piece := pieces.get(key.rsplit("_", 1)[0]):
                piece.listeners.append((valence, arousal))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"not VGMIDI's annotations ({error!r})", where=file, hint="fetch it again") from error
    for key, piece in pieces.items():
        if not piece.listeners:
            raise InputError(f"no listener rated {key}", where=file, hint="the file was edited: fetch it again")
    return list(pieces.values())


def _whole(series: Series) -> bool:
    """Whether both axes have ratings, all within the scale."""
    return all(values and all(-1.0 <= value <= 1.0 for value in values) for values in series)


def _track(piece: Piece, midi: Path | None, path: Path, options: Options) -> Track:
    # The first field of the file's name is the game series, the nearest thing to an artist.
    series = piece.midi.split("_")[0]
    file = midi or path / "labelled" / "midi" / piece.midi
    return Track(
        piece.song,
        piece.song,
        str(file.relative_to(path)),
        MidiFile(file, options.soundfont, options.renderer),
        _labels(piece.listeners),
        "" if series == "Other" else series,
        "game",
    )


def _labels(listeners: list[Series]) -> Labels:
    means = np.array([[np.mean(values) for values in series] for series in listeners])
    spread = means.std(axis=0, ddof=1) if len(means) > 1 else np.full(2, np.nan)
    return Labels.on("-1..1", *map(float, means.mean(axis=0)), *map(float, spread), raters=len(means))


def _measures(piece: Piece, midi: Path | None) -> pd.DataFrame:
    """Ratings over time: means over the listeners that rated each measure; measures count from 0, time in seconds.

    Times are unknown (NaN) where the MIDI file is missing or cannot be read, which is reported when it is rendered.
    """
    axes = zip(*piece.listeners, strict=True)
    valence, arousal = (
        pd.Series(np.nanmean(list(zip_longest(*series, fillvalue=np.nan)), axis=1), dtype=float) for series in axes
    )
    table = pd.DataFrame({"song_id": piece.song, "valence": valence, "arousal": arousal})
    table.insert(1, "measure", np.arange(len(table)))
    try:
        times = [] if midi is None else list(map(read_file(midi).seconds_at, range(0, QUARTERS * len(table), QUARTERS)))
    except InputError:
        times = []
    table.insert(2, "time", times or np.full(len(table), np.nan))
    return table
