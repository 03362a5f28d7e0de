"""The harmony that the composer wrote: tonic, mode by section, chord by bar, and which pitch classes sound when.

A bar's *chord* is the major or minor triad on the first note of the bass, where the accompaniment plays its third and
fifth; bars of power chords, diminished chords or a bass alone have none. Drums have no pitch.

When not to use: as what listeners hear. It is what the score says.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from affetti.compose import Note, Song
from affetti.compose.cues import octaves
from affetti.signal.constant_q import BINS
from affetti.signal.harmony import Mode

Floats = NDArray[np.float64]
BEATS = 4
"""Of a bar."""
TRIADS: Floats = np.array(
    [[[float((pitch - root) % BINS in tones) for pitch in range(BINS)] for root in range(BINS)] for tones in
     ((0, 4, 7), (0, 3, 7))]
).reshape(2 * BINS, BINS)  # fmt: skip
"""Pitch classes of the triads ``[24, 12]``: major by root from C upward, then minor."""


@dataclass(frozen=True)
class Chord:
    """A bar's chord."""

    start: float
    """Seconds."""
    stop: float
    triad: int
    """Row of :data:`TRIADS`."""


@dataclass(frozen=True)
class Passage:
    """A section and its mode."""

    start: float
    stop: float
    mode: Mode


@dataclass(frozen=True)
class HarmonyTruth:
    """What a song's score says of its harmony."""

    tonic: int
    """Pitch class, 0 (C) to 11."""
    passages: tuple[Passage, ...]
    chords: tuple[Chord, ...]

    @classmethod
    def of(cls, song: Song) -> HarmonyTruth:
        """The harmony of a composed song."""
        passages = tuple(Passage(s.start, s.start + s.duration, s.cues.mode) for s in song.sections)
        chords: list[Chord] = []
        bass, accompaniment = (
            [note for part in song.parts if part.name == name for note in part.notes] for name in ("bass", "chords")
        )
        for section in song.sections:
            bars = round(section.duration * octaves(section.cues.tempo)[0] / BEATS)
            edges = section.start + np.linspace(0.0, section.duration, bars + 1)
            for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                triad = _triad(_starting(bass, start, stop), _starting(accompaniment, start, stop))
                if triad is not None:
                    chords.append(Chord(start, stop, triad))
        return cls(song.key, passages, tuple(chords))


def score_chroma(song: Song, seconds: float, pieces: int) -> Floats:
    """How long each pitch class sounds ``[12, pieces]``, weighted by velocity, in equal pieces of ``seconds``."""
    sounding = np.zeros((BINS, pieces))
    edges = np.linspace(0.0, seconds, pieces + 1)
    for note in chain.from_iterable(part.notes for part in song.parts if not part.is_drum):
        overlap = np.minimum(edges[1:], note.start + note.duration) - np.maximum(edges[:-1], note.start)
        sounding[note.pitch % BINS] += note.velocity * np.maximum(overlap, 0.0)
    return sounding


def _starting(notes: list[Note], start: float, stop: float) -> list[Note]:
    """Notes that start in a bar, those on its first beat too, however they were rounded."""
    return [note for note in notes if start - 1e-6 <= note.start < stop - 1e-6]


def _triad(bass: list[Note], accompaniment: list[Note]) -> int | None:
    """The triad on the first note of the bass, whose third and fifth the accompaniment plays."""
    if not bass:
        return None
    root = min(bass, key=lambda note: note.start).pitch % BINS
    played = {(note.pitch - root) % BINS for note in accompaniment}
    thirds = played & {3, 4}
    if 7 not in played or len(thirds) != 1:
        return None
    return root if 4 in thirds else BINS + root
