"""Arrangement: the notes of melody, chords, bass and drums for sections whose cues are given.

A section's cues decide what its notes are: the melody's archetype, register, rate and instrument, the mode of all
pitches, the velocity of every note (level), and the duration of every pitched note over its interval (articulation).
The style decides progressions, figures, bass lines and drums. Sections of one name share their random streams, so that
a chorus comes back as the chorus, in the cues of its place.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from affetti.compose.cues import TIMBRES, Cues
from affetti.compose.melody import compose_melody
from affetti.compose.styles import (
    ALL,
    APPROACH,
    CLOSED,
    FIFTH,
    OCTAVE,
    OPEN,
    PEDAL,
    RIDE,
    Chord,
    Hits,
    Style,
    chord,
)

PartName = Literal["melody", "chords", "bass", "drums"]
PARTS: tuple[PartName, ...] = ("melody", "chords", "bass", "drums")

MIDDLE_VELOCITY = 71
"""Velocity at level 0 dB; the extremes of the cue, ±10 dB, then fall on 40 and 126."""
BALANCE: dict[PartName, float] = {"melody": 1.0, "chords": 0.62, "bass": 0.8, "drums": 0.7}
"""Velocity of a part against the melody's."""
ACCENTS: dict[int, float] = {CLOSED: 0.75, OPEN: 0.75, RIDE: 1.4, PEDAL: 1.4}
"""Velocity of a drum against the kick's; the ride and the pedal are faint in General MIDI kits."""
CHORD_CENTRE, BASS_LOWEST, POWER_LOWEST = 57, 33, 40
FULL_SECTIONS = frozenset({"verse", "chorus"})
"""The others are thin: sustained chords, root bass, little or no percussion."""
SILENT_DRUMS = frozenset({"intro", "outro"})


@dataclass(frozen=True)
class Note:
    """A note: ``start`` and ``duration`` in seconds, MIDI ``pitch`` and ``velocity`` (1 to 127)."""

    start: float
    duration: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """What one instrument plays: a General MIDI program from 0, or the drum kit."""

    name: PartName
    program: int
    is_drum: bool
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Section:
    """A stretch of a song in which the cues are constant; ``start`` and ``duration`` in seconds."""

    name: str
    start: float
    duration: float
    cues: Cues
    lines: tuple[str, ...] = ()
    """Lyrics; none in an instrumental section."""


Stream = Callable[..., np.random.Generator]
"""The random generator of one decision, from the words that name it."""
MAX_BARS = 4
"""A section has 1 to this many bars of four beats."""


def arrange(
    sections: Sequence[Section], beats: Sequence[float], style: Style, key: int, timbre: str, stream: Stream
) -> tuple[Part, ...]:
    """The parts of a piece, those without a note left out.

    Args:
        sections: in order, each of 1 to :data:`MAX_BARS` bars of four beats.
        beats: seconds of a beat in each section; its cue ``tempo`` is 1, 2 or 4 notes a beat.
        style: a value of :data:`~affetti.compose.styles.STYLES`.
        key: pitch class of the tonic, 0 (C) to 11.
        timbre: lead instrument, a key of :data:`~affetti.compose.cues.TIMBRES`.
        stream: gives the random generator of each decision.
    """
    choice = stream("instruments")
    chord_program, bass_program = (
        programs[int(choice.integers(len(programs)))] for programs in (style.chords, style.bass)
    )
    notes: dict[PartName, list[Note]] = {name: [] for name in PARTS}
    for section, beat in zip(sections, beats, strict=True):
        bars = round(section.duration / (4.0 * beat))
        # Chords depend on the name of a section and not on its cues: both modes of a progression are drawn together, so
        # that the mode of a section chooses between them without a draw of its own.
        numerals = _progression(style, section.name, bars, stream("chords", section.name))[section.cues.mode]
        chords = [chord(numeral) for numeral in numerals]
        place = _Place(section, key, beat, style)
        notes["melody"] += _melody(place, chords, stream("melody", section.name))
        notes["chords"] += _chords(place, chords, stream("figure", section.name))
        notes["bass"] += _bass(place, chords, stream("bass", section.name))
        notes["drums"] += _drums(place, bars)
    programs = {"melody": TIMBRES[timbre], "chords": chord_program, "bass": bass_program, "drums": 0}
    return tuple(Part(name, programs[name], name == "drums", tuple(notes[name])) for name in PARTS if notes[name])


def decision_rng(seed: int, index: int, *labels: str | int) -> np.random.Generator:
    """The random generator of one decision about song ``index`` of ``seed``, named by ``labels``."""
    return np.random.default_rng([seed, index, zlib.crc32("/".join(map(str, labels)).encode())])


@dataclass(frozen=True)
class _Place:
    """Where a section's notes go."""

    section: Section
    key: int
    beat: float
    style: Style

    @property
    def full(self) -> bool:
        return self.section.name in FULL_SECTIONS

    def seconds(self, beats: float) -> float:
        """Time of a position in the section, its off-beats delayed as the style swings."""
        whole, part = divmod(beats, 1.0)
        swing = self.style.swing
        bent = part * 2.0 * swing if part < 0.5 else swing + (part - 0.5) * 2.0 * (1.0 - swing)
        return self.section.start + (whole + bent) * self.beat

    def velocity(self, part: PartName, accent: float) -> int:
        # A synthesizer's amplitude follows 40 log10(velocity), so that 40 dB are a factor of ten.
        level = 10.0 ** (self.section.cues.level / 40.0)
        return int(np.clip(round(MIDDLE_VELOCITY * BALANCE[part] * accent * level), 1, 127))

    def note(self, part: PartName, beats: float, length: float, pitch: int, accent: float = 1.0) -> Note:
        """A note of ``length`` beats, shortened by the articulation unless it is a drum's."""
        start = self.seconds(beats)
        held = 1.0 if part == "drums" else self.section.cues.articulation
        return Note(start, (self.seconds(beats + length) - start) * held, pitch, self.velocity(part, accent))


def _progression(style: Style, name: str, bars: int, rng: np.random.Generator) -> dict[str, list[str]]:
    """Roman numerals of a section for either mode, one a bar; an outro comes home."""
    number = int(rng.integers(len(style.major)))
    chosen: dict[str, list[str]] = {}
    for mode, table in (("major", style.major), ("minor", style.minor)):
        full = table[number].split()
        numerals = [full[k] for k in {1: (0,), 2: (0, 3), 3: (0, 2, 3), 4: (0, 1, 2, 3)}.get(bars, range(4))]
        if name == "outro":  # the last chord is the one nearest above the tonic, so that the song closes
            numerals[-1] = min(" ".join(table).split(), key=lambda numeral: chord(numeral).root)
        chosen[mode] = numerals
    return chosen


def _melody(place: _Place, chords: Sequence[Chord], rng: np.random.Generator) -> list[Note]:
    cues = place.section.cues
    # The beat was chosen as the tempo over a power of two, so this is exact: 1, 2 or 4.
    notes_per_beat = round(cues.tempo * place.beat)
    onsets, pitches = compose_melody(
        cues.melody, chords, cues.mode, place.key, cues.register, notes_per_beat, place.beat, rng
    )
    ends = [*onsets[1:].tolist(), 4.0 * len(chords)]
    return [
        place.note("melody", onset, end - onset, pitch, 1.0 if onset % 1.0 == 0.0 else 0.93)
        for onset, end, pitch in zip(onsets.tolist(), ends, pitches, strict=True)
    ]


def _chords(place: _Place, chords: Sequence[Chord], rng: np.random.Generator) -> list[Note]:
    figures = place.style.figures[place.full]
    figure: Hits = figures[int(rng.integers(len(figures)))]
    notes: list[Note] = []
    for bar, now in enumerate(chords):
        voices = _voicing(now, place.key)
        for onset, length, voice in figure:
            accent = 1.0 if onset % 2.0 == 0.0 else 0.9
            struck = voices if voice == ALL else voices[voice : voice + 1]
            notes += [place.note("chords", 4.0 * bar + onset, length, pitch, accent) for pitch in struck]
    return notes


def _voicing(now: Chord, key: int) -> list[int]:
    """The chord in close position around :data:`CHORD_CENTRE`; power chords stand on their root."""
    if len({tone % 12 for tone in now.tones}) == 2:
        root = POWER_LOWEST + (key + now.root - POWER_LOWEST) % 12
        return [root + tone for tone in now.tones]
    # Each tone is folded into the octave around the centre: chords then move by small steps, and their register, which
    # is no cue, stays the same whatever the key.
    lowest = CHORD_CENTRE - 6
    return sorted(lowest + (key + now.root + tone - lowest) % 12 for tone in now.tones)


def _bass(place: _Place, chords: Sequence[Chord], rng: np.random.Generator) -> list[Note]:
    lines = place.style.lines[place.full]
    figure: Hits = lines[int(rng.integers(len(lines)))]
    roots = [BASS_LOWEST + (place.key + now.root - BASS_LOWEST) % 12 for now in chords]
    notes: list[Note] = []
    for bar, now in enumerate(chords):
        following = roots[(bar + 1) % len(roots)]
        for onset, length, what in figure:
            if what == APPROACH:  # a semitone from the next root, on the side it is approached from
                pitch = following - 1 if following > roots[bar] else following + 1
            elif what == OCTAVE:
                pitch = roots[bar] + 12
            else:  # a diminished chord has its fifth at 6 semitones
                pitch = roots[bar] + (now.tones[what] if what != FIFTH else next(t for t in now.tones if 6 <= t <= 8))
            notes.append(place.note("bass", 4.0 * bar + onset, length, pitch, 1.0 if onset == 0.0 else 0.92))
    return notes


def _drums(place: _Place, bars: int) -> list[Note]:
    if place.style.drums is None or place.section.name in SILENT_DRUMS:
        return []
    pattern = place.style.drums[place.full]
    return [
        place.note("drums", 4.0 * bar + onset, length, pitch, ACCENTS.get(pitch, 1.0))
        for bar in range(bars)
        for onset, length, pitch in sorted(pattern)
    ]
