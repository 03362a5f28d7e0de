"""PMEmo: choruses of popular songs with valence and arousal by at least ten listeners, static and over time.

Zhang et al., "The PMEmo Dataset for Music Emotion Recognition", ICMR 2018. Both releases are read; ``ID`` is musicId::

    PMEmo2019/metadata.csv                              musicId,fileName,title,artist,album,duration,…
    PMEmo2019/chorus/ID.mp3
    PMEmo2019/annotations/static_annotations.csv        musicId,Arousal(mean),Valence(mean): arousal first
    PMEmo2019/annotations/static_annotations_std.csv    musicId,Arousal(std),Valence(std)
    PMEmo2019/annotations/dynamic_annotations.csv       musicId,frameTime,Arousal(mean),Valence(mean), every 0.5 s

    PMEmo2019/lyrics/ID.lrc                             words of the whole song, with times; not of all songs

    PMEmo/metadata.csv                                  song_id,file_name,artist,song_title: commas not quoted
    PMEmo/Chorus/ID.mp3
    PMEmo/A_static.csv, V_static.csv                    musicId,mean_A,std_A and musicId,mean_V,std_V, in no order

Labels are in [0, 1]: ratings from 1 to 9, less 1, by 8. Published spreads divide by the number of raters (``ddof`` 0);
here they are those of a sample (``ddof`` 1). No file gives that number, but it follows from means and spreads of whole
ratings (see :func:`raters`). Of the 794 songs, 27 have no labels.

Words are cut to the chorus by ``chorus_start_time`` and ``chorus_end_time`` of ``metadata.csv``; lines that name who
wrote the song are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from affetti import tables
from affetti.corpus import audit
from affetti.corpus.annotations import Annotations, Lyrics
from affetti.corpus.loaders import tree
from affetti.corpus.lyrics_file import excerpt_lyrics, read_lyrics
from affetti.corpus.track import AudioFile, Check, Dataset, Labels, Options, Source, Track
from affetti.emotion import AXES, SCALES
from affetti.errors import InputError

DATASET = Dataset(
    "pmemo",
    "PMEmo",
    "none stated for the data; choruses of copyrighted songs, for research (the code is MIT)",
    "Zhang, K., Zhang, H., Li, S., Yang, C. & Sun, L. (2018). The PMEmo Dataset for Music Emotion Recognition. ICMR.",
    "https://github.com/HuiZhangDB/PMEmo",
    "0..1",
)
MIN_RATERS = 10
"""Fewest raters of a song, according to the paper."""
MAX_RATERS = 19
"""Upper limit of the search: every mean and spread of k ratings is also one of 2 k ratings."""
CLOCK = re.compile(r"(\d{1,3}):(\d{1,2}(?:\.\d+)?)")
CREDITS = re.compile(r"\s*(作词|作詞|作曲|编曲|編曲|制作|製作|Lyrics? by|Composed by|Written by)", re.IGNORECASE)
"""Lines of an LRC file that name who made the song."""
RESCALED = 0.1
"""Share of songs outside [0, 1] above which a table counts as rescaled; the published ones have none."""


@dataclass(frozen=True)
class Static:
    """The published labels of one song: its row, and mean and spread over raters as (valence, arousal)."""

    row: tables.Row
    mean: tuple[float, float]
    spread: tuple[float, float]


@dataclass(frozen=True)
class Release:
    """The tables of one release: labels, (artist, title), and when the chorus starts and ends, by musicId."""

    year: int
    static: Mapping[str, Static]
    names: Mapping[str, tuple[str, str]]
    chorus: Mapping[str, tuple[float, float]]
    """In seconds of the song."""


def load(path: Path, options: Options) -> Source:  # noqa: ARG001 - one signature for all loaders
    """Read the labels of the PMEmo tree below ``path``, of either release; audio may be absent.

    Raises:
        InputError: there is no label table, a table lacks a column or has a cell that is not a number, an id is missing
            or occurs twice, or the means are on another scale than [0, 1].
    """
    paths = tree.files(path)
    table = tree.only(paths, "static_annotations.csv") or tree.only(paths, "a_static.csv")
    if table is None:
        what = "no labels of PMEmo (expected static_annotations.csv of 2019 and A_static.csv of 2018)"
        raise InputError(what, where=path, hint="give the folder PMEmo2019, or fetch it again")
    root = table.parent.parent if table.parent.name.casefold() == "annotations" else table.parent
    here = [file for file in paths if file.is_relative_to(root)]
    release = (_of_2018 if table.name.casefold() == "a_static.csv" else _of_2019)(table, here)
    static = dict(sorted(release.static.items(), key=lambda item: (len(item[0]), item[0])))
    outside = {name: reason for name, song in static.items() if (reason := _outside(song))}
    if len(outside) > RESCALED * len(static):
        what = f"{len(outside)} of {len(static)} songs lie outside [0, 1] ({next(iter(outside.values()))})"
        hint = "this is probably a copy rescaled to 1..9, its spreads often left in [0, 1]: fetch the original"
        raise InputError(what, where=table, hint=hint)
    counted = {name: raters(song.mean, song.spread) for name, song in static.items()}
    sounds = tree.sounds(tree.below(here, "chorus"))
    words, incomplete = _lyrics(here, release)
    tracks: dict[str, Track] = {}
    for name in (name for name in static if name not in outside):
        artist, title = release.names.get(name, ("", ""))
        file = sounds.get(name, root / "chorus" / f"{name}.mp3")
        called = str(file.relative_to(path)) if file.is_relative_to(path) else str(file)
        labels = _labels(static[name], counted[name])
        song = f"pmemo-{name}"
        tracks[name] = Track(
            song,
            song,
            called,
            AudioFile(file),
            labels,
            artist,
            title=title,
            annotations=Annotations(words.get(name, Lyrics())),
        )
    dynamic = _dynamic(tree.only(here, "dynamic_annotations.csv"), tracks)
    return Source(
        DATASET,
        [track for name, track in tracks.items() if name in sounds],
        [track for name, track in tracks.items() if name not in sounds],
        [(f"pmemo-{name}", reason) for name, reason in outside.items()],
        (
            *_notes(release, counted, dynamic, len(tracks), len(tracks.keys() & sounds.keys())),
            *_lyric_notes(words, tracks),
        ),
        (audit.out_of_range([f"pmemo-{name}" for name in outside], "0..1"), *_checks(tracks, dynamic)),
        tables={} if dynamic is None else {"dynamic": dynamic},
        incomplete=incomplete,
    )


def raters(mean: Sequence[float], spread: Sequence[float]) -> int | None:
    """The number of raters whose ratings, whole numbers 1 to 9 mapped to [0, 1], have these means and spreads.

    Spreads have ``ddof`` 0. Of k ratings r = 0..8 with mean m and variance s², Σr = k·m and Σr² = k·(s² + m²) are whole
    numbers. Returns the smallest k from :data:`MIN_RATERS` to :data:`MAX_RATERS` for which they are on both axes, or
    None.

    Example:
        >>> raters([0.5, 0.5], [0.0, 0.0])
        10
    """
    m, s = 8.0 * np.asarray(mean), 8.0 * np.asarray(spread)
    for k in range(MIN_RATERS, MAX_RATERS + 1):
        sums = np.concatenate([k * m, k * (s**2 + m**2)])
        if np.abs(sums - sums.round()).max() < 1e-3:
            return k
    return None


def _of_2019(table: Path, paths: Sequence[Path]) -> Release:
    means = tables.unique(tables.read(table, ("musicid", "arousal(mean)", "valence(mean)")), "musicid")
    file = tree.only(paths, "static_annotations_std.csv")
    spreads = tables.unique(tables.read(file, ("musicid", "arousal(std)", "valence(std)")), "musicid") if file else {}
    static = {
        name: Static(
            row,
            (row.number("valence(mean)"), row.number("arousal(mean)")),
            _spread(spreads.get(name), "valence(std)") + _spread(spreads.get(name), "arousal(std)"),
        )
        for name, row in means.items()
    }
    metadata = tree.only(paths, "metadata.csv")
    return Release(2019, static, _names(metadata, "musicid", "title"), _choruses(metadata))


def _of_2018(table: Path, paths: Sequence[Path]) -> Release:
    file = tree.only(paths, "v_static.csv")
    if file is None:
        raise InputError("no such file", where=table.with_name("V_static.csv"), hint=tables.AGAIN)
    arousal = tables.unique(tables.read(table, ("musicid", "mean_a", "std_a")), "musicid")
    valence = tables.unique(tables.read(file, ("musicid", "mean_v", "std_v")), "musicid")
    for name in arousal.keys() ^ valence.keys():
        row, other = (arousal[name], file) if name in arousal else (valence[name], table)
        raise row.wrong(f"musicId {name} is not in {other.name}", tables.AGAIN)
    static = {
        name: Static(
            row,
            (valence[name].number("mean_v"), row.number("mean_a")),
            _spread(valence[name], "std_v") + _spread(row, "std_a"),
        )
        for name, row in arousal.items()
    }
    return Release(2018, static, _names(tree.only(paths, "metadata.csv"), "song_id", "song_title"), {})


def _spread(row: tables.Row | None, column: str) -> tuple[float]:
    return (float("nan") if row is None else row.number(column, 0.0),)


def _names(file: Path | None, ident: str, title: str) -> dict[str, tuple[str, str]]:
    """Artist and title by id; in 2018 the first of artists joined by ``+``, and titles put together at their commas."""
    if file is None:
        return {}
    table = tables.unique(tables.read(file, (ident, "artist", title), ragged=True, errors="replace"), ident)
    return {
        name: (
            row.get("artist").split("+")[0] if title == "song_title" else row.get("artist"),
            ", ".join((row.get(title), *(row.rest if title == "song_title" else ()))),
        )
        for name, row in table.items()
    }


def _choruses(file: Path | None) -> dict[str, tuple[float, float]]:
    """When the chorus starts and ends, seconds, of the songs where ``metadata.csv`` says so (``02:35``)."""
    if file is None:
        return {}
    choruses: dict[str, tuple[float, float]] = {}
    for row in tables.read(file, ("musicid",), ragged=True, errors="replace"):
        times = [CLOCK.fullmatch(row.get(f"chorus_{end}_time")) for end in ("start", "end")]
        start, end = (float("nan") if time is None else 60.0 * int(time[1]) + float(time[2]) for time in times)
        if end > start:
            choruses[row["musicid"]] = start, end
    return choruses


def _lyrics(paths: Sequence[Path], release: Release) -> tuple[dict[str, Lyrics], list[tuple[str, str]]]:
    """Words of each chorus by musicId, without lines of credits, and the songs whose words cannot be used."""
    words: dict[str, Lyrics] = {}
    faults: list[tuple[str, str]] = []
    for file in tree.below(paths, "lyrics"):
        name = file.stem
        if file.suffix.casefold() != ".lrc" or name not in release.static:
            continue
        try:
            lyrics = read_lyrics(file)
        except InputError as error:
            faults.append((f"pmemo-{name}", f"its lyrics are left out: {file.name}: {error.what}"))
            continue
        lines = tuple("" if CREDITS.match(line) else line for line in lyrics.lines)
        if name in release.chorus or not lyrics.times:
            words[name] = excerpt_lyrics(replace(lyrics, lines=lines), *release.chorus.get(name, (0.0, 0.0)))
        else:
            faults.append((f"pmemo-{name}", "its lyrics are left out: metadata.csv does not say when the chorus is"))
    return words, faults


def _lyric_notes(words: Mapping[str, Lyrics], tracks: Mapping[str, Track]) -> list[str]:
    return [f"lyrics of {len(words.keys() & tracks.keys())} of {len(tracks)} songs, cut to the chorus"] if words else []


def _outside(song: Static) -> str:
    """Why a song's label is invalid; "" if it is valid."""
    for axis, mean in zip(AXES, song.mean, strict=True):
        if not 0.0 <= mean <= 1.0:
            return f"line {song.row.line}: {axis} {mean:g} lies outside [0, 1]"
    return ""


def _labels(song: Static, counted: int | None) -> Labels:
    k = counted or MIN_RATERS
    sample = np.sqrt(k / (k - 1)) * np.asarray(song.spread)
    return Labels.on("0..1", *song.mean, *map(float, sample), raters=k)


def _dynamic(file: Path | None, tracks: Mapping[str, Track]) -> pd.DataFrame | None:
    """Ratings over time of the songs at hand, in seconds from the start of the chorus, in [-1, 1]; none outside it."""
    if file is None:
        return None
    at: set[tuple[str, float]] = set()
    values: list[tuple[str, float, float, float]] = []
    for row in tables.read(file, ("musicid", "frametime", "arousal(mean)", "valence(mean)")):
        name, time = row["musicid"], row.number("frametime", 0.0)
        if (name, time) in at:
            raise row.wrong(f"musicId {name} at {time:g} s occurs twice", tables.AGAIN)
        at.add((name, time))
        pair = row.number("valence(mean)"), row.number("arousal(mean)")
        if name in tracks and all(0.0 <= value <= 1.0 for value in pair):
            values.append((tracks[name].song_id, time, *pair))
    table = pd.DataFrame(values, columns=["song_id", "time", "valence", "arousal"])
    table[["valence", "arousal"]] = SCALES["0..1"].to_unit(table[["valence", "arousal"]])
    return table.sort_values(["song_id", "time"], ignore_index=True)


def _checks(tracks: Mapping[str, Track], dynamic: pd.DataFrame | None) -> list[Check]:
    if dynamic is None or dynamic.empty:
        return []
    labels = np.array([[track.labels.valence, track.labels.arousal] for track in tracks.values()])
    over_time = dynamic.pivot_table(["valence", "arousal"], "song_id")[["valence", "arousal"]]
    reference = over_time.reindex([track.song_id for track in tracks.values()])
    seen = audit.axes(labels, reference)
    return [audit.axes_check(seen, "the means of their ratings over time"), audit.against_dynamic(labels, reference)]


def _notes(
    release: Release, counted: Mapping[str, int | None], dynamic: pd.DataFrame | None, songs: int, n_audio: int
) -> list[str]:
    notes = [f"release of {release.year}, labels in [0, 1]"]
    if unlabelled := len(release.names.keys() - release.static.keys()):
        notes.append(f"{unlabelled} of {len(release.names.keys() | release.static.keys())} songs have no labels")
    if not release.names:
        notes.append("no metadata.csv: artists and titles are unknown, so folds cannot keep artists apart")
    if all(np.isnan(song.spread).any() for song in release.static.values()):
        notes.append("no static_annotations_std.csv: the spread of raters and the ceiling of the labels are unknown")
    if assumed := sum(k is None for k in counted.values()):
        what = f"the number of raters of {assumed} songs cannot be determined"
        notes.append(f"{what}: {MIN_RATERS} are assumed, as the paper states")
    if dynamic is None:
        what = "no dynamic_annotations.csv: no ratings over time"
        notes.append(what if release.year == 2019 else "the ratings over time of the release of 2018 are not read")
    if n_audio < songs:
        notes.append(f"{songs - n_audio} of {songs} labelled songs have no audio here (chorus/ID.mp3)")
    return notes
