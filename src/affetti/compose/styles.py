"""The five styles: what the accompaniment plays.

A style is a table: chord progressions in Roman numerals for either mode, figures for the chords, bass lines, drum
patterns and instruments. A figure is one bar of four beats, a tuple of ``(beat, length in beats, what)``. Progressions
of a style exist in both modes in equal number and chord size, so that a change of mode changes pitches only. The
tables are ours, from common practice in each style.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

Hits = tuple[tuple[float, float, int], ...]
"""Beat, length in beats, and a voice of the chord (0 the lowest, :data:`ALL` for the whole chord) or a bass note."""

ALL = -1
ROOT, THIRD, FIFTH, OCTAVE, APPROACH = 0, 1, 2, 3, 4

KICK, RIM, SNARE, CLAP, CLOSED, PEDAL, OPEN, CRASH, RIDE = 36, 37, 38, 39, 42, 44, 46, 49, 51

SCALES: dict[str, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "o": (0, 3, 6),
    "5": (0, 7, 12),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
}
NUMERALS = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}


@dataclass(frozen=True)
class Style:
    """One style's tables. Each pair is (thin, full): intro, bridge and outro are thin, verse and chorus full."""

    major: tuple[str, ...]
    minor: tuple[str, ...]
    chords: tuple[int, ...]
    """General MIDI programs to draw the chords' instrument from."""
    bass: tuple[int, ...]
    figures: tuple[tuple[Hits, ...], tuple[Hits, ...]]
    lines: tuple[tuple[Hits, ...], tuple[Hits, ...]]
    drums: tuple[Hits, Hits] | None = None
    swing: float = 0.5
    """Where in the beat its second half starts; 0.5 is even."""


def _each(step: float, voices: tuple[int, ...], length: float | None = None) -> Hits:
    """A figure that plays ``voices`` in turn, one each ``step`` beats."""
    return tuple((i * step, step if length is None else length, voice) for i, voice in enumerate(voices))


HELD: Hits = ((0.0, 4.0, ALL),)
HALVES: Hits = ((0.0, 2.0, ALL), (2.0, 2.0, ALL))
QUARTERS: Hits = _each(1.0, (ALL,) * 4)
LONG_ROOT: Hits = ((0.0, 4.0, ROOT),)
HATS: Hits = _each(0.5, (CLOSED,) * 8, 0.25)

STYLES: dict[str, Style] = {
    "classical": Style(
        major=("I IV V I", "I vi ii V", "I ii V I", "I IV ii V"),
        minor=("i iv V i", "i bVI iio V", "i iio V i", "i iv iio V"),
        chords=(0, 48, 46),
        bass=(42, 43),
        figures=(
            (HELD, _each(1.0, (0, 1, 2, 1))),
            (_each(0.5, (0, 2, 1, 2) * 2), _each(0.5, (0, 1, 2, 1) * 2), _each(0.5, (2, 1, 0, 1, 2, 1, 0, 1))),
        ),
        lines=((LONG_ROOT,), (_each(2.0, (ROOT, FIFTH)), _each(1.0, (ROOT, THIRD, FIFTH, THIRD)), LONG_ROOT)),
    ),
    "pop": Style(
        major=("I V vi IV", "vi IV I V", "I vi IV V", "IV V I vi"),
        minor=("i bVII bVI bVII", "i bVI bIII bVII", "i iv bVI bVII", "bVI bVII i bIII"),
        chords=(0, 25, 27),
        bass=(33,),
        figures=(
            (HELD, HALVES),
            (
                QUARTERS,
                ((0.0, 1.5, ALL), (1.5, 1.0, ALL), (2.5, 1.5, ALL)),
                ((0.0, 1.0, ALL), (1.0, 0.5, ALL), (1.5, 1.0, ALL), (2.5, 0.5, ALL), (3.0, 1.0, ALL)),
            ),
        ),
        lines=(
            (LONG_ROOT,),
            (
                ((0.0, 1.5, ROOT), (1.5, 0.5, ROOT), (2.0, 1.5, ROOT), (3.5, 0.5, FIFTH)),
                _each(0.5, (ROOT,) * 7 + (APPROACH,)),
            ),
        ),
        drums=(
            ((0.0, 0.5, KICK), (2.0, 0.5, RIM), *_each(1.0, (CLOSED,) * 4, 0.25)),
            ((0.0, 0.5, KICK), (1.0, 0.5, SNARE), (2.0, 0.5, KICK), (2.5, 0.5, KICK), (3.0, 0.5, SNARE), *HATS),
        ),
    ),
    "rock": Style(
        major=("I5 IV5 V5 IV5", "I5 bVII5 IV5 I5", "I5 V5 IV5 V5", "I5 I5 IV5 V5"),
        minor=("i5 bVI5 bVII5 i5", "i5 bVII5 bVI5 bVII5", "i5 iv5 bVI5 v5", "i5 bIII5 bVII5 iv5"),
        chords=(29, 30),
        bass=(34, 33),
        figures=(
            (HELD, HALVES),
            (
                _each(0.5, (ALL,) * 8),
                ((0.0, 1.5, ALL), (1.5, 0.5, ALL), (2.0, 1.0, ALL), (3.0, 0.5, ALL), (3.5, 0.5, ALL)),
            ),
        ),
        lines=(
            (LONG_ROOT, _each(1.0, (ROOT,) * 4)),
            (_each(0.5, (ROOT,) * 8), _each(0.5, (ROOT,) * 6 + (FIFTH, APPROACH))),
        ),
        drums=(
            ((0.0, 0.5, KICK), (2.0, 0.5, SNARE), *_each(1.0, (RIDE,) * 4, 0.5)),
            (
                (0.0, 0.5, KICK),
                (1.0, 0.5, SNARE),
                (1.5, 0.5, KICK),
                (2.0, 0.5, KICK),
                (3.0, 0.5, SNARE),
                *_each(0.5, (OPEN,) + (CLOSED,) * 7, 0.25),
            ),
        ),
    ),
    "jazz": Style(
        major=("ii7 V7 Imaj7 vi7", "Imaj7 vi7 ii7 V7", "Imaj7 IVmaj7 ii7 V7", "iii7 vi7 ii7 V7"),
        minor=("ii7b5 V7 i7 bVImaj7", "i7 bVImaj7 ii7b5 V7", "i7 iv7 ii7b5 V7", "bIIImaj7 bVImaj7 ii7b5 V7"),
        chords=(0, 4, 26),
        bass=(32,),
        figures=(
            (HELD, HALVES),
            (
                ((0.0, 1.5, ALL), (1.5, 1.0, ALL)),
                ((0.5, 1.0, ALL), (2.5, 1.0, ALL)),
                ((0.0, 1.0, ALL), (1.5, 0.5, ALL), (3.5, 0.5, ALL)),
            ),
        ),
        lines=(
            (_each(2.0, (ROOT, FIFTH)),),
            (_each(1.0, (ROOT, THIRD, FIFTH, APPROACH)), _each(1.0, (ROOT, FIFTH, OCTAVE, APPROACH))),
        ),
        drums=(
            ((1.0, 0.5, PEDAL), (3.0, 0.5, PEDAL), *_each(2.0, (RIDE, RIDE), 1.0)),
            (
                *((beat, 0.5, RIDE) for beat in (0.0, 1.0, 1.5, 2.0, 3.0, 3.5)),
                (1.0, 0.5, PEDAL),
                (3.0, 0.5, PEDAL),
                (2.5, 0.5, RIM),
            ),
        ),
        swing=0.64,
    ),
    "electronic": Style(
        major=("I V vi IV", "vi V IV V", "I IV vi V", "IV I V vi"),
        minor=("i bVI bIII bVII", "i bVII bVI v", "i iv bVI bVII", "bVI bIII bVII i"),
        chords=(90, 81, 89),
        bass=(38, 39),
        figures=(
            (HELD,),
            (
                _each(0.25, (0, 1, 2, 1) * 4),
                _each(0.5, (0, 1, 2, 1, 0, 2, 1, 2)),
                tuple((beat + 0.5, 0.5, ALL) for beat in range(4)),
            ),
        ),
        lines=(
            (LONG_ROOT,),
            (tuple((beat + 0.5, 0.5, ROOT) for beat in range(4)), _each(0.5, (ROOT, OCTAVE) * 4)),
        ),
        drums=(
            ((0.0, 0.5, KICK), (2.0, 0.5, KICK), *((beat + 0.5, 0.25, CLOSED) for beat in range(4))),
            (
                *_each(1.0, (KICK,) * 4, 0.5),
                (1.0, 0.5, CLAP),
                (3.0, 0.5, CLAP),
                *((beat + 0.5, 0.25, OPEN) for beat in range(4)),
                *((beat * 0.5 + 0.25, 0.25, CLOSED) for beat in range(8)),
            ),
        ),
    ),
}

GENRES: tuple[str, ...] = tuple(STYLES)

FORMS: tuple[tuple[str, ...], ...] = (
    ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro"),
    ("intro", "verse", "verse", "chorus", "verse", "chorus", "chorus", "outro"),
    ("verse", "chorus", "verse", "chorus", "bridge", "verse", "chorus", "outro"),
    ("intro", "verse", "chorus", "bridge", "verse", "bridge", "chorus", "outro"),
    ("intro", "chorus", "verse", "chorus", "verse", "bridge", "chorus", "chorus"),
)
"""Orders of the eight sections."""

INSTRUMENTS: dict[int, str] = {
    0: "piano",
    4: "electric piano",
    24: "guitar",
    25: "guitar",
    26: "guitar",
    27: "electric guitar",
    29: "electric guitar",
    30: "electric guitar",
    40: "violin",
    46: "harp",
    48: "strings",
    56: "trumpet",
    60: "horn",
    65: "saxophone",
    68: "oboe",
    71: "clarinet",
    73: "flute",
    81: "synth",
    89: "synth",
    90: "synth",
}


@dataclass(frozen=True)
class Chord:
    """A chord in semitones above the tonic: its ``root`` in [0, 12) and its ``tones`` from the root up."""

    root: int
    tones: tuple[int, ...]


@lru_cache(maxsize=256)
def chord(numeral: str) -> Chord:
    """Read a Roman numeral: an accidental, a degree (lower case: minor) and a quality, as in ``bVImaj7`` or ``ii7b5``.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"(b?)([ivIV]+)(.*)", numeral)
    if match is None or match[2].upper() not in NUMERALS:
        raise ValueError(f"{numeral!r} is not a Roman numeral")
    flat, degree, quality = match.groups()
    if degree.islower() and quality in ("", "7", "6", "7b5"):
        quality = "m" + quality
    root = (NUMERALS[degree.upper()] - len(flat)) % 12
    return Chord(root, QUALITIES[quality])


def scale_over(chord: Chord, mode: str) -> frozenset[int]:
    """Pitch classes of the mode, bent to hold the chord: a chord tone outside the scale replaces its neighbour.

    Over the dominant of a minor key this gives harmonic minor.
    """
    scale = set(SCALES[mode])
    tones = {(chord.root + tone) % 12 for tone in chord.tones}
    for tone in sorted(tones - scale):
        neighbour = next((n for n in ((tone - 1) % 12, (tone + 1) % 12) if n in scale - tones), None)
        if neighbour is not None:
            scale.remove(neighbour)
        scale.add(tone)
    return frozenset(scale)
