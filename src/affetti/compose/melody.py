"""Melodies: a rhythm and a contour for each archetype, fitted to register, chords and mode.

The four archetypes stand for the four melodies of the study (T01, G04, P02 and A02 of Vieillard et al. 2008), which
are not copied: *happy* leaps through the chord in an arch over a lively motif, *sad* falls by step with sighs, *scary*
jumps chromatically around tritones and semitones against the chord, *peaceful* rocks gently over a pentatonic scale.
A line is a real-valued contour around the register, then each note takes the nearest pitch that its harmony allows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from affetti.compose.cues import Melody
from affetti.compose.styles import Chord, scale_over

EVEN = (1.0, 1.0, 1.0, 1.0)
CADENCE = (1.0, 0.5, 0.5, 2.0)
CELLS: dict[Melody, tuple[tuple[float, ...], ...]] = {
    "happy": ((1.5, 0.5, 1.0, 1.0), (1.5, 0.5, 1.5, 0.5), EVEN, (0.5, 1.0, 1.0, 1.5)),
    "sad": (EVEN, (1.5, 0.5, 1.0, 1.0), (2.0, 0.5, 0.5, 1.0), EVEN),
    "scary": ((0.5, 1.5, 0.5, 1.5), (2.0, 0.5, 1.0, 0.5), (1.0, 0.5, 0.5, 2.0), (0.5, 0.5, 2.0, 1.0)),
    "peaceful": (EVEN, EVEN, (2.0, 0.5, 0.5, 1.0), (1.0, 1.0, 1.5, 0.5)),
}
"""Four notes over four slots, so that whatever is drawn the notes per second stay those of the cue."""
MIN_SLOT_SECONDS = 0.11
"""Seconds: below this a slot is not halved."""
MAX_DRIFT = 0.4
"""Semitones between a line's mean pitch and its register."""
PHRASES = {2: "AB", 3: "AAB", 4: "AABA", 5: "AABAC"}
"""Which bars share a motif, by the number of bars."""
PENTATONIC = {"major": frozenset({0, 2, 4, 7, 9}), "minor": frozenset({0, 3, 5, 7, 10})}
CLASHES = (1, 6, 11)
"""Semitones above the root that the scary archetype dwells on: minor second, tritone, major seventh."""


def compose_melody(
    archetype: Melody,
    chords: Sequence[Chord],
    mode: str,
    key: int,
    register: float,
    notes_per_beat: int,
    beat: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], list[int]]:
    """A melody over ``chords``, one a bar of four beats.

    Args:
        archetype: how the line moves.
        chords: the chord of each bar, relative to the tonic.
        mode: ``major`` or ``minor``.
        key: pitch class of the tonic, 0 to 11.
        register: mean pitch to aim at, MIDI note number.
        notes_per_beat: 1, 2 or 4.
        beat: seconds a beat.
        rng: decides rhythm and contour; pitch-related arguments do not change what is drawn from it.

    Returns:
        Onsets in beats from the first bar, ``[n]`` with n = 4 · notes_per_beat · bars, and a MIDI pitch for each.
    """
    cells = CELLS[archetype] if beat / notes_per_beat >= 2.0 * MIN_SLOT_SECONDS else (EVEN,)
    onsets, contour = _motifs(archetype, len(chords), notes_per_beat, cells, rng)
    contour -= contour.mean()
    # Snapping to the harmony can pull the whole line one way: move the register until the mean comes out right.
    offsets = np.linspace(-3.0, 3.0, 13)[[6, 5, 7, 4, 8, 3, 9, 2, 10, 1, 11, 0, 12]]
    pitches: list[int] = []
    nearest = np.inf
    for offset in offsets.tolist():
        fitted = _fit(archetype, onsets, contour + register + offset, chords, mode, key)
        drift = abs(float(np.mean(fitted)) - register)
        if drift < nearest:
            pitches, nearest = fitted, drift
        if nearest <= MAX_DRIFT:
            break
    return onsets, pitches


def _motifs(
    archetype: Melody, bars: int, notes_per_beat: int, cells: tuple[tuple[float, ...], ...], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Onsets in beats and contour in semitones: bars with the same letter share rhythm and contour."""
    form = PHRASES.get(bars, "A" * bars)
    rhythms: dict[str, NDArray[np.float64]] = {}
    shapes: dict[str, NDArray[np.float64]] = {}
    for letter in sorted(set(form)):
        drawn = [cells[int(i)] for i in rng.integers(len(cells), size=notes_per_beat)]
        if len(cells) > 1 and letter == form[-1]:
            drawn[-1] = CADENCE
        lengths = np.concatenate(drawn) / notes_per_beat
        rhythms[letter] = np.cumsum(lengths) - lengths
        shapes[letter] = _contour(archetype, lengths.size, rng)
    onsets = np.concatenate([4.0 * bar + rhythms[letter] for bar, letter in enumerate(form)])
    contour = np.concatenate([shapes[letter] for letter in form])
    position = onsets / (4.0 * bars)
    if archetype == "happy":
        contour = contour + 4.0 * np.sin(np.pi * position)
    elif archetype == "peaceful":
        contour = contour + 3.0 * np.sin(np.pi * position)
    elif archetype == "sad":
        contour = contour - 4.0 * position
    return onsets, contour


def _contour(archetype: Melody, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Semitones of ``n`` notes in a bar, around an arbitrary middle."""
    i = np.arange(n)
    if archetype == "happy":
        figures = np.array(
            [(0, 4, 7, 12), (0, 7, 4, 7), (7, 4, 0, 4), (0, 4, 7, 4), (12, 7, 4, 7), (0, 12, 7, 4)], dtype=float
        )
        return figures[rng.integers(len(figures), size=n // 4)].reshape(-1)
    if archetype == "sad":
        run = int(rng.integers(4, 8))
        sigh = rng.random(n) < 0.2
        return -1.8 * (i % run) + 1.8 * sigh + rng.normal(0.0, 0.3, n)
    if archetype == "peaceful":
        walk = np.cumsum(rng.choice([-2.4, -2.4, 0.0, 2.4, 2.4], size=n))
        # A triangle wave keeps the walk within a fifth and makes it rock.
        return np.abs((walk - 3.5) % 14.0 - 7.0)
    jumps = rng.choice([-13.0, -11.0, -6.0, -3.0, -1.0, 1.0, 3.0, 6.0, 11.0, 13.0], size=n)
    places = np.zeros(n)
    for k in range(1, n):
        places[k] = places[k - 1] + (jumps[k] if abs(places[k - 1] + jumps[k]) <= 9.0 else -jumps[k])
        places[k] = np.clip(places[k], -10.0, 10.0)
    return places


def _fit(
    archetype: Melody,
    onsets: NDArray[np.float64],
    target: NDArray[np.float64],
    chords: Sequence[Chord],
    mode: str,
    key: int,
) -> list[int]:
    """The nearest allowed pitch to each target; a contour that moves does not repeat its note."""
    pitches: list[int] = []
    for k, (onset, want) in enumerate(zip(onsets.tolist(), target.tolist(), strict=True)):
        now = chords[min(int(onset // 4.0), len(chords) - 1)]
        allowed = _allowed(archetype, onset, now, mode, last=k == len(target) - 1)
        pitch = _nearest(want, allowed, key)
        if k and pitch == pitches[-1]:
            move = want - float(target[k - 1])
            if abs(move) > 0.7:
                pitch = _nearest(pitch + float(np.sign(move)) * 2.0, allowed - {(pitch - key) % 12}, key)
        pitches.append(pitch)
    return pitches


def _allowed(archetype: Melody, onset: float, chord: Chord, mode: str, *, last: bool) -> frozenset[int]:
    """Pitch classes above the tonic that a note may take."""
    tones = frozenset((chord.root + tone) % 12 for tone in chord.tones)
    if len(tones) == 2:  # a power chord leaves its third to the mode
        third = (chord.root + 3) % 12
        tones |= {third if third in scale_over(chord, mode) else (chord.root + 4) % 12}
    strong = onset % 2.0 == 0.0
    if archetype == "scary":
        return frozenset((chord.root + clash) % 12 for clash in CLASHES) if strong else frozenset(range(12))
    if last or strong:
        return tones
    if archetype == "happy":
        return tones if onset % 1.0 == 0.0 else tones | PENTATONIC[mode]
    return scale_over(chord, mode) if archetype == "sad" else PENTATONIC[mode]


def _nearest(want: float, allowed: frozenset[int], key: int) -> int:
    centre = round(want)
    return min(
        (pitch for pitch in range(centre - 8, centre + 9) if (pitch - key) % 12 in allowed), key=lambda p: abs(p - want)
    )
