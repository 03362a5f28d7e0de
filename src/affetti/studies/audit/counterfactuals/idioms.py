"""Two idioms of which the study says that a spectrogram confuses them with their kin: blue notes, and distortion.

- A minor chord on D against the same with its blue notes, ♭3, ♭5 and ♭7, on a piano: struck, or as an arpeggio with the
  blue notes between its tones, in three octaves. ♭3 is a tone of the chord already, and is doubled an octave above.
  For comparison, the same with each blue note played once as a passing note, the least that could be called blue.
- The chords of rock songs on a distorted guitar (General MIDI program 30) against the same on a synthesizer (81) that
  is driven through tanh. Beside it the two without distortion, and guitar and synthesizer of different songs.

Compared by :mod:`~affetti.studies.audit.resynthesis.similarity`. No corpus is needed. When not to use: to say what blue
notes do to people.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import compose
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.codec.resolutions import PAPER, RESOLUTION_LABELS, power_spectrograms, to_db
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.resynthesis.similarity import correlation, correlation_in_time, spectrum_difference

TONIC, MINOR, BLUE = 50, (0, 3, 7), (15, 6, 10)
"""MIDI pitch of D, semitones of its minor chord and of the blue notes beside it."""
REGISTERS = (-12, 0, 12)
FIGURES = ("struck", "rising", "falling", "broken")
ORDERS = {"rising": (0, 1, 2, 3), "falling": (3, 2, 1, 0), "broken": (0, 2, 1, 2)}
"""Tones of the chord, its octave the fourth, in the order in which an arpeggio plays them, a beat each."""
BEAT, BARS, VELOCITY = 0.5, 3, 80
"""Seconds, and three bars of four beats."""
WAYS_OF_PLAYING = "ways of playing it"
RIFFS: dict[str, tuple[int, float]] = {
    "distorted guitar": (30, 0.0),
    "distorted synthesizer": (81, 8.0),
    "clean guitar": (27, 0.0),
    "clean synthesizer": (81, 0.0),
}
"""General MIDI program, and how far its peak is driven into tanh; the distorted guitar is recorded so."""
SECONDS = 6.0


def blue_notes() -> list[Measurement]:
    """How far blue notes move the spectrum of a minor chord, and what mel bands keep of it."""
    measurements: list[Measurement] = []
    ways = list(product(FIGURES, REGISTERS))
    units = np.arange(len(ways))
    plain = [power_spectrograms(chord(*way, "plain")) for way in ways]
    for name, blue, naming in (
        ("difference", "held", "a minor chord and the same with blue notes"),
        ("passing", "passing", "a minor chord and the same with each blue note once in passing"),
    ):
        others = [power_spectrograms(chord(*way, blue)) for way in ways]
        apart: dict[str, list[float]] = {}
        for size, short in (("stft", "stft"), ("mel128", "mel")):
            pairs = [(a[size], b[size]) for a, b in zip(plain, others, strict=True)]
            apart[short] = [spectrum_difference(a.numpy(), b.numpy()) for a, b in pairs]
            unlike = [100 * (1 - correlation(to_db(a).numpy(), to_db(b).numpy())) for a, b in pairs]
            label = f"spectrum that differs between {naming}, {RESOLUTION_LABELS[size]}"
            measurements.append(_mean(f"blues_{name}_{short}", label, apart[short]))
            measurements.append(
                _mean(f"blues_{name}_{short}_r", f"100 (1 − r) of {naming}, {RESOLUTION_LABELS[size]}", unlike)
            )
        label = f"what mel bands keep of that difference, {blue}"
        columns = apart["mel"], apart["stft"]
        kept = Measurement.of_statistic(
            f"blues_{name}_kept", label, _ratio_percent, *columns, songs=units, unit="%", of=WAYS_OF_PLAYING
        )
        measurements.append(kept)
    by_name = {measurement.name: measurement for measurement in measurements}
    for short, size in (("stft", "stft"), ("mel", "mel128")):
        several = [by_name[f"blues_{name}_{short}{r}"] for name in ("difference", "passing") for r in ("", "_r")]
        label = f"what blue notes change, held or in passing, in either measure, {RESOLUTION_LABELS[size]}"
        measurements.append(Measurement.over_definitions(f"blues_readings_{short}", label, several))
    return measurements


def distortion(context: AuditContext, songs: int) -> list[Measurement]:
    """How alike a distorted guitar and a distorted synthesizer are on the same notes of rock songs."""
    played = [context.compose_song(index, genre="rock") for index in range(songs)]
    mels = {name: [to_db(power_spectrograms(riff(song, name))["mel128"]).numpy() for song in played] for name in RIFFS}
    guitars, synths = mels["distorted guitar"], mels["distorted synthesizer"]
    pairs = list(zip(guitars, synths, strict=True))
    different_songs = list(zip(guitars, synths[1:] + synths[:1], strict=True))
    clean = list(zip(mels["clean guitar"], mels["clean synthesizer"], strict=True))
    rows = (
        ("similarity", "100 r of log-mels of distorted guitar and distorted synthesizer", correlation, pairs),
        ("similarity_in_time", "the same, each band's mean taken out", correlation_in_time, pairs),
        (
            "similarity_strangers",
            "100 r of distorted guitar and synthesizer, of different songs",
            correlation,
            different_songs,
        ),
        ("similarity_clean", "100 r of guitar and synthesizer without distortion", correlation, clean),
    )
    return [
        Measurement.of_mean(
            f"distortion_{name}", label, [100 * alike(*pair) for pair in these], songs=np.arange(songs), unit="%"
        )
        for name, label, alike, these in rows
    ]


def chord(figure: str, register: int, blue: str, rate: int = PAPER.sample_rate) -> Tensor:
    """Some bars of a D minor chord on the piano ``[T]``.

    Args:
        figure: of :data:`FIGURES`.
        register: semitones up.
        blue: ``plain``, ``held`` (blue notes throughout) or ``passing`` (each once).
        rate: samples a second.
    """
    root, length = TONIC + register, 4 * BEAT
    tones = [root + tone for tone in (*MINOR, 12)]
    notes: list[compose.Note] = []
    for bar in range(BARS):
        start = bar * length
        blues = [root + tone for tone in BLUE] if blue == "held" else [root + BLUE[bar]] * (blue == "passing")
        if figure == "struck":
            notes += [compose.Note(start, length, tone, VELOCITY) for tone in tones]
            held = length if blue == "held" else BEAT / 2
            notes += [compose.Note(start + length - held, held, tone, VELOCITY) for tone in blues]
        else:
            notes += [
                compose.Note(start + i * BEAT, BEAT, tones[tone], VELOCITY) for i, tone in enumerate(ORDERS[figure])
            ]
            notes += [compose.Note(start + (i + 0.5) * BEAT, BEAT / 2, tone, VELOCITY) for i, tone in enumerate(blues)]
    song = compose.compose(0, 0)
    section = compose.Section("verse", 0.0, BARS * length, song.sections[0].cues)
    piano = compose.Part("chords", 0, False, tuple(notes))
    return torch.from_numpy(compose.render(replace(song, sections=(section,), parts=(piano,)), rate))


def riff(song: compose.Song, sound: str, rate: int = PAPER.sample_rate) -> Tensor:
    """The chords of a song's first chorus on a sound of :data:`RIFFS` ``[T]``."""
    program, drive = RIFFS[sound]
    parts = tuple(replace(part, program=program) for part in song.parts if part.name == "chords")
    start = next(section.start for section in song.sections if section.name == "chorus")
    wave = torch.from_numpy(compose.render(replace(song, parts=parts), rate))
    wave = wave[round(start * rate) :][: round(SECONDS * rate)]
    peak = wave.abs().max().clamp_min(1e-9)
    return torch.tanh(drive * wave / peak) * peak if drive else wave


def _mean(name: str, label: str, values: list[float]) -> Measurement:
    return Measurement.of_mean(name, label, values, songs=np.arange(len(values)), unit="%", of=WAYS_OF_PLAYING)


def _ratio_percent(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    return 100 * float(part.mean() / whole.mean())
