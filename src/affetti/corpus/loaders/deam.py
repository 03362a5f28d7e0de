"""DEAM: 1,744 excerpts of 45 s and 58 full songs with valence and arousal, of the whole and over time.

Aljanaki, Yang & Soleymani, "Developing a benchmark for emotional analysis of music", PLoS ONE 12(3), 2017. Three blocks:
744 excerpts of 2013 (ids up to 1000, the songs of emoMusic), 1,000 of 2014 (1001–2000), 58 full songs of 2015 (2001–2058,
read where asked for). The tree, as the zips or Kaggle (which nests it) unpack it, anywhere below the given folder::

    MEMD_audio/<id>.mp3
    annotations/annotations averaged per song/
        song_level/static_annotations_averaged_songs_{1_2000,2000_2058}.csv
        dynamic (per second annotations)/{arousal,valence}.csv
    annotations/annotations per each rater/song_level/static_annotations_songs_{1_2000,2000_2058}.csv
    metadata/metadata_{2013,2014,2015}.csv

Only the means are needed; what else is absent is told. Headers have leading blanks, the 2015 file has more columns. Means
are on 1–9; standard deviations divide by the number of raters (``ddof`` 0) and are rescaled to ``ddof`` 1. The raters are
10 in 2013–14, 5 in 2015, or as many as their own file says. Up to id 1000 valence and arousal are swapped: see
:mod:`~affetti.corpus.loaders.deam_axes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from affetti.corpus import audit
from affetti.corpus.loaders import deam_axes, deam_tables, mediaeval, over_time, tree
from affetti.corpus.loaders.deam_axes import Witness
from affetti.corpus.loaders.mediaeval import AXES, SCALE, SPREAD, only, song
from affetti.corpus.track import Check, Dataset, Options, Source
from affetti.emotion import SCALES
from affetti.errors import InputError

DATASET = Dataset(
    "deam",
    "DEAM",
    "music: Creative Commons, song by song; annotations: for research",
    "Aljanaki, A., Yang, Y.-H. & Soleymani, M. (2017). Developing a benchmark for emotional analysis of music. PLoS ONE "
    "12(3): e0173392.",
    "https://cvml.unige.ch/databases/DEAM/",
    SCALE,
)
EXCERPTS, FULL_SONGS = 1744, 58
LAST_EXCERPT = 2000
MEANS = ("static_annotations_averaged_songs_1_2000.csv", "static_annotations_averaged_songs_2000_2058.csv")
HOME = "MEMD_audio"
EMOMUSIC = "static_annotations.csv"


def load(path: Path, options: Options) -> Source:
    """Read the tree below ``path``; what is absent beside the means is told in the notes.

    Raises:
        InputError: there is no table of means, copies of a table differ, a table lacks a column, a cell is no number, or
            an id is missing or occurs twice; names the file and the line.
    """
    found = tree.files(path)
    read, notes = _means(path, found, options.full_songs)
    shipped = read.table
    ratings, left_out = deam_tables.ratings(found, shipped.index)
    curves = _curves(found, shipped.index)
    labels, swapped = deam_axes.settle(
        shipped, _witnesses(found, options.witness, curves, ratings), keep=options.deam_labels == "as-shipped"
    )
    if ratings is not None and swapped.verdict == "corrected":
        ratings = _as_labels(ratings, shipped)
    labels = _raters(labels, ratings)
    names, unnamed = deam_tables.names(found)
    heard = mediaeval.sounds(found, (HOME.casefold(), "deam_audio", "audio"))
    if not options.full_songs:
        full = [number for number in heard if number > LAST_EXCERPT]
        heard = {number: file for number, file in heard.items() if number <= LAST_EXCERPT}
        if full:
            notes.append(
                f"{len(full)} full songs (from id {LAST_EXCERPT + 1}) are here and not read: --full-songs reads them"
            )
    here, absent = mediaeval.tracks(path, DATASET.name, labels, names, heard, HOME)
    checks = [
        swapped,
        audit.out_of_range([name for name, _ in read.refused], SCALE),
        mediaeval.shared([*here, *absent]),
    ]
    tables: dict[str, pd.DataFrame] = {}
    if curves is None:
        notes.append("no dynamic annotations of these songs (arousal.csv and valence.csv)")
    else:
        checks.append(_against(labels, curves))
        tables["dynamic"] = curves.filed()
        if curves.outside:
            notes.append(f"{curves.outside} dynamic annotations lie outside [-1, 1] and are left out")
    if ratings is None:
        notes.append("no ratings by rater: 10 raters a song are assumed up to id 2000, 5 above")
    else:
        tables["ratings"] = ratings.assign(song_id=ratings["number"].map(song))[["song_id", "rater", *AXES]]
    notes += [*left_out, *unnamed, *_named(labels, names), *mediaeval.heard_notes(labels, heard, HOME)]
    official = {"mediaeval-2015": _split(labels)} if options.full_songs else {}
    return Source(DATASET, here, absent, read.refused, tuple(notes), tuple(checks), official, tables)


def _means(path: Path, found: Sequence[Path], full_songs: bool) -> tuple[mediaeval.Means, list[str]]:
    """The means of the songs asked for, and notes on those that are not there."""
    wanted = MEANS if full_songs else MEANS[:1]
    here = {name: only(found, name) for name in wanted}
    files = [file for file in here.values() if file is not None]
    if not files:
        packed = any(file.name.casefold() == "deam_annotations.zip" for file in found)
        hint = (
            "unzip DEAM_Annotations.zip" if packed else "give the folder that holds DEAM's annotations/, audio and all"
        )
        raise InputError(f"not the DEAM tree: {' or '.join(wanted)} is not there", where=path, hint=hint)
    read = mediaeval.means(files)
    if not full_songs:
        read = mediaeval.Means(read.table[read.table.index <= LAST_EXCERPT], read.refused)
    if read.table.empty:
        raise InputError("no song has a label that can be used", where=files[0], hint="fetch the data set again")
    notes = [f"no {name}: its songs are not known" for name, file in here.items() if file is None]
    excerpts = int((read.table.index <= LAST_EXCERPT).sum())
    refused = len(read.refused)
    if here[MEANS[0]] is not None and excerpts + refused < EXCERPTS:
        notes.append(f"{MEANS[0]} holds {excerpts + refused} of {EXCERPTS} songs")
    return read, notes


def _curves(found: Sequence[Path], songs: pd.Index) -> over_time.OverTime | None:
    valence, arousal = only(found, "valence.csv"), only(found, "arousal.csv")
    if valence is None or arousal is None:
        return None
    curves = over_time.read(valence, arousal, songs)
    return None if curves.table.empty else curves


def _witnesses(
    found: Sequence[Path], emomusic: Path | None, curves: over_time.OverTime | None, ratings: pd.DataFrame | None
) -> list[Witness]:
    """Who may know which axis is which, the strongest first."""
    witnesses: list[Witness] = []
    file = (only(tree.files(emomusic), EMOMUSIC) if emomusic is not None else None) or only(found, EMOMUSIC)
    if file is not None:
        witnesses.append(Witness("emoMusic's static labels", mediaeval.means([file]).table))
    if curves is not None:
        witnesses.append(Witness("DEAM's dynamic annotations", curves.means()))
    if ratings is not None:
        witnesses.append(Witness("DEAM's ratings by rater", _by_song(ratings), contradicts=True))
    return witnesses


def _by_song(ratings: pd.DataFrame) -> pd.DataFrame:
    return ratings.groupby("number")[AXES].mean()


def _as_labels(ratings: pd.DataFrame, shipped: pd.DataFrame) -> pd.DataFrame:
    """Ratings put right along with the labels, where they share the labels' mistake."""
    early = ratings.index[ratings["number"] <= deam_axes.LAST]
    block = shipped[shipped.index <= deam_axes.LAST]
    same = Witness("", _by_song(ratings)).look(block).swapped is False
    return deam_axes.crossed(ratings, early) if same else ratings


def _raters(labels: pd.DataFrame, ratings: pd.DataFrame | None) -> pd.DataFrame:
    """Labels with their number of raters, and standard deviations of ``ddof`` 1: s²·k/(k - 1)."""
    raters = pd.Series(np.where(labels.index <= LAST_EXCERPT, 10, 5), labels.index)
    if ratings is not None:
        raters = ratings.groupby("number").size().reindex(labels.index).fillna(raters)
    k = raters.to_numpy(float)
    factor = np.sqrt(k / np.where(k > 1, k - 1, np.nan))
    return labels.assign(**{column: labels[column] * factor for column in SPREAD}, raters=raters)


def _against(labels: pd.DataFrame, curves: over_time.OverTime) -> Check:
    means = curves.means().reindex(labels.index)
    return audit.against_dynamic(SCALES[SCALE].to_unit(labels[AXES]), means)


def _named(labels: pd.DataFrame, names: dict[int, mediaeval.Name]) -> list[str]:
    """Notes on songs whose artist is not known."""
    unknown = [number for number in labels.index if number not in names or not names[number].artist]
    if len(unknown) == len(labels):
        return ["no metadata: artists and genres are not known, splits go by song alone"]
    return [f"{len(unknown)} songs have no artist in the metadata (first: {unknown[0]})"] if unknown else []


def _split(labels: pd.DataFrame) -> dict[str, str]:
    """MediaEval 2015: trained on the excerpts, tested on the full songs."""
    return {f"{DATASET.name}-{number}": "train" if number <= LAST_EXCERPT else "test" for number in labels.index}
