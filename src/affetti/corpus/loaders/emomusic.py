"""emoMusic ("1000 songs"): 744 excerpts of 45 s with valence and arousal, of the whole and over time.

Soleymani, Caro, Schmidt, Sha & Yang, "1000 songs for emotional analysis of music", CrowdMM 2013. The tree, anywhere
below the given folder::

    clips_45seconds/<id>.mp3
    static_annotations.csv               song_id, mean_arousal, std_arousal, mean_valence, std_valence
    {arousal,valence}_cont_average.csv   song_id, sample_15000ms … sample_45000ms, in [-1, 1]
    songs_info.csv                       song_id, …, Artist, Song title, …, Genre, Mediaeval 2013 set

Only ``static_annotations.csv`` is required. Means are on 1–9 (arousal comes first), standard deviations of ``ddof`` 1,
over 10 raters. Names are wrapped in tabs. All songs are also in DEAM, under the same numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from affetti import tables
from affetti.corpus import audit
from affetti.corpus.loaders import genres, mediaeval, over_time, tree
from affetti.corpus.loaders.deam_axes import Reference
from affetti.corpus.loaders.mediaeval import SCALE, Name, clean
from affetti.corpus.track import Dataset, Options, Source
from affetti.errors import InputError

DATASET = Dataset(
    "emomusic",
    "emoMusic",
    "annotations for research; music Creative Commons (Free Music Archive), each its own",
    "Soleymani, M., Caro, M. N., Schmidt, E. M., Sha, C.-Y. & Yang, Y.-H. (2013). 1000 songs for emotional analysis of "
    "music. CrowdMM.",
    "https://cvml.unige.ch/databases/emoMusic/",
    SCALE,
)
SONGS = 744
RATERS = 10
HOME = "clips_45seconds"
MEANS = "static_annotations.csv"
CURVES = ("valence_cont_average.csv", "arousal_cont_average.csv")
INFO = "songs_info.csv"
PART = "mediaeval2013set"
"""Normalised header of the part in MediaEval 2013."""
PARTS = {"development": "train", "evaluation": "test"}


def load(path: Path, options: Options) -> Source:  # noqa: ARG001 - one signature for all loaders
    """Read the labels of the tree below ``path``; the notes name what is absent besides the means.

    Raises:
        InputError: there is no table of means, copies of a table differ, a table lacks a column, a cell is not a
            number, or an id is missing or occurs twice; names the file and the line.
    """
    paths = tree.files(path)
    file = means(paths) or tree.only(paths, MEANS)
    if file is None:
        packed = any(it.name.casefold() == "annotations.tar.gz" for it in paths)
        hint = "unpack annotations.tar.gz" if packed else "give the folder that holds emoMusic's annotations and clips"
        raise InputError(f"not the emoMusic tree: {MEANS} is not there", where=path, hint=hint)
    labels, refused = mediaeval.read([file])
    notes: list[str] = []
    if len(labels.numbers) < SONGS:
        notes.append(f"{MEANS} has usable labels of {len(labels.numbers)} of {SONGS} songs")
    names, official = _info(paths, set(labels.numbers.tolist()))
    if not names:
        notes.append(f"no {INFO}: genres and published splits are unknown")
    audio_files = mediaeval.sounds(paths, (HOME, "clips_45sec"))
    raters = np.full(len(labels.numbers), RATERS)
    here, absent = mediaeval.tracks(path, DATASET.name, labels, raters, names, audio_files, HOME)
    checks = [audit.out_of_range([name for name, _ in refused], SCALE), mediaeval.shared([*here, *absent])]
    further: dict[str, pd.DataFrame] = {}
    curves = over_time.read(paths, CURVES, labels)
    if curves is None:
        notes.append(f"no dynamic annotations of these songs ({' and '.join(CURVES)})")
    else:
        checks += [
            audit.axes_check(Reference("", curves.means()).compare(labels), "its own dynamic annotations"),
            curves.check(labels),
        ]
        further["dynamic"] = curves.table()
        notes += curves.notes()
    notes += mediaeval.notes(labels, names, audio_files, HOME)
    return Source(DATASET, here, absent, refused, tuple(notes), tuple(checks), official, further)


def means(paths: Sequence[Path]) -> Path | None:
    """The table of emoMusic's means among files: PMEmo has one of the same name, but other columns."""
    named = [file for file in paths if file.name.casefold() == MEANS]
    return tree.only(
        [file for file in named if "song_id" in tables.read(file, (), ragged=True, errors="replace")[0].cells], MEANS
    )


def held_out(artist: str) -> bool:
    """Whether jukemir, and MARBLE after it, keep the development songs of this artist for validation.

    The rule (Castellon, Donahue & Liang 2021, ``jukemir/datasets``): of the name in lower case the ASCII letters count,
    in words one blank apart; its SHA-1, as a number modulo 10, is 8 or 9. It makes 504 training and 115 validation
    songs of the 619.
    """
    letters = "".join(it for it in artist.lower() if it.isascii() and (it.isalpha() or it.isspace()))
    digest = hashlib.sha1(" ".join(letters.split()).encode(), usedforsecurity=False)
    return int(digest.hexdigest(), 16) % 10 >= 8


def _info(paths: Sequence[Path], labelled: set[int]) -> tuple[dict[int, Name], dict[str, dict[str, str]]]:
    """Names of songs, and the published splits of those that are labelled."""
    path = tree.only(paths, INFO)
    if path is None:
        return {}, {}
    lines = tables.read(path, ("song_id", "artist", "songtitle", "genre", PART), ragged=True, errors="replace")
    names: dict[int, Name] = {}
    mediaeval_2013: dict[str, str] = {}
    marble: dict[str, str] = {}
    for number, row in tables.numbered(lines, "song_id").items():
        part = PARTS.get(row.get(PART))
        if part is None:
            raise row.wrong(f"set {row.get(PART)!r} is neither {' nor '.join(PARTS)}", tables.AGAIN)
        genre = clean(row["genre"])
        names[number] = Name(clean(row["artist"]), clean(row["songtitle"]), genres.study(genre), genre)
        if number in labelled:
            track = f"{DATASET.name}-{number}"
            mediaeval_2013[track] = part
            marble[track] = "validation" if part == "train" and held_out(row["artist"]) else part
    return names, {"mediaeval-2013": mediaeval_2013, "marble": marble}
