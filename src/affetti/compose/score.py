"""Songs: notes composed to follow emotion cues.

A song has one of five styles (its *genre*), a form of eight sections, a key, a constant beat and about a minute of
notes for melody, chords, bass and, where the style has them, drums. Each section draws its own cues around the song's.
What follows the cues: the melody's archetype, register, rate and instrument; the mode of all pitches; the velocity of
every note (level); the duration of every pitched note over its interval (articulation). What does not: genre, form,
key, chord progression and section names, which are drawn independently of the cues. Most songs have words, about
the valence of their sections (see :mod:`affetti.compose.lyrics`); no note depends on them.

Everything depends on ``(seed, index)`` alone, and each decision has its own random stream: changing one cue leaves
everything else where it was, which is what counterfactual pairs need.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from affetti.compose.cues import CUES, TIMBRES, Cues, draw_cues, octaves, valence_arousal, vary
from affetti.compose.lyrics import INSTRUMENTAL_SHARE, write_song
from affetti.compose.melody import compose_melody
from affetti.compose.styles import (
    ALL,
    APPROACH,
    CLOSED,
    FIFTH,
    FORMS,
    GENRES,
    INSTRUMENTS,
    OCTAVE,
    OPEN,
    PEDAL,
    RIDE,
    STYLES,
    Chord,
    Hits,
    Style,
    chord,
)
from affetti.errors import InputError, UsageError

PartName = Literal["melody", "chords", "bass", "drums"]
PARTS: tuple[PartName, ...] = ("melody", "chords", "bass", "drums")

MIDDLE_VELOCITY = 71
"""Velocity at level 0 dB; the extremes of the cue, ±10 dB, then fall on 40 and 126."""
BALANCE: dict[PartName, float] = {"melody": 1.0, "chords": 0.62, "bass": 0.8, "drums": 0.7}
"""Velocity of a part against the melody's."""
ACCENTS: dict[int, float] = {CLOSED: 0.75, OPEN: 0.75, RIDE: 1.4, PEDAL: 1.4}
"""Velocity of a drum against the kick's; the ride and the pedal are faint in General MIDI kits."""
MIN_SECTION_SECONDS = 6.2
"""Seconds, so that a clip of 5.9 s fits inside one section."""
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


@dataclass(frozen=True)
class Song:
    """A composed song."""

    song_id: str
    genre: str
    seed: int
    index: int
    key: int
    """Pitch class of the tonic, 0 (C) to 11."""
    sections: tuple[Section, ...]
    parts: tuple[Part, ...]

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.sections[-1].start + self.sections[-1].duration

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of what plays, sorted."""
        return tuple(sorted({_instrument(part) for part in self.parts if part.notes}))

    def to_dict(self) -> dict[str, Any]:
        """The song as JSON-safe values; :meth:`from_dict` gives back an equal song."""
        plain = {name: getattr(self, name) for name in ("song_id", "genre", "seed", "index", "key")}
        return {
            **plain,
            "sections": [asdict(section) for section in self.sections],
            "parts": [
                {
                    "name": part.name,
                    "program": part.program,
                    "is_drum": part.is_drum,
                    "notes": [[note.start, note.duration, note.pitch, note.velocity] for note in part.notes],
                }
                for part in self.parts
            ],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Song:
        """Read what :meth:`to_dict` wrote.

        Raises:
            InputError: a field is missing or of the wrong kind.
        """
        try:
            sections = tuple(
                Section(s["name"], s["start"], s["duration"], Cues(**s["cues"]), tuple(s.get("lines", ())))
                for s in content["sections"]
            )
            parts = tuple(
                Part(p["name"], p["program"], p["is_drum"], tuple(Note(*note) for note in p["notes"]))
                for p in content["parts"]
            )
            plain = {name: content[name] for name in ("song_id", "genre", "seed", "index", "key")}
            return cls(**plain, sections=sections, parts=parts)
        except (KeyError, TypeError) as error:
            raise InputError(f"not a song: {error}", hint="give what Song.to_dict wrote") from error


def compose(
    seed: int, index: int, change: Mapping[str, Any] | None = None, keys: int = 1, genre: str | None = None
) -> Song:
    """Song ``index`` of the corpus ``seed``; it depends on nothing else.

    Args:
        seed: of the corpus, ≥ 0.
        index: of the song, ≥ 0.
        change: cues held at a value throughout the song, such as ``{"timbre": "flute"}``; all else stays as it was,
            words too.
            A changed timbre changes the lead program alone, a level velocities, a mode pitches, an articulation
            durations.
        keys: how many tonics songs may have, evenly spaced from C, 1 to 12. With one, mode shows in which bands
        sound, and
            a few hundred songs teach it; with twelve it can only be inferred from intervals, which takes many more.
        genre: the style to play it in, by default that of :func:`genre_of`; cues, form, key and words stay.

    Raises:
        UsageError: a number out of range, ``change`` names no cue, or there is no such genre.
        InputError: a changed cue is out of range.
    """
    fixed = dict(change or {})
    if seed < 0 or index < 0:
        raise UsageError(f"there is no song {index} of seed {seed}", hint="use numbers from 0")
    if not 1 <= keys <= 12:
        raise UsageError(f"keys {keys} is outside 1 to 12", where="--keys", hint="give 1 to 12")
    if unknown := sorted(set(fixed) - set(CUES)):
        raise UsageError(f"unknown cue {unknown[0]!r}", where="change", hint=f"choose from {', '.join(CUES)}")
    if genre is not None and genre not in GENRES:
        raise UsageError(f"unknown genre {genre!r}", where="genre", hint=f"choose from {', '.join(GENRES)}")

    # Every decision below draws from its own stream, so that a changed cue, genre or key moves nothing else.
    genre = genre_of(seed, index) if genre is None else genre
    drawn = draw_cues(_stream(seed, index, "cues"))
    song_cues = replace(drawn, **fixed)
    form = FORMS[int(_stream(seed, index, "form").integers(len(FORMS)))]
    key = int(_stream(seed, index, "key").integers(keys)) * 12 // keys
    # The beat is the slowest melody rate of the song's family of tempi, 72 to 144 a minute.
    beat = 1.0 / octaves(song_cues.tempo)[0]
    bars = math.ceil(MIN_SECTION_SECONDS / (4.0 * beat))
    # Words are about the song as it was drawn: a changed cue leaves them.
    lines = _lines(seed, index, form, [vary(drawn, _stream(seed, index, "vary", i)) for i in range(len(form))])
    # Sections vary around the changed cues by the same draws, then the changed cues are set again: they must hold in
    # every section, or a counterfactual pair would differ in more than one cue.
    sections = tuple(
        Section(
            name,
            i * bars * 4.0 * beat,
            bars * 4.0 * beat,
            replace(vary(song_cues, _stream(seed, index, "vary", i)), **fixed),
            lines[i],
        )
        for i, name in enumerate(form)
    )

    style = STYLES[genre]
    # Chords depend on the name of a section and not on its cues: both modes of a progression are drawn together, so
    # that the mode of a section chooses between them without a draw of its own.
    progressions = {
        name: _progression(style, name, bars, _stream(seed, index, "chords", name)) for name in sorted(set(form))
    }
    choice = _stream(seed, index, "instruments")
    chord_program, bass_program = (
        programs[int(choice.integers(len(programs)))] for programs in (style.chords, style.bass)
    )
    notes: dict[PartName, list[Note]] = {name: [] for name in PARTS}
    for i, section in enumerate(sections):
        chords = [chord(numeral) for numeral in progressions[section.name][section.cues.mode]]
        place = _Place(section, key, beat, style, i == len(sections) - 1)
        # Sections of one name share their streams, so a chorus comes back as the chorus.
        notes["melody"] += _melody(place, chords, _stream(seed, index, "melody", section.name))
        notes["chords"] += _chords(place, chords, _stream(seed, index, "figure", section.name))
        notes["bass"] += _bass(place, chords, _stream(seed, index, "bass", section.name))
        notes["drums"] += _drums(place, bars)
    programs = {"melody": TIMBRES[song_cues.timbre], "chords": chord_program, "bass": bass_program, "drums": 0}
    parts = tuple(Part(name, programs[name], name == "drums", tuple(notes[name])) for name in PARTS if notes[name])
    return Song(f"composed-{seed}-{index:05d}", genre, seed, index, key, sections, parts)


def reword(song: Song, valence: float | None) -> Song:
    """The same song with words of ``valence``, in [-1, 1], in every section that can be sung; None: without words.

    No note changes, and lines have the same number and forms at any valence.
    """
    names = [section.name for section in song.sections]
    lines: Sequence[tuple[str, ...]] = [()] * len(names)
    if valence is not None:
        lines = write_song(names, [valence] * len(names), partial(_stream, song.seed, song.index), noise=0.0)
    return replace(song, sections=tuple(replace(s, lines=its) for s, its in zip(song.sections, lines, strict=True)))


def genre_of(seed: int, index: int) -> str:
    """The style of a song: each run of five songs holds each style once, in an order of its own."""
    order = _stream(seed, index // len(GENRES), "genre").permutation(len(GENRES))
    return GENRES[int(order[index % len(GENRES)])]


def composed_programs() -> list[int]:
    """The General MIDI programs that songs may use, sorted, drums apart."""
    accompaniment = [program for style in STYLES.values() for program in (*style.chords, *style.bass)]
    return sorted({*TIMBRES.values(), *accompaniment})


@dataclass(frozen=True)
class _Place:
    """Where a section's notes go."""

    section: Section
    key: int
    beat: float
    style: Style
    last: bool

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


def _stream(seed: int, index: int, *labels: str | int) -> np.random.Generator:
    """The generator of one decision."""
    return np.random.default_rng([seed, index, zlib.crc32("/".join(map(str, labels)).encode())])


def _lines(seed: int, index: int, form: Sequence[str], cues: Sequence[Cues]) -> Sequence[tuple[str, ...]]:
    """The words of each section; a share of songs has none."""
    if _stream(seed, index, "words").random() < INSTRUMENTAL_SHARE:
        return [()] * len(form)
    return write_song(form, [valence_arousal(its)[0] for its in cues], partial(_stream, seed, index))


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


def _instrument(part: Part) -> str:
    if part.is_drum:
        return "drums"
    return "bass" if part.name == "bass" else INSTRUMENTS[part.program]
