"""Several data sets as one source: a song that is in more than one is used once.

DEAM contains all 744 songs of emoMusic under the same numbers: if both are prepared separately, test songs of one are
training songs of the other. Song ids carry the name of the set that numbered them (``deam-10`` in both). Where both
sets are requested, the clip comes from the set named first, and the other copy is left out. Folds keep artists apart
over the whole union. Published splits belong to a single data set and are not available for a union.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from affetti.corpus.track import Check, Dataset, Source, Track


def union(sources: Sequence[Source]) -> Source:
    """Join sources in the given order; a single source is returned unchanged.

    Track ids and paths are prefixed with the name of their data set. Each part is audited separately (see
    :attr:`Source.parts`), and the check ``songs_shared`` counts the songs that were in more than one.
    """
    if len(sources) == 1:
        return sources[0]
    tracks: list[Track] = []
    refused: list[tuple[str, str]] = []
    owner: dict[str, str] = {}
    shared: dict[tuple[str, str], int] = {}
    for source in sources:
        for track in (_renamed(track, source.name) for track in source.tracks):
            first = owner.setdefault(track.song_id, source.name)
            if first == source.name:
                tracks.append(track)
            else:
                shared[source.name, first] = shared.get((source.name, first), 0) + 1
        refused += [(f"{source.name}/{path}", reason) for path, reason in source.refused]
    absent: list[Track] = []
    for source in sources:
        ours = [track for track in source.absent if owner.setdefault(track.song_id, source.name) == source.name]
        absent += [_renamed(track, source.name) for track in ours]
    tables: dict[str, list[pd.DataFrame]] = {}
    for source in sources:
        for name, table in source.tables.items():
            ours = [owner.get(song, source.name) == source.name for song in table["song_id"]]
            tables.setdefault(name, []).append(table.loc[ours].assign(dataset=source.name))
    return Source(
        _card([source.dataset for source in sources]),
        tracks,
        absent,
        refused,
        (
            *(f"{source.name}: {note}" for source in sources for note in source.notes),
            *(f"{n} songs of {there} are also in {first}, and read from there" for (there, first), n in shared.items()),
        ),
        (_shared(sources),),
        tables={name: pd.concat(parts, ignore_index=True) for name, parts in sorted(tables.items())},
        parts=tuple(sources),
        incomplete=[(f"{source.name}/{path}", reason) for source in sources for path, reason in source.incomplete],
    )


def _renamed(track: Track, dataset: str) -> Track:
    """A track marked with its data set, in its name and path too."""
    name = track.track_id
    named = name if name.startswith(f"{dataset}-") else f"{dataset}-{name}"
    return replace(track, track_id=named, path=f"{dataset}/{track.path}", dataset=dataset)


def _card(cards: Sequence[Dataset]) -> Dataset:
    """One card for all; the scale of each clip follows from its column ``dataset``."""

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
    common = {song for i, ours in enumerate(songs) for theirs in songs[:i] for song in ours & theirs}
    detail = f"{len(common)} songs are in more than one of {', '.join(source.name for source in sources)}"
    if common:
        detail += ": each is used once, from the first that has its audio"
    return Check("songs_shared", "corrected" if common else "fine", len(common), detail)
