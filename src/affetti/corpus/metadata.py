"""Columns of words, sections and instruments in a user's table, and such a table joined to any data set by song.

``labels.csv`` may have these columns (see :mod:`affetti.corpus.loaders.table`); ``prepare --metadata FILE.csv`` gives
the same to a data set that lacks them. A wrong cell refuses the table; a file that a row names and that cannot be used
is left out and reported, and the recording is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affetti import tables
from affetti.corpus.annotations import UNKNOWN, Annotations, Lyrics, Section
from affetti.corpus.lyrics_file import parse_lyrics, read_lyrics
from affetti.corpus.sections_file import gap, read_sections, section_label
from affetti.corpus.track import Source, Track
from affetti.errors import AffettiError, InputError, printable
from affetti.folders import FileFinder

COLUMNS = ("lyrics", "lyrics_file", "language", "section", "sections_file", "instruments", "mode", "tempo")
"""Columns that describe a recording; files are named from the folder of the table."""
NAMES = ("genre", "artist", "title")
"""Columns of :func:`join` besides :data:`COLUMNS`."""
MODES = {"major": "major", "maj": "major", "minor": "minor", "min": "minor"}
MIN_TEMPO, MAX_TEMPO = 10.0, 500.0
"""Beats per minute."""


@dataclass(frozen=True)
class Described:
    """What one row says; empty where it says nothing."""

    annotations: Annotations = UNKNOWN
    mode: str = ""
    instruments: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    """Why files that it names are left out, a sentence each."""

    def applied(self, track: Track) -> Track:
        """The track with what the row says in place of what was known."""
        old, new = track.annotations, self.annotations
        return replace(
            track,
            mode=self.mode or track.mode,
            instruments=self.instruments or track.instruments,
            annotations=Annotations(
                lyrics=new.lyrics if new.lyrics.lines else old.lyrics,
                language=new.language or old.language,
                section=new.section or old.section,
                sections=new.sections or old.sections,
                tempo=old.tempo if new.tempo is None else new.tempo,
                genre_original=new.genre_original or old.genre_original,
            ),
        )


def describe(row: tables.Row) -> Described:
    """What the columns :data:`COLUMNS` of a row say; all may be absent or empty.

    Raises:
        InputError: a cell cannot be right, or words or sections are given twice; names the line.
    """
    if row.get("lyrics") and row.get("lyrics_file"):
        raise row.wrong("both lyrics and lyrics_file are given", "keep one of the two")
    if row.get("section") and row.get("sections_file"):
        raise row.wrong("both section and sections_file are given", "keep one of the two")
    mode = MODES.get(row.get("mode").casefold())
    if row.get("mode") and mode is None:
        raise row.wrong(f"mode {row['mode']!r} is neither major nor minor", "correct it, or leave it empty")
    tempo = row.number("tempo", MIN_TEMPO, MAX_TEMPO) if row.get("tempo") else None
    faults: list[str] = []
    lyrics, sections = Lyrics(), tuple[Section, ...]()
    if row.get("lyrics"):
        lyrics = parse_lyrics(row["lyrics"], row.path)
    words_file, sections_file = _file(row, "lyrics_file"), _file(row, "sections_file")
    try:
        if words_file is not None:
            lyrics = read_lyrics(words_file)
    except AffettiError as error:
        faults.append(f"its lyrics are left out: {error.where}: {error.what}")
    try:
        if sections_file is not None:
            sections = read_sections(sections_file)
    except AffettiError as error:
        faults.append(f"its sections are left out: {error.where}: {error.what}")
    annotations = Annotations(
        lyrics, row.get("language").casefold(), section_label(row.get("section")), sections, tempo
    )
    return Described(annotations, mode or "", instrument_names(row.get("instruments")), tuple(faults))


def instrument_names(text: str) -> tuple[str, ...]:
    """Names separated by a vertical bar, a semicolon or a comma, in lower case, each once, in order.

    Example:
        >>> instrument_names("Piano, Drums|piano")
        ('piano', 'drums')
    """
    names = (unicodedata.normalize("NFC", name).strip().casefold() for name in re.split(r"[|;,]", text))
    return tuple(dict.fromkeys(name for name in names if name))


def gap_notes(tracks: Sequence[Track]) -> list[str]:
    """A note on recordings whose sections leave gaps."""
    gaps = [(track, hole) for track in tracks if (hole := gap(track.annotations.sections)) is not None]
    if not gaps:
        return []
    track, (start, end) = gaps[0]
    first = f"first: {track.path}, {start:g} to {end:g} s"
    return [f"sections of {len(gaps)} recordings leave gaps ({first}): clips there have no section"]


def join(source: Source, path: Path) -> Source:
    """A data set with what the table ``path`` says of its recordings, joined by the column ``song``.

    A row's ``song`` may be a song id, a track id, either without the name of the data set in front (``10`` for
    ``deam-10``), or the name of the audio file with or without its suffix. Cells that are filled replace what the
    data set says; empty ones do not.

    Raises:
        InputError: the table cannot be used, a song occurs twice or could be several, or no row belongs to a recording;
            names the line.
    """
    rows = tables.read(path, ("song",), hint="write a CSV with the column song, and others such as lyrics_file")
    known = {"song", *COLUMNS, *NAMES}
    read = [column for column in rows[0].cells if column in known and column != "song"]
    if not read:
        raise InputError("has no column to join", where=path, hint=f"add some of {', '.join((*COLUMNS, *NAMES))}")
    tracks = [*source.tracks, *source.absent]
    by_name = _by_name(tracks, source)
    changed: dict[int, Track] = {}
    faults: list[tuple[str, str]] = []
    unknown: list[str] = []
    for name, row in tables.unique(rows, "song", "correct it").items():
        members = by_name.get(_plain(name), [])
        songs = sorted({tracks[number].song_id for number in members})
        if len(songs) > 1:
            raise row.wrong(f"song {name!r} could be {' or '.join(songs[:3])}", "write its id in full")
        if not members:
            unknown.append(name)
            continue
        described = describe(row)
        names = {column: row.get(column) for column in NAMES if row.get(column)}
        for number in members:
            changed[number] = replace(described.applied(tracks[number]), **names)
        faults += [(tracks[members[0]].path, fault) for fault in described.faults]
    if not changed:
        what = f"none of its {len(unknown)} songs is in {source.name} (first: {printable(unknown[0])})"
        raise InputError(what, where=path, hint=f"name songs as {tracks[0].song_id if tracks else 'the data set'}")
    joined = [changed.get(number, track) for number, track in enumerate(tracks)]
    notes = [*source.notes, *_join_notes(path, read, rows, changed, unknown, len(tracks)), *gap_notes(joined)]
    return replace(
        source,
        tracks=joined[: len(source.tracks)],
        absent=joined[len(source.tracks) :],
        incomplete=(*source.incomplete, *faults),
        notes=tuple(notes),
    )


def _join_notes(
    path: Path,
    read: Sequence[str],
    rows: Sequence[tables.Row],
    changed: Mapping[int, Track],
    unknown: Sequence[str],
    n_tracks: int,
) -> list[str]:
    notes = [f"{path.name}: {', '.join(read)} of {len(changed)} of {n_tracks} recordings"]
    if unknown:
        notes.append(f"{path.name}: {len(unknown)} songs are not in this data set (first: {printable(unknown[0])})")
    ignored = [column for column in rows[0].cells if column not in {"song", *read}]
    if ignored:
        notes.append(f"{path.name}: columns not read: {', '.join(it or 'one without a header' for it in ignored)}")
    return notes


def _by_name(tracks: Sequence[Track], source: Source) -> dict[str, list[int]]:
    """Numbers of tracks by each name that a table may call them."""
    by_name: dict[str, list[int]] = {}
    for number, track in enumerate(tracks):
        file = Path(track.path)
        names = {track.song_id, track.track_id, track.path, file.name, file.stem}
        # DEAM and emoMusic number their songs alike, in DEAM's name.
        for dataset in {source.name, track.dataset, "deam"} - {""}:
            names |= {name.removeprefix(f"{dataset}-") for name in (track.song_id, track.track_id)}
        for name in {_plain(name) for name in names}:
            by_name.setdefault(name, []).append(number)
    return by_name


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _file(row: tables.Row, column: str) -> Path | None:
    if "\0" in row.get(column):
        raise row.wrong(f"{row[column]!r} is no file name")
    return FileFinder().find(row.path.parent / row[column]) if row.get(column) else None
