"""An embedded voice: a source and filters that sing words to the melody.

Source-filter synthesis (Fant 1960; Klatt 1980, *JASA* 67:971). The source is the derivative of Rosenberg's (1971)
glottal pulse, its harmonics cut below half the sample rate; the filters are cascades of Klatt's digital resonators
at the formants that Peterson & Barney (1952) measured, F4 and F5 being Klatt's. Consonants are bands of noise, silences
and weaker voiced sounds. All vowels are filtered at once, each fed while it sounds: where one fades into the next, the
source crosses over. Any vowel at any pitch is as loud as a lead's tone of its velocity.

Each section is sung in the octave that brings its melody nearest to a man's voice, where the harmonics are close enough
to show the formants. A note takes a syllable; where notes outnumber them, a vowel is held over several; where syllables
do, a note is struck again. Deterministic in the song: its noise has a stream of its own.

Do not use it for speech: spelling is read by a few rules, and there is no stress, no breath and no intonation.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from affetti.compose.arrangement import Note, Section
from affetti.compose.score import Song
from affetti.compose.soundfont import GAIN, REFERENCE_RMS, Samples
from affetti.compose.syllables import DIPHTHONGS, Syllable, syllables
from affetti.errors import UsageError

Formants = tuple[float, float, float, float, float]
F4, F5 = 3300.0, 3750.0

FORMANTS: dict[str, Formants] = {
    "iy": (270.0, 2290.0, 3010.0, F4, F5),
    "ih": (390.0, 1990.0, 2550.0, F4, F5),
    "eh": (530.0, 1840.0, 2480.0, F4, F5),
    "ae": (660.0, 1720.0, 2410.0, F4, F5),
    "aa": (730.0, 1090.0, 2440.0, F4, F5),
    "ao": (570.0, 840.0, 2410.0, F4, F5),
    "uh": (440.0, 1020.0, 2240.0, F4, F5),
    "uw": (300.0, 870.0, 2240.0, F4, F5),
    "ah": (640.0, 1190.0, 2390.0, F4, F5),
    "er": (490.0, 1350.0, 1690.0, F4, F5),
}
"""F1 to F5 of the vowels, Hz: means of 33 men (Peterson & Barney 1952, table II); F4, F5: Klatt (1980), table I."""
SONORANTS: dict[str, Formants] = {
    "w": (290.0, 610.0, 2150.0, F4, F5),
    "y": (260.0, 2070.0, 3020.0, F4, F5),
    "r": (310.0, 1060.0, 1380.0, F4, F5),
    "l": (310.0, 1050.0, 2880.0, F4, F5),
    "m": (480.0, 1270.0, 2130.0, F4, F5),
    "n": (480.0, 1340.0, 2470.0, F4, F5),
    "bar": (200.0, 1100.0, 2150.0, F4, F5),
}
"""Voiced consonants after Klatt (1980), table II, without the zeros of the nasals; ``bar`` is the hum of b, d and g."""
BANDWIDTHS: Formants = (50.0, 70.0, 110.0, 250.0, 200.0)
"""Of F1 to F5, Hz: Klatt (1980), table I."""
NOISES: dict[str, tuple[float, float]] = {
    "puff": (400.0, 1500.0),
    "tick": (3000.0, 7000.0),
    "clack": (1500.0, 3000.0),
    "hiss": (4500.0, 9000.0),
    "hush": (2000.0, 5500.0),
    "breath": (700.0, 7000.0),
}
"""Bands of noise, Hz, by where a consonant is made: lips, ridge, palate, and the fricatives. Ours, after Klatt's."""

Step = tuple[float, dict[str, float]]
"""Seconds, and the level of each sound against a vowel's."""


def _stop(burst: str, *, voiced: bool) -> tuple[Step, ...]:
    return ((0.04, {"bar": 0.3} if voiced else {}), (0.012, {burst: 0.3 if voiced else 0.5}))


CONSONANTS: dict[str, tuple[Step, ...]] = {
    **{name: ((0.06, {name: 0.6}),) for name in ("w", "y", "r", "l", "m", "n")},
    "ng": ((0.06, {"n": 0.6}),),
    "p": _stop("puff", voiced=False),
    "t": _stop("tick", voiced=False),
    "k": _stop("clack", voiced=False),
    "b": _stop("puff", voiced=True),
    "d": _stop("tick", voiced=True),
    "g": _stop("clack", voiced=True),
    "ch": ((0.03, {}), (0.07, {"hush": 0.3})),
    "jh": ((0.03, {"bar": 0.3}), (0.05, {"hush": 0.2, "bar": 0.3})),
    "s": ((0.08, {"hiss": 0.3}),),
    "z": ((0.07, {"hiss": 0.2, "bar": 0.3}),),
    "sh": ((0.08, {"hush": 0.3}),),
    "f": ((0.07, {"breath": 0.12}),),
    "th": ((0.07, {"breath": 0.12}),),
    "hh": ((0.05, {"breath": 0.15}),),
    "v": ((0.05, {"breath": 0.08, "bar": 0.4}),),
    "dh": ((0.04, {"breath": 0.08, "bar": 0.4}),),
}
"""What each consonant is made of."""

CENTRE_PITCH = 52.0
"""MIDI pitch, 165 Hz, that a section's mean is brought within half an octave of."""
CROSSFADE_SECONDS = 0.012
"""Seconds a sound takes to come or go."""
MAX_CONSONANT_SHARE = 0.4
"""Of a note, what consonants may take."""
VIBRATO = (5.5, 25.0)
"""Rate, Hz, and depth, cents."""
OPEN, CLOSING = 0.4, 0.16
"""Of a period, the time in which the glottis opens and closes (Rosenberg 1971)."""
CYCLE_SAMPLES = 4096
"""Samples in the table of one period."""
TAIL_SECONDS = 0.12
"""Seconds in which the narrowest resonance, 50 Hz wide, falls by 160 dB."""
BLOCK_SAMPLES = 4096
"""Samples; transforms of whole blocks have small factors, and are fast."""


@dataclass(frozen=True)
class _Slot:
    """A note as it is sung: the phones before the vowel, the vowel's targets, the phones after it."""

    note: Note
    onset: tuple[str, ...]
    vowels: tuple[str, ...]
    coda: tuple[str, ...]


def sing(song: Song, lines: Sequence[Sequence[str]], sample_rate: int) -> Samples:
    """The voice alone, singing to the melody of a song.

    Args:
        song: gives the notes; its own words are ignored.
        lines: the words of each section, as many entries as the song has sections; an empty one is silent.
        sample_rate: Hz.

    Returns:
        float32 ``[T]`` with T = round(duration · sample_rate), at the level it has in
        :func:`~affetti.compose.renderer.render`'s mix.

    Raises:
        UsageError: ``lines`` has not one entry a section, or the sample rate is not positive.
    """
    if sample_rate <= 0:
        raise UsageError(f"sample rate {sample_rate} is not positive", hint="give it in Hz")
    stem = np.zeros(round(song.duration * sample_rate), dtype=np.float32)
    for number, (section, phrased) in enumerate(zip(song.sections, phrases(song, lines), strict=True)):
        slots = [slot for notes, line in phrased for slot in _aligned(in_range(section, notes), syllables(line))]
        if slots:
            rng = np.random.default_rng([song.seed, song.index, number, zlib.crc32(b"voice")])
            wave = _sung(section, slots, sample_rate, rng)
            start = round(section.start * sample_rate)
            wave = wave[: stem.size - start]
            stem[start : start + wave.size] += wave
    return stem


def phrases(song: Song, lines: Sequence[Sequence[str]]) -> list[list[tuple[list[Note], str]]]:
    """For each section, which melody notes each of its lines goes with: as even a share as there is.

    Notes keep their start and articulation, and last no longer than until the next.

    Raises:
        UsageError: ``lines`` has not one entry a section.
    """
    if len(lines) != len(song.sections):
        raise UsageError(
            f"words for {len(lines)} sections, the song has {len(song.sections)}",
            where="lines",
            hint="give each section its lines, none where it is instrumental",
        )
    melody = [note for part in song.parts if part.name == "melody" for note in part.notes]
    sections: list[list[tuple[list[Note], str]]] = []
    for section, words in zip(song.sections, lines, strict=True):
        end = section.start + section.duration
        notes = [note for note in melody if section.start - 1e-6 <= note.start < end - 1e-6]
        cuts = [len(notes) * i // len(words) for i in range(len(words) + 1)] if words else []
        sections.append([(notes[cuts[i] : cuts[i + 1]], line) for i, line in enumerate(words)])
    return sections


def in_range(section: Section, notes: Sequence[Note]) -> list[Note]:
    """The notes, moved by whole octaves so that the section's register comes near :data:`CENTRE_PITCH`."""
    octaves = round((section.cues.register - CENTRE_PITCH) / 12.0)
    return [replace(note, pitch=note.pitch - 12 * octaves) for note in notes]


def _aligned(notes: Sequence[Note], words: Sequence[Syllable]) -> list[_Slot]:
    """Syllables on notes, in order; syllable k of S starts on note floor(k N / S)."""
    slots: list[_Slot] = []
    starts = [k * len(notes) // len(words) for k in range(len(words))] if notes else []
    for number, note in enumerate(notes):
        here = [words[k] for k, start in enumerate(starts) if start == number]
        following = notes[number + 1].start if number + 1 < len(notes) else note.start + note.duration
        room = max(following - note.start, note.duration)
        for k, syllable in enumerate(here):
            # A note of several syllables is struck again for each, as long of its share as the note is of its room.
            struck = replace(note, start=note.start + room * k / len(here), duration=note.duration / len(here))
            first, *rest = DIPHTHONGS.get(syllable.nucleus, (syllable.nucleus,))
            slots.append(_Slot(struck, syllable.onset, (first, *rest), syllable.coda))
        if not here and slots:
            # The vowel goes on, and takes what ends its syllable along.
            held = slots[-1]
            slots[-1] = replace(held, vowels=held.vowels[:1], coda=())
            slots.append(_Slot(note, (), held.vowels, held.coda))
    return slots


def _sung(section: Section, slots: Sequence[_Slot], sample_rate: int, rng: np.random.Generator) -> Samples:
    """The sound of a section's slots, from the section's start to a little past its end."""
    length = round((section.duration + TAIL_SECONDS) * sample_rate)
    size = -(-length // BLOCK_SAMPLES) * BLOCK_SAMPLES
    gains: dict[str, NDArray[np.float64]] = {}
    for slot in slots:
        level = GAIN * REFERENCE_RMS * (slot.note.velocity / 127.0) ** 2
        for name, start, end, share in _timeline(slot):
            loudness = level * share
            if name not in NOISES:
                loudness /= _rms(name, slot.note.pitch, sample_rate)
            envelope = gains.setdefault(name, np.zeros(size))
            _add(envelope, start - section.start, end - section.start, loudness, sample_rate)
    source = _source(section, slots, size, sample_rate)
    noise = rng.standard_normal(size)
    # Filters are products here, so that all sounds come back by one inverse transform; what rings past the end falls
    # into the tail, and none of it comes round to the start.
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    for name, envelope in sorted(gains.items()):
        fed = (noise if name in NOISES else source) * envelope
        spectrum += np.fft.rfft(fed) * _filter(name, size, sample_rate)
    return np.fft.irfft(spectrum, size)[:length].astype(np.float32)


def _timeline(slot: _Slot) -> list[tuple[str, float, float, float]]:
    """What sounds in a slot: name, start and end in seconds, level against a vowel's."""
    before = [step for phone in slot.onset for step in CONSONANTS[phone]]
    after = [step for phone in slot.coda for step in CONSONANTS[phone]]
    consonants = sum(seconds for seconds, _ in before + after)
    pace = min(1.0, MAX_CONSONANT_SHARE * slot.note.duration / consonants) if consonants else 1.0
    vowel = slot.note.duration - pace * consonants
    parts = (0.6, 0.4) if len(slot.vowels) == 2 else (1.0,)
    steps = [(pace * seconds, sounds) for seconds, sounds in before]
    steps += [(part * vowel, {name: 1.0}) for part, name in zip(parts, slot.vowels, strict=True)]
    steps += [(pace * seconds, sounds) for seconds, sounds in after]
    timeline: list[tuple[str, float, float, float]] = []
    at = slot.note.start
    for seconds, sounds in steps:
        timeline += [(name, at, at + seconds, share) for name, share in sounds.items()]
        at += seconds
    return timeline


def _add(envelope: NDArray[np.float64], start: float, end: float, level: float, sample_rate: int) -> None:
    """Raise an envelope from ``start``, let it go from ``end``: what follows at once crosses over at constant sum."""
    first = max(0, round(start * sample_rate))
    time = (np.arange(first, min(envelope.size, round((end + CROSSFADE_SECONDS) * sample_rate))) / sample_rate) - start
    rise, fall = (
        np.clip(time / CROSSFADE_SECONDS, 0.0, 1.0),
        np.clip((time - (end - start)) / CROSSFADE_SECONDS, 0.0, 1.0),
    )
    envelope[first : first + time.size] += level * np.maximum(rise - fall, 0.0)


def _source(section: Section, slots: Sequence[_Slot], size: int, sample_rate: int) -> NDArray[np.float64]:
    """The glottal source ``[T]``: at each moment the cycle of the note that began last, its phase unbroken."""
    starts = [0, *(round((slot.note.start - section.start) * sample_rate) for slot in slots[1:]), size]
    rate, depth = VIBRATO
    bend = 2.0 ** (depth / 1200.0 * np.sin(2.0 * np.pi * rate * np.arange(size) / sample_rate))
    hertz = np.repeat([_hertz(slot.note.pitch) for slot in slots], np.diff(starts)) * bend
    phase = np.cumsum(hertz / sample_rate) % 1.0 * CYCLE_SAMPLES
    wave = np.empty(size)
    grid = np.arange(CYCLE_SAMPLES + 1)
    for slot, start, end in zip(slots, starts, starts[1:], strict=False):
        wave[start:end] = np.interp(phase[start:end], grid, _cycle(slot.note.pitch, sample_rate))
    return wave


def _hertz(pitch: float) -> float:
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


@lru_cache(maxsize=1)
def _pulse() -> NDArray[np.complex128]:
    """Fourier coefficients of the derivative of the glottal flow, one period being the unit of time."""
    time = np.arange(4 * CYCLE_SAMPLES) / (4 * CYCLE_SAMPLES)
    opening = np.pi / (2.0 * OPEN) * np.sin(np.pi * time / OPEN)
    closing = -np.pi / (2.0 * CLOSING) * np.sin(np.pi * (time - OPEN) / (2.0 * CLOSING))
    return np.fft.rfft(np.where(time < OPEN, opening, np.where(time < OPEN + CLOSING, closing, 0.0))) / time.size


def _harmonics(pitch: int, sample_rate: int) -> NDArray[np.complex128]:
    """Coefficients from 0 up to what stays below half the sample rate at the top of the vibrato."""
    return _pulse()[: 1 + int(0.48 * sample_rate / _hertz(pitch))]


@lru_cache(maxsize=128)
def _cycle(pitch: int, sample_rate: int) -> NDArray[np.float64]:
    """One period of the source at this pitch, its first sample repeated at the end."""
    wave = np.fft.irfft(_harmonics(pitch, sample_rate), CYCLE_SAMPLES) * CYCLE_SAMPLES
    return np.append(wave, wave[0])


def response(name: str, frequency: NDArray[np.float64], sample_rate: int) -> NDArray[np.complex128]:
    """What the filter of a vowel or sonorant makes of each ``frequency``, Hz: Klatt's digital resonators in cascade.

    Each has unit gain at 0 Hz. Formants above 0.45 of the sample rate are left out.
    """
    z = np.exp(-2j * np.pi * frequency / sample_rate)
    gain = np.ones(z.shape, dtype=np.complex128)
    for centre, width in zip((FORMANTS | SONORANTS)[name], BANDWIDTHS, strict=True):
        if centre < 0.45 * sample_rate:
            radius = np.exp(-np.pi * width / sample_rate)
            b, c = 2.0 * radius * np.cos(2.0 * np.pi * centre / sample_rate), -(radius**2)
            gain *= (1.0 - b - c) / (1.0 - b * z - c * z * z)
    return gain


@lru_cache(maxsize=32)
def _filter(name: str, size: int, sample_rate: int) -> NDArray[np.complex128]:
    """The filter of any sound on the grid of a transform of ``size`` samples.

    A band of noise has the shape of a Gaussian, its edges 6 dB down; white noise of unit variance comes out with unit
    RMS where all of it lies below half the sample rate.
    """
    frequency = np.linspace(0.0, sample_rate / 2.0, size // 2 + 1)
    if name not in NOISES:
        return response(name, frequency, sample_rate)
    low, high = NOISES[name]
    shape = 0.5 ** np.square((2.0 * frequency - low - high) / (high - low))
    # The mean of 4 ** -x², the integral being sqrt(pi / ln 4).
    power = (high - low) * np.sqrt(np.pi / np.log(4.0)) / sample_rate
    return (shape / np.sqrt(power)).astype(np.complex128)


@lru_cache(maxsize=1024)
def _rms(name: str, pitch: int, sample_rate: int) -> float:
    """RMS of the filtered source: by Parseval over its harmonics."""
    harmonics = _harmonics(pitch, sample_rate)[1:]
    filtered = harmonics * response(name, _hertz(pitch) * np.arange(1.0, harmonics.size + 1.0), sample_rate)
    return float(np.sqrt(2.0 * np.sum(np.abs(filtered) ** 2)))
