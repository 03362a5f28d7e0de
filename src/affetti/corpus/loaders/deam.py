"""DEAM: 1,744 excerpts of 45 s and 58 full songs with valence and arousal, of the whole and over time.

Aljanaki, Yang & Soleymani, "Developing a benchmark for emotional analysis of music", PLoS ONE 12(3), 2017. Three
blocks: 744 excerpts of 2013 (ids up to 1000, the songs of emoMusic), 1,000 of 2014 (1001–2000), 58 full songs of 2015
(2001–2058, read with ``--full-songs``). The tree, anywhere below the given folder, as the zips or Kaggle unpack it::

    MEMD_audio/<id>.mp3
    annotations/annotations averaged per song/
        song_level/static_annotations_averaged_songs_{1_2000,2000_2058}.csv
        dynamic (per second annotations)/{arousal,valence}.csv
    annotations/annotations per each rater/song_level/static_annotations_songs_{1_2000,2000_2058}.csv
    metadata/metadata_{2013,2014,2015}.csv

Only the means are required; the notes name what else is absent. Headers have leading blanks, the 2015 file has more
columns. Means are on 1–9; standard deviations divide by the number of raters (``ddof`` 0) and are rescaled to ``ddof``
1. Raters are 10 a song up to id 2000 and 5 above, or as many as their own file says. Up to id 1000 valence and arousal
are
swapped: see :mod:`~affetti.corpus.loaders.deam_axes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.corpus import audit
from affetti.corpus.loaders import deam_axes, deam_tables, emomusic, mediaeval, over_time, tree
from affetti.corpus.loaders.deam_axes import Reference
from affetti.corpus.loaders.deam_tables import Ratings
from affetti.corpus.loaders.mediaeval import SCALE, Songs
from affetti.corpus.loaders.over_time import OverTime
from affetti.corpus.track import Dataset, Options, Source
from affetti.errors import InputError

DATASET = Dataset(
    "deam",
    "DEAM",
    "annotations CC BY-NC as commonly cited; music Creative Commons, each its own",
    "Aljanaki, A., Yang, Y.-H. & Soleymani, M. (2017). Developing a benchmark for emotional analysis of music. PLoS "
    "ONE 12(3): e0173392.",
    "https://cvml.unige.ch/databases/DEAM/",
    SCALE,
)
EXCERPTS = 1744
LAST_EXCERPT = 2000
RATERS, RATERS_2015 = 10, 5
MEANS = ("static_annotations_averaged_songs_1_2000.csv", "static_annotations_averaged_songs_2000_2058.csv")
CURVES = ("valence.csv", "arousal.csv")
HOME = "MEMD_audio"
"""The folder of the audio."""


def load(path: Path, options: Options) -> Source:
    """Read the labels of the tree below ``path``; the notes name what is absent besides the means.

    Raises:
        InputError: there is no table of means, copies of a table differ, a table lacks a column, a cell is not a
            number, or an id is missing or occurs twice; names the file and the line.
    """
    paths = tree.files(path)
    shipped, refused, notes = _means(path, paths, options.full_songs)
    ratings, left_out = deam_tables.ratings(paths, shipped)
    curves = over_time.read(paths, CURVES, shipped)
    references = _witnesses(paths, options.reference, curves, ratings)
    labels, swapped = deam_axes.correct_axes(shipped, references, keep=options.deam_labels == "as-shipped")
    if swapped.verdict in ("corrected", "suspect"):
        notes.append(f"{swapped.n} songs have valence and arousal swapped in the file, {_correction(swapped.verdict)}")
    if ratings is not None and swapped.verdict == "corrected":
        ratings = _like_labels(ratings, shipped)
    raters = _raters(labels, ratings)
    names, unread = deam_tables.names(paths, labels)
    audio_files = mediaeval.sounds(paths, (HOME, "DEAM_audio", "audio"))
    full = [number for number in audio_files if number > LAST_EXCERPT]
    if full and not options.full_songs:
        notes.append(f"{len(full)} full songs (ids above {LAST_EXCERPT}) are here but not read: see --full-songs")
        audio_files = {number: file for number, file in audio_files.items() if number <= LAST_EXCERPT}
    here, absent = mediaeval.tracks(path, DATASET.name, _sample(labels, raters), raters, names, audio_files, HOME)
    labelled = [*here, *absent]
    checks = [swapped, audit.out_of_range([name for name, _ in refused], SCALE), mediaeval.shared(labelled)]
    tables: dict[str, pd.DataFrame] = {}
    if curves is None:
        notes.append(f"no dynamic annotations of these songs ({' and '.join(CURVES)})")
    else:
        checks.append(curves.check(labels))
        tables["dynamic"] = curves.table()
        notes += curves.notes()
    if ratings is None:
        notes.append(
            f"no ratings by rater: {RATERS} raters a song are assumed up to id {LAST_EXCERPT}, {RATERS_2015} above"
        )
    else:
        tables["ratings"] = ratings.table()
    notes += [*left_out, *unread, *mediaeval.notes(labels, names, audio_files, HOME)]
    return Source(DATASET, here, absent, refused, tuple(notes), tuple(checks), _official(labels, options), tables)


def _means(path: Path, paths: Sequence[Path], full_songs: bool) -> tuple[Songs, list[tuple[str, str]], list[str]]:
    """The requested songs, those refused, and notes on those that are absent."""
    requested = MEANS if full_songs else MEANS[:1]
    here = {name: tree.only(paths, name) for name in requested}
    files = [file for file in here.values() if file is not None]
    if not files:
        packed = any(file.name.casefold() == "deam_annotations.zip" for file in paths)
        hint = "unzip DEAM_Annotations.zip" if packed else "give the folder that holds DEAM's annotations and audio"
        raise InputError(f"not the DEAM tree: {' or '.join(requested)} is not there", where=path, hint=hint)
    songs, refused = mediaeval.read(files)
    if not full_songs:
        songs = songs.pick(songs.numbers <= LAST_EXCERPT)
    notes = [f"no {name}: the songs in it are not read" for name, file in here.items() if file is None]
    excerpts = int((songs.numbers <= LAST_EXCERPT).sum())
    if here[MEANS[0]] is not None and excerpts + len(refused) < EXCERPTS:
        notes.append(f"{MEANS[0]} has usable labels of {excerpts} of {EXCERPTS} songs")
    return songs, refused, notes


def _witnesses(
    paths: Sequence[Path], folder: Path | None, curves: OverTime | None, ratings: Ratings | None
) -> list[Reference]:
    """Reference ratings that can show which axis is which, the most reliable first."""
    references: list[Reference] = []
    file = (emomusic.means(tree.files(folder)) if folder is not None else None) or emomusic.means(paths)
    theirs = None if file is None else mediaeval.read([file])[0]
    # emoMusic ends at id 1000: a table with higher ids is a copy of DEAM's, with DEAM's swap.
    if theirs is not None and theirs.numbers.max() <= deam_axes.LAST:
        references.append(Reference("emoMusic's labels", theirs))
    if curves is not None:
        references.append(Reference("DEAM's dynamic annotations", curves.means()))
    if ratings is not None:
        references.append(Reference("DEAM's ratings by rater", ratings.means(), contradicts=True))
    return references


def _correction(verdict: str) -> str:
    return "corrected (--deam-labels as-shipped keeps them)" if verdict == "corrected" else "kept as shipped"


def _like_labels(ratings: Ratings, shipped: Songs) -> Ratings:
    """Ratings by rater, corrected like the labels where they are swapped in the same way."""
    early = shipped.pick(shipped.numbers <= deam_axes.LAST)
    same = Reference("", ratings.means()).compare(early).swapped is False
    return ratings.crossed(ratings.numbers <= deam_axes.LAST) if same else ratings


def _raters(labels: Songs, ratings: Ratings | None) -> NDArray[np.int_]:
    """Number of raters of each song."""
    raters = np.where(labels.numbers <= LAST_EXCERPT, RATERS, RATERS_2015)
    if ratings is None:
        return raters
    counted = dict(zip(*(it.tolist() for it in np.unique(ratings.numbers, return_counts=True)), strict=True))
    return np.array([counted.get(number, assumed) for number, assumed in zip(labels.numbers, raters, strict=True)])


def _sample(labels: Songs, raters: NDArray[np.int_]) -> Songs:
    """Standard deviations of ``ddof`` 1 for those of ``ddof`` 0: times √(k/(k - 1)); NaN of a single rater."""
    k = np.where(raters > 1, raters, np.nan)
    return replace(labels, spread=labels.spread * np.sqrt(k / (k - 1))[:, None])


def _official(labels: Songs, options: Options) -> dict[str, dict[str, str]]:
    """MediaEval 2015: train on the excerpts, test on the full songs."""
    if not options.full_songs:
        return {}
    numbers: list[int] = labels.numbers.tolist()
    parts = {f"{DATASET.name}-{it}": "train" if it <= LAST_EXCERPT else "test" for it in numbers}
    return {"mediaeval-2015": parts}
