"""Formants of sung vowels, and how far a change of the sound moves them.

A vowel is sung by the embedded voice (:mod:`affetti.compose.voice`) on one note; its formants are estimated by linear
prediction (Atal & Hanauer 1971): at 10 kHz, pre-emphasised, twelve coefficients from the autocorrelation of Hamming
windows of 40 ms, the two lowest poles of less than 500 Hz of bandwidth, the median over frames.

Linear prediction leans towards the nearest harmonic: compare two estimates of one note, and take neither for the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from torch import Tensor

from affetti import compose
from affetti.presets import FrontEnd
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.resynthesis.reconstruction import METHODS, reconstruct

RATE = 10_000
"""Samples a second of the analysis: five formants lie below half of it."""
ORDER = 12
EMPHASIS = 0.97
FRAME, STEP = 400, 100
MIN_POLE_HZ, MAX_BANDWIDTH_HZ = 150.0, 500.0
"""Hz: poles below, or of greater bandwidth, are the source's."""
WORDS: Mapping[str, str] = {
    "iy": "ee",
    "ih": "iq",
    "eh": "eq",
    "ae": "a",
    "aa": "ah",
    "ao": "aw",
    "uw": "oo",
    "ah": "u",
    "er": "er",
}
"""Vowels of :data:`affetti.compose.FORMANTS` that a word without sounded consonants spells: all but ``uh``.

No rule of spelling sounds a ``q`` that no ``u`` follows; i and e alone would be other vowels.
"""
PITCHES = (45, 52, 48)
"""MIDI notes, 110 to 165 Hz."""
SECONDS = 1.5


def sing_vowel(song: compose.Song, vowel: str, pitch: int, sample_rate: int) -> Tensor:
    """A vowel of :data:`WORDS` on one note of MIDI ``pitch``: ``[T]``.

    Args:
        song: lends its seed and the cues of a section; none of its notes sounds.
        vowel: a key of :data:`WORDS`.
        pitch: of :data:`PITCHES`, or near.
        sample_rate: Hz.
    """
    cues = replace(song.sections[0].cues, register=compose.RANGES["register"][0])
    section = replace(song.sections[0], start=0.0, duration=SECONDS, cues=cues, lines=())
    notes = (compose.Note(0.0, SECONDS, pitch, 100),)
    alone = replace(song, sections=(section,), parts=(compose.Part("melody", 0, False, notes),))
    return torch.from_numpy(compose.sing(alone, [(WORDS[vowel],)], sample_rate))


def estimate_formants(waveform: Tensor, sample_rate: int) -> tuple[float, float] | None:
    """F1 and F2 of a held vowel ``[T]``, Hz; None where too few frames show two."""
    samples = soxr.resample(waveform.double().numpy(), sample_rate, RATE, quality="HQ")
    samples = np.append(samples[:1], samples[1:] - EMPHASIS * samples[:-1])
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    if len(middle) < FRAME:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(middle, FRAME)[::STEP] * np.hamming(FRAME)
    pairs = [pair for frame in frames if (pair := _two_lowest(_poles(frame))) is not None]
    if len(pairs) < len(frames) / 2:
        return None
    first, second = np.median(np.array(pairs), axis=0).tolist()
    return first, second


def formant_change(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Mean of |ΔF| / F over both formants, %."""
    return 100.0 * float(np.mean(np.abs(np.subtract(after, before)) / np.array(before)))


def measurements(song: compose.Song, front: FrontEnd, pitches: int) -> list[Measurement]:
    """How far F1 and F2 of the vowels of :data:`WORDS` move, by the whole way from a log-mel and by others.

    Args:
        song: lends its seed.
        front: the front-end.
        pitches: on how many of :data:`PITCHES` each is sung.
    """
    rate, hop = front.sample_rate, front.hop_length
    moves: dict[str, list[float]] = {"mel": [], "fast": [], "random": []}
    names: list[str] = []
    for vowel, pitch in product(WORDS, PITCHES[:pitches]):
        wave = sing_vowel(song, vowel, pitch, rate)
        wave = wave[: len(wave) // hop * hop]
        before, sounds = estimate_formants(wave, rate), reconstruct(wave, front, tuple(moves))
        names.append(vowel)
        for way, each in moves.items():
            after = estimate_formants(sounds[way][0], rate)
            each.append(np.nan if before is None or after is None else formant_change(before, after))
    return [
        Measurement.of_mean(
            "formant_error" if way == "mel" else f"formant_error_{way}",
            f"{METHODS[way]}: F1 and F2 moved",
            each,
            songs=names,
            unit="%",
            of="vowels",
        )
        for way, each in moves.items()
    ]


def _poles(frame: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Poles of the linear predictor of a frame; none of silence."""
    lags = np.correlate(frame, frame, mode="full")[FRAME - 1 : FRAME + ORDER]
    if lags[0] < 1e-12:
        return np.zeros(0, dtype=np.complex128)
    # White noise 90 dB down keeps the equations regular where nothing sounds above the band.
    lags[0] *= 1.0 + 1e-9
    predictor = solve_toeplitz(lags[:-1], lags[1:])
    return np.roots(np.append(1.0, -predictor)).astype(np.complex128)


def _two_lowest(poles: NDArray[np.complex128]) -> tuple[float, float] | None:
    hertz = np.angle(poles) * RATE / (2.0 * np.pi)
    width = -np.log(np.maximum(np.abs(poles), 1e-12)) * RATE / np.pi
    formants = np.sort(hertz[(hertz > MIN_POLE_HZ) & (width < MAX_BANDWIDTH_HZ)])
    return (float(formants[0]), float(formants[1])) if len(formants) > 1 else None
