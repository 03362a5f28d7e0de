"""How tightly the parts of a song play together.

Players who try to play together miss each other by some 30 to 50 ms (Rasch 1979, "Synchronization in performed ensemble
music", Acustica 43:121, who gives the deviation of onsets that are notated together). Here each onset of each part is
displaced by a normal deviate of that deviation; what one part strikes together, such as a chord, stays together, and
every note keeps its length. The same deviates are used at every spread, so that a looser song is the same one
stretched.

When not to use: as expressive timing, which follows the music; these displacements follow nothing.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from affetti.compose.arrangement import Part
from affetti.compose.score import Song
from affetti.errors import UsageError

MAX_SPREAD_MS = 200.0
"""Milliseconds: beyond it nobody would call it one ensemble."""


def spread_timing(song: Song, milliseconds: float) -> Song:
    """The song with onsets of its parts apart by a standard deviation of ``milliseconds``.

    Args:
        song: a composed song.
        milliseconds: 0 to 200; 0 gives the song itself.

    Raises:
        UsageError: ``milliseconds`` lies outside.

    Example:
        >>> from affetti.compose.score import compose
        >>> song = compose(0, 0)
        >>> spread_timing(song, 0.0) == song
        True
    """
    if not 0.0 <= milliseconds <= MAX_SPREAD_MS:
        raise UsageError(f"a spread of {milliseconds:g} ms", where="timing", hint=f"give 0 to {MAX_SPREAD_MS:g} ms")
    return replace(song, parts=tuple(_displaced(song, part, milliseconds / 1000.0) for part in song.parts))


def _displaced(song: Song, part: Part, deviation: float) -> Part:
    """A part whose onsets are displaced, none to before the beginning of the song."""
    onsets = sorted({note.start for note in part.notes})
    rng = np.random.default_rng([song.seed, song.index, zlib.crc32(part.name.encode()), 0x717])
    moved = dict(zip(onsets, rng.standard_normal(len(onsets)), strict=True))
    notes = (replace(note, start=max(0.0, note.start + deviation * moved[note.start])) for note in part.notes)
    return replace(part, notes=tuple(sorted(notes, key=lambda note: note.start)))
