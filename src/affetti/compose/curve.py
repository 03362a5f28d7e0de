"""Pieces that follow an emotion curve.

The curve is cut into sections of some seven seconds. The mean emotion of each section's stretch decides its cues
(:mod:`affetti.compose.target_cues`), and with them its tempo, mode, register, level, articulation and melodic
archetype; style, key, lead instrument and musical material stay, so that the piece is one piece. The piece has the
curve's length: the tempo of a section moves a little from its cue where that makes its bars fit.

A section has one emotion: a curve that moves faster than its sections is followed on average only. What the music's
cues give, which is not what was requested where no music reaches it, is in the cues of each section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from affetti.compose.arrangement import MAX_BARS, Section, arrange, decision_rng
from affetti.compose.cues import RANGES, Cues
from affetti.compose.score import Song
from affetti.compose.styles import GENRES, STYLES
from affetti.compose.target_cues import cues_for
from affetti.emotion import EmotionCurve
from affetti.errors import InputError, UsageError

SECTION_SECONDS = 7.0
"""A section's length, nearly: whole bars of its tempo."""
MIN_SECONDS, MAX_SECONDS = 4.0, 600.0


@dataclass(frozen=True)
class CurveSettings:
    """What a piece along a curve has besides its emotion."""

    genre: str = "pop"
    """Style, a key of :data:`~affetti.compose.styles.STYLES`."""
    key: int = 0
    """Pitch class of the tonic, 0 (C) to 11."""
    seed: int = 0
    """Of the musical material, ≥ 0."""
    held: Mapping[str, Any] | None = None
    """Cues that keep a value throughout, see :func:`~affetti.compose.target_cues.cues_for`."""

    def __post_init__(self) -> None:
        if self.genre not in GENRES:
            raise UsageError(f"unknown genre {self.genre!r}", where="genre", hint=f"choose from {', '.join(GENRES)}")
        if self.seed < 0 or not 0 <= self.key < 12:
            raise UsageError(f"seed {self.seed}, key {self.key}", hint="give a seed from 0 and a key from 0 to 11")


def compose_along(curve: EmotionCurve, seconds: float, settings: CurveSettings = CurveSettings()) -> Song:
    """A piece of ``seconds`` whose emotion follows ``curve``; it depends on nothing else.

    Args:
        curve: the emotion over time.
        seconds: length of the piece, :data:`MIN_SECONDS` to :data:`MAX_SECONDS`.
        settings: style, key, seed, and cues that are held.

    Raises:
        InputError: a length or a held cue out of range.
        UsageError: ``held`` names no cue.

    Example:
        >>> piece = compose_along(EmotionCurve((0.0, 30.0), ((-0.5, -0.4), (0.5, 0.4))), 30.0)
        >>> piece.sections[0].cues.mode, piece.sections[-1].cues.mode, piece.duration
        ('minor', 'major', 30.0)
    """
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        hint = f"give {MIN_SECONDS:g} to {MAX_SECONDS:g} s"
        raise InputError(f"a piece of {seconds:g} s", hint=hint)
    count = max(1, round(seconds / SECTION_SECONDS))
    length = seconds / count
    held = dict(settings.held or {})
    sections: list[Section] = []
    beats: list[float] = []
    for i, name in enumerate(_form(count)):
        start = i * length
        emotion = curve.mean(start, start + length)
        tempo, beat = _fitting_tempo(cues_for(emotion, held), length)
        cues = cues_for(emotion, held | {"tempo": tempo})  # the other cues make up for the tempo's change
        sections.append(Section(name, start, length, cues))
        beats.append(beat)
    style, timbre = STYLES[settings.genre], sections[0].cues.timbre
    parts = arrange(sections, beats, style, settings.key, timbre, partial(decision_rng, settings.seed, 0))
    return Song(f"curve-{settings.seed}", settings.genre, settings.seed, 0, settings.key, tuple(sections), parts)


def _form(count: int) -> list[str]:
    """Names of ``count`` sections: verses and choruses in turn, with an intro and an outro where there is room."""
    if count < 4:
        return ["verse", "chorus", "outro"][:count]
    return ["intro", *(("verse", "chorus")[i % 2] for i in range(count - 2)), "outro"]


def _fitting_tempo(cues: Cues, length: float) -> tuple[float, float]:
    """The tempo nearest to the cue's, as a ratio, that fills ``length`` with whole bars, and its beat, seconds.

    A section of b bars of four beats has beats of length / 4b, and 1, 2 or 4 notes a beat.
    """
    low, high = RANGES["tempo"]
    fitting = [
        (notes * 4 * bars / length, length / (4 * bars))
        for bars in range(1, MAX_BARS + 1)
        for notes in (1, 2, 4)
        if low <= notes * 4 * bars / length <= high
    ]
    return min(fitting, key=lambda option: abs(option[0] / cues.tempo - cues.tempo / option[0]))
