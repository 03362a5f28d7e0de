"""emoMusic ("1000 songs"): 744 excerpts of 45 s with valence and arousal, of the whole and over time.

Soleymani, Caro, Schmidt, Sha & Yang, "1000 songs for emotional analysis of music", CrowdMM 2013. The tree, anywhere below the
given folder::

    clips_45seconds/<id>.mp3
    static_annotations.csv               song_id, mean_arousal, std_arousal, mean_valence, std_valence
    {arousal,valence}_cont_average.csv   song_id, sample_15000ms … sample_45000ms, in [-1, 1]
    songs_info.csv                       song_id, …, Artist, Song title, …, Genre, Mediaeval 2013 set

Only ``static_annotations.csv`` is needed. Means are on 1–9 (arousal comes first), standard deviations of ``ddof`` 1, over 10
raters. All songs are DEAM's too, under the same numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from affetti.corpus import audit
from affetti.corpus.loaders import genres, mediaeval, over_time, rows, tree
from affetti.corpus.loaders.deam_axes import Witness
from affetti.corpus.loaders.mediaeval import AXES, SCALE, Name, clean, only
from affetti.corpus.track import Check, Dataset, Options, Source
from affetti.emotion import SCALES
from affetti.errors import InputError

DATASET = Dataset(
    "emomusic",
    "emoMusic",
    "music: Creative Commons (Free Music Archive), song by song; annotations: for research",
    "Soleymani, M., Caro, M. N., Schmidt, E. M., Sha, C.-Y. & Yang, Y.-H. (2013). 1000 songs for emotional analysis of "
    "music. CrowdMM.",
    "https://cvml.unige.ch/databases/emoMusic/",
    SCALE,
)
SONGS = 744
RATERS = 10
HOME = "clips_45seconds"
MEANS = "static_annotations.csv"
INFO = "songs_info.csv"
SET = "mediaeval2013set"
"""Normalised header of the part of MediaEval 2013."""
PARTS = {"development": "train", "evaluation": "test"}


def load(path: Path, options: Options) -> Source:  # noqa: ARG001 - all loaders take them
    """Read the tree below ``path``; what is absent beside the means is told in the notes.

    Raises:
        InputError: there is no table of means, copies of a table differ, a table lacks a column, a cell is no number, or
            an id is missing or occurs twice; names the file and the line.
    """
    found = tree.files(path)
    file = only(found, MEANS)
    if file is None:
        packed = any(it.name.casefold() == "annotations.tar.gz" for it in found)
        hint = "unpack annotations.tar.gz" if packed else "give the folder that holds emoMusic's annotations and clips"
        raise InputError(f"not the emoMusic tree: {MEANS} is not there", where=path, hint=hint)
    read = mediaeval.means([file])
    if read.table.empty:
        raise InputError("no song has a label that can be used", where=file, hint="fetch the data set again")
    labels = read.table.assign(raters=RATERS)
    songs = len(labels) + len(read.refused)
    notes = [f"{MEANS} holds {songs} of {SONGS} songs"] if songs < SONGS else []
    names, official = _info(found, labels.index)
    if not names:
        notes.append(f"no {INFO}: artists and genres are not known, splits go by song alone")
    heard = mediaeval.sounds(found, (HOME, "clips_45sec"))
    here, absent = mediaeval.tracks(path, DATASET.name, labels, names, heard, HOME)
    checks = [audit.out_of_range([name for name, _ in read.refused], SCALE), mediaeval.shared([*here, *absent])]
    tables: dict[str, pd.DataFrame] = {}
    valence, arousal = (only(found, f"{axis}_cont_average.csv") for axis in AXES)
    if valence is None or arousal is None:
        notes.append("no dynamic annotations (arousal_cont_average.csv and valence_cont_average.csv)")
    else:
        curves = over_time.read(valence, arousal, labels.index)
        checks += _against(labels, curves)
        tables["dynamic"] = curves.filed()
        if curves.outside:
            notes.append(f"{curves.outside} dynamic annotations lie outside [-1, 1] and are left out")
    notes += mediaeval.heard_notes(labels, heard, HOME)
    return Source(DATASET, here, absent, read.refused, tuple(notes), tuple(checks), official, tables)


def _info(found: Sequence[Path], songs: pd.Index) -> tuple[dict[int, Name], dict[str, dict[str, str]]]:
    """Names of songs, and the published splits of those that are labelled."""
    path = only(found, INFO)
    if path is None:
        return {}, {}
    needed = ("song_id", "artist", "songtitle", "genre", SET)
    lines = rows.numbered(rows.read(path, needed, ragged=True, errors="replace"), "song_id")
    names: dict[int, Name] = {}
    mediaeval_2013: dict[str, str] = {}
    marble: dict[str, str] = {}
    for number, row in lines.items():
        part = PARTS.get(row.get(SET))
        if part is None:
            raise row.wrong(f"set {row.get(SET)!r} is neither {' nor '.join(PARTS)}", rows.AGAIN)
        names[number] = Name(clean(row["artist"]), clean(row["songtitle"]), genres.study(clean(row["genre"])))
        if number in songs:
            track = f"{DATASET.name}-{number}"
            mediaeval_2013[track] = part
            marble[track] = "validation" if part == "train" and held_out(row["artist"]) else part
    return names, {"mediaeval-2013": mediaeval_2013, "marble": marble}


def held_out(artist: str) -> bool:
    """Whether jukemir, and MARBLE after it, take this artist's development songs for validation.

    The rule (Castellon, Donahue & Liang 2021, ``jukemir/datasets``): of the lower-case name the ASCII letters are kept,
    blanks made single; its SHA-1, as a number, modulo 10 is 8 or 9. It makes 504 training and 115 validation songs.
    """
    letters = "".join(it for it in artist.lower() if it.isascii() and (it.isalpha() or it.isspace()))
    digest = hashlib.sha1(" ".join(letters.split()).encode(), usedforsecurity=False)
    return int(digest.hexdigest(), 16) % 10 >= 8


def _against(labels: pd.DataFrame, curves: over_time.OverTime) -> list[Check]:
    """Labels beside the means over time: which axis is which, and how far they lie apart."""
    means = curves.means()
    seen = Witness("", means).look(labels)
    detail = f"against its own dynamic annotations, r {seen.straight:.3f} straight and {seen.crossed:.3f} crossed"
    verdict = "not checkable" if seen.swapped is None else "suspect" if seen.swapped else "fine"
    unit = SCALES[SCALE].to_unit(labels[AXES])
    return [
        Check("axes_swapped", verdict, seen.n, f"{detail} ({seen.n} songs)"),
        audit.against_dynamic(unit, means.reindex(labels.index)),
    ]
