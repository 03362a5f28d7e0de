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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from affetti.compose.arrangement import Note, Part, Section, arrange, decision_rng
from affetti.compose.cues import CUES, TIMBRES, Cues, draw_cues, octaves, valence_arousal, vary
from affetti.compose.lyrics import INSTRUMENTAL_SHARE, write_song
from affetti.compose.styles import FORMS, GENRES, INSTRUMENTS, STYLES
from affetti.errors import InputError, UsageError

MIN_SECTION_SECONDS = 6.2
"""Seconds, so that a clip of 5.9 s fits inside one section."""


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
    drawn = draw_cues(decision_rng(seed, index, "cues"))
    song_cues = replace(drawn, **fixed)
    form = FORMS[int(decision_rng(seed, index, "form").integers(len(FORMS)))]
    key = int(decision_rng(seed, index, "key").integers(keys)) * 12 // keys
    # The beat is the slowest melody rate of the song's family of tempi, 72 to 144 a minute.
    beat = 1.0 / octaves(song_cues.tempo)[0]
    bars = math.ceil(MIN_SECTION_SECONDS / (4.0 * beat))
    # Words are about the song as it was drawn: a changed cue leaves them.
    lines = _lines(seed, index, form, [vary(drawn, decision_rng(seed, index, "vary", i)) for i in range(len(form))])
    # Sections vary around the changed cues by the same draws, then the changed cues are set again: they must hold in
    # every section, or a counterfactual pair would differ in more than one cue.
    sections = tuple(
        Section(
            name,
            i * bars * 4.0 * beat,
            bars * 4.0 * beat,
            replace(vary(song_cues, decision_rng(seed, index, "vary", i)), **fixed),
            lines[i],
        )
        for i, name in enumerate(form)
    )

    parts = arrange(
        sections, [beat] * len(sections), STYLES[genre], key, song_cues.timbre, partial(decision_rng, seed, index)
    )
    return Song(f"composed-{seed}-{index:05d}", genre, seed, index, key, sections, parts)


def reword(song: Song, valence: float | None) -> Song:
    """The same song with words of ``valence``, in [-1, 1], in every section that can be sung; None: without words.

    No note changes, and lines have the same number and forms at any valence.
    """
    names = [section.name for section in song.sections]
    lines: Sequence[tuple[str, ...]] = [()] * len(names)
    if valence is not None:
        lines = write_song(names, [valence] * len(names), partial(decision_rng, song.seed, song.index), noise=0.0)
    return replace(song, sections=tuple(replace(s, lines=its) for s, its in zip(song.sections, lines, strict=True)))


def genre_of(seed: int, index: int) -> str:
    """The style of a song: each run of five songs holds each style once, in an order of its own."""
    order = decision_rng(seed, index // len(GENRES), "genre").permutation(len(GENRES))
    return GENRES[int(order[index % len(GENRES)])]


def composed_programs() -> list[int]:
    """The General MIDI programs that songs may use, sorted, drums apart."""
    accompaniment = [program for style in STYLES.values() for program in (*style.chords, *style.bass)]
    return sorted({*TIMBRES.values(), *accompaniment})


def _lines(seed: int, index: int, form: Sequence[str], cues: Sequence[Cues]) -> Sequence[tuple[str, ...]]:
    """The words of each section; a share of songs has none."""
    if decision_rng(seed, index, "words").random() < INSTRUMENTAL_SHARE:
        return [()] * len(form)
    return write_song(form, [valence_arousal(its)[0] for its in cues], partial(decision_rng, seed, index))


def _instrument(part: Part) -> str:
    if part.is_drum:
        return "drums"
    return "bass" if part.name == "bass" else INSTRUMENTS[part.program]
