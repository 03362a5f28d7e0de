"""The same notes on other instruments: composed songs that differ in the melody's instrument and in nothing else.

The renderer balances instruments: each key of each program has the same level in its loudest quarter of a second, so
that what differs is timbre, envelope and release, not loudness. When not to use: as the effect of an instrument on
listeners, or as idiomatic playing: a distorted guitar is not played like a flute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from affetti import compose
from affetti.compose.arrangement import FULL_SECTIONS
from affetti.compose.renderer import Samples

PROGRAMS: dict[str, int] = {
    "piano": 0,
    "acoustic guitar": 24,
    "clean guitar": 27,
    "distorted guitar": 30,
    "strings": 40,
    "flute": 73,
    "synth": 81,
}
"""General MIDI programs, counted from 0; strings are a violin."""
INSTRUMENTS = tuple(PROGRAMS)
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
"""C major from middle C."""
STEP, HELD, VELOCITY = 0.5, 0.45, 90
"""Seconds from note to note of the scale, seconds each is held, and how hard it is struck."""


def with_lead(song: compose.Song, instrument: str) -> compose.Song:
    """The song with its melody on another instrument."""
    return replace(
        song,
        parts=tuple(
            replace(part, program=PROGRAMS[instrument]) if part.name == "melody" else part for part in song.parts
        ),
    )


def melody_only(song: compose.Song) -> compose.Song:
    """The melody alone."""
    return replace(song, parts=tuple(part for part in song.parts if part.name == "melody"))


def accompaniment_only(song: compose.Song) -> compose.Song:
    """All but the melody."""
    return replace(song, parts=tuple(part for part in song.parts if part.name != "melody"))


def c_major_scale() -> compose.Song:
    """The C major scale."""
    song = compose.compose(0, 0)
    notes = tuple(compose.Note(i * STEP, HELD, pitch, VELOCITY) for i, pitch in enumerate(SCALE))
    section = compose.Section("verse", 0.0, (len(SCALE) + 1) * STEP, song.sections[0].cues)
    return replace(song, sections=(section,), parts=(compose.Part("melody", 0, False, notes),))


def render_with_each(song: compose.Song, rate: int) -> Iterator[tuple[Samples, Samples]]:
    """For each of :data:`INSTRUMENTS` the melody alone on it, and the whole song led by it, ``[T]`` each.

    The mix is a plain sum, so that what accompanies is rendered once.
    """
    rest = compose.render(accompaniment_only(song), rate)
    for instrument in INSTRUMENTS:
        lead = compose.render(melody_only(with_lead(song, instrument)), rate)
        yield lead, lead + rest


def full_section_start(song: compose.Song) -> float:
    """Seconds at which the first section begins in which all parts play."""
    return next(section.start for section in song.sections if section.name in FULL_SECTIONS)
