"""Long held notes, and how steady their level is.

Inconsistent phases make the partials of a held note beat, which is audible as a flutter. The level is the
root mean square of pieces of 23 ms, and its deviation over the middle of the note, in dB, is compared before and after:
an instrument's own vibrato and beating is in both.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import torch
from torch import Tensor

from affetti import compose
from affetti.presets import FrontEnd
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.resynthesis.reconstruction import METHODS, reconstruct

INSTRUMENTS: dict[str, int] = {"flute": 73, "strings": 48, "clarinet": 71, "organ": 19}
"""General MIDI programs, from 0, that hold a note."""
PITCHES = (57, 64, 69, 76)
SECONDS = 4.0
PIECE_SAMPLES = 512
"""Samples whose level is taken."""


def held_note(song: compose.Song, program: int, pitch: int, sample_rate: int) -> Tensor:
    """One held note ``[T]``; ``song`` lends its seed, none of its notes sounds."""
    section = replace(song.sections[0], start=0.0, duration=SECONDS, lines=())
    part = compose.Part("melody", program, False, (compose.Note(0.0, SECONDS, pitch, 90),))
    return torch.from_numpy(compose.render(replace(song, sections=(section,), parts=(part,)), sample_rate))


def flutter(waveform: Tensor) -> float:
    """Standard deviation of the level over the middle half of ``[T]``, dB."""
    middle = waveform[len(waveform) // 4 : -len(waveform) // 4].double()
    pieces = middle.unfold(0, PIECE_SAMPLES, PIECE_SAMPLES)
    level = 10.0 * torch.log10(pieces.square().mean(dim=1).clamp_min(1e-12))
    return float(level.std())


def measurements(song: compose.Song, front: FrontEnd, pitches: int) -> list[Measurement]:
    """How much more held notes flutter, after the whole way from a log-mel and after others.

    Args:
        song: lends its seed.
        front: the front-end.
        pitches: how many of :data:`PITCHES` each instrument holds.
    """
    rate, hop = front.sample_rate, front.hop_length
    added: dict[str, list[float]] = {"mel": [], "fast": [], "griffin_lim": [], "random": []}
    names: list[str] = []
    for (instrument, program), pitch in product(INSTRUMENTS.items(), PITCHES[:pitches]):
        wave = held_note(song, program, pitch, rate)
        wave = wave[: len(wave) // hop * hop]
        names.append(f"{instrument} {pitch}")
        sounds = reconstruct(wave, front, tuple(added))
        for way, each in added.items():
            each.append(flutter(sounds[way][0]) - flutter(wave))
    return [
        Measurement.of_mean(
            "sustained_change" if way == "mel" else f"sustained_change_{way}",
            f"{METHODS[way]}: flutter added",
            each,
            songs=names,
            unit="dB",
            of="notes",
        )
        for way, each in added.items()
    ]
