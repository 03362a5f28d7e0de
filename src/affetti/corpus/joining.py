"""Several data sets as one source: songs that lie in more than one are taken once.

DEAM holds all 744 songs of emoMusic, under the same numbers: prepared apart and split apart, one's test songs are the
other's training songs. Song ids carry the name of the set that numbered them (``deam-10`` in both), and where both are
asked for, the first named one gives the clip, and the other's copy is left out. Artists are compared over
the whole union when folds are dealt. Published splits are of one data set, and are not offered for a union.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from affetti.corpus.track import Check, Dataset, Source, Track


def union(sources: Sequence[Source]) -> Source:
    """Join sources, in the order in which they are named; a single one comes back as it is.

    Tracks and their paths are named after their data set. The audit of the parts stays apart (:attr:`Source.parts`).
    """
    if len(sources) == 1:
        return sources[0]
    tracks: list[Track] = []
    refused: list[tuple[str, str]] = []
    home: dict[str, str] = {}
    elsewhere: dict[tuple[str, str], int] = {}
    for source in sources:
        for track in (_renamed(track, source.name) for track in source.tracks):
            first = home.setdefault(track.song_id, source.name)
            if first == source.name:
                tracks.append(track)
            else:
                elsewhere[source.name, first] = elsewhere.get((source.name, first), 0) + 1
        refused += [(f"{source.name}/{path}", reason) for path, reason in source.refused]
    absent: list[Track] = []
    for source in sources:
        ours = [track for track in source.absent if home.setdefault(track.song_id, source.name) == source.name]
        absent += [_renamed(track, source.name) for track in ours]
    tables: dict[str, list[pd.DataFrame]] = {}
    for source in sources:
        for name, table in source.tables.items():
            ours = [home.get(song, source.name) == source.name for song in table["song_id"]]
            tables.setdefault(name, []).append(table.loc[ours].assign(dataset=source.name))
    return Source(
        _card([source.dataset for source in sources]),
        tracks,
        absent,
        refused,
        (
            *(f"{source.name}: {note}" for source in sources for note in source.notes),
            *(
                f"{n} songs of {there} are also in {first}, and read from there"
                for (there, first), n in elsewhere.items()
            ),
        ),
        (_shared(sources),),
        tables={name: pd.concat(parts, ignore_index=True) for name, parts in sorted(tables.items())},
        parts=tuple(sources),
    )


def _renamed(track: Track, dataset: str) -> Track:
    """A track marked with its data set, in its name and path too."""
    name = track.track_id
    named = name if name.startswith(f"{dataset}-") else f"{dataset}-{name}"
    return replace(track, track_id=named, path=f"{dataset}/{track.path}", dataset=dataset)


def _card(cards: Sequence[Dataset]) -> Dataset:
    """One card for all; scales stay apart, by the column ``dataset`` of the clips."""

    def joined(field: str) -> str:
        return "; ".join(f"{card.name}: {getattr(card, field)}" for card in cards if getattr(card, field))

    scales = {card.scale for card in cards}
    return Dataset(
        "+".join(card.name for card in cards),
        " and ".join(card.title for card in cards),
        joined("licence"),
        joined("citation"),
        joined("url"),
        scales.pop() if len(scales) == 1 else joined("scale"),
    )


def _shared(sources: Sequence[Source]) -> Check:
    songs = [{track.song_id for track in source.labelled} for source in sources]
    found = {song for i, ours in enumerate(songs) for theirs in songs[:i] for song in ours & theirs}
    detail = f"{len(found)} songs lie in more than one of {', '.join(source.name for source in sources)}"
    if found:
        detail += ": each is taken once, from the first that has its sound"
    return Check("songs_shared", "corrected" if found else "fine", len(found), detail)
