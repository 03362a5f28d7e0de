from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import librosa
import numpy as np
import pytest
from scipy.linalg import solve_toeplitz

from affetti.compose.arrangement import Note, Part
from affetti.compose.score import Song, compose
from affetti.compose.voice import FORMANTS, TAIL_SECONDS, phrases, sing
from affetti.errors import UsageError

RATE = 22_050
SPELT = {
    "iy": "ee",
    "ih": "it",
    "eh": "et",
    "ae": "at",
    "aa": "ah",
    "ao": "aw",
    "uh": "wooden",
    "uw": "oo",
    "ah": "ut",
    "er": "er",
}


def tune(*notes: Note, seconds: float) -> Song:
    """A song of one section with these notes, none of them moved by octaves."""
    song = compose(0, 0)
    section = song.sections[0]
    here = replace(section, duration=seconds, cues=replace(section.cues, register=53.0), lines=())
    return replace(song, sections=(here,), parts=(Part("melody", 56, False, notes),))


def held(word: str, pitch: int, rate: int, seconds: float = 2.0) -> np.ndarray:
    return sing(tune(Note(0.0, seconds, pitch, 100), seconds=seconds), [[word]], rate).astype(np.float64)


def poles(wave: np.ndarray, rate: int, order: int) -> np.ndarray:
    """Formants, Hz, by linear prediction: the autocorrelation method on the pre-emphasised, windowed wave."""
    wave = np.append(wave[0], wave[1:] - 0.97 * wave[:-1]) * np.hamming(wave.size)
    r = np.correlate(wave, wave, "full")[wave.size - 1 : wave.size + order]
    roots = np.roots(np.append(1.0, -solve_toeplitz(r[:-1], r[1:])))
    roots = roots[roots.imag > 0]
    widths = -np.log(np.abs(roots)) * rate / np.pi
    return np.sort(np.angle(roots)[widths < 500] * rate / (2 * np.pi))


@pytest.mark.parametrize("vowel", FORMANTS)
def test_a_sung_vowel_has_its_formants(vowel: str) -> None:
    rate = 10_000
    wave = held(SPELT[vowel], 40, rate)  # 82 Hz: close harmonics, so that the envelope can be seen
    middle = wave[1500:8000] if vowel == "uh" else wave[5000:15_000]
    poles_hz = poles(middle, rate, 12)
    for formant in FORMANTS[vowel][:3]:
        assert np.abs(poles_hz - formant).min() < 0.1 * formant


def test_formants_distinguish_the_vowels() -> None:
    rate = 10_000
    for vowel in ("iy", "aa", "uw"):
        first, second = poles(held(SPELT[vowel], 40, rate)[5000:15_000], rate, 12)[:2]
        nearest = min(FORMANTS, key=lambda v: abs(FORMANTS[v][0] / first - 1) + abs(FORMANTS[v][1] / second - 1))
        assert nearest == vowel


def test_the_voice_is_in_tune() -> None:
    notes = [Note(0.6 * i, 0.6, pitch, 100) for i, pitch in enumerate((45, 55, 64))]
    wave = sing(tune(*notes, seconds=1.8), [["ah ee oo"]], RATE)
    hertz, voiced, _ = librosa.pyin(wave, fmin=80, fmax=500, sr=RATE, frame_length=2048, hop_length=512)
    times = librosa.times_like(hertz, sr=RATE, hop_length=512)
    for note in notes:
        inside = (times > note.start + 0.1) & (times < note.start + 0.5) & voiced
        assert inside.sum() > 12
        cents = 1200 * np.log2(hertz[inside] / (440 * 2 ** ((note.pitch - 69) / 12)))
        assert abs(np.median(cents)) < 20


def test_a_melody_keeps_its_pitch_classes_and_is_brought_to_a_voice_by_octaves() -> None:
    song = tune(Note(0.0, 1.5, 81, 100), seconds=1.5)
    high = replace(song, sections=tuple(replace(s, cues=replace(s.cues, register=80.0)) for s in song.sections))
    wave = sing(high, [["ah"]], RATE)
    hertz = librosa.yin(wave[RATE // 4 : RATE], fmin=60, fmax=600, sr=RATE)
    assert np.median(hertz) == pytest.approx(220.0, rel=0.01)  # A3, two octaves under the A5 of the melody


def level(wave: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(wave))))


def test_any_vowel_at_any_pitch_is_as_loud_as_a_lead() -> None:
    levels = [level(held(SPELT[v], p, RATE)[6000:40_000]) for v in SPELT if v != "uh" for p in (40, 52, 64)]
    assert max(levels) - min(levels) < 0.5
    lead = 20 * np.log10(0.35 * 0.25 * (100 / 127) ** 2)
    assert np.mean(levels) == pytest.approx(lead, abs=0.3)
    loud, soft = (
        level(sing(tune(Note(0.0, 1.0, 50, v), seconds=1.0), [["ah"]], RATE).astype(np.float64)) for v in (120, 30)
    )
    assert loud - soft == pytest.approx(40 * np.log10(4), abs=0.01)


def lit(wave: np.ndarray, floor: float = -80.0) -> list[tuple[float, float]]:
    """Stretches, s, in which blocks of 10 ms are louder than ``floor`` dB."""
    block = RATE // 100
    power = np.square(wave[: wave.size // block * block].astype(np.float64)).reshape(-1, block).mean(axis=1)
    on = np.concatenate([[False], 10 * np.log10(power + 1e-30) > floor, [False]])
    edges = np.flatnonzero(on[1:] != on[:-1]) / 100
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def test_a_syllable_a_note_from_its_start_to_its_end() -> None:
    notes = [Note(0.5 * i, 0.2, 50, 100) for i in range(4)]
    stretches = lit(sing(tune(*notes, seconds=2.0), [["ah oo ee er"]], RATE))
    assert len(stretches) == 4
    for (start, end), note in zip(stretches, notes, strict=True):
        assert start == pytest.approx(note.start, abs=0.03)
        assert end == pytest.approx(note.start + note.duration, abs=0.1)


def test_a_note_is_struck_again_where_words_outnumber_the_notes_and_a_vowel_is_held_where_notes_do() -> None:
    one = tune(Note(0.0, 0.5, 50, 100), Note(1.0, 0.5, 50, 100), seconds=2.0)
    assert len(lit(sing(one, [["ah oo ee er"]], RATE))) >= 3
    many = tune(*(Note(0.5 * i, 0.2, 50 + i, 100) for i in range(4)), seconds=2.0)
    wave = sing(many, [["ee"]], 10_000).astype(np.float64)
    assert len(lit(sing(many, [["ee"]], RATE))) == 4
    for i in range(4):
        poles_hz = poles(wave[int((0.5 * i + 0.03) * 10_000) : int((0.5 * i + 0.19) * 10_000)], 10_000, 12)
        assert np.abs(poles_hz - FORMANTS["iy"][1]).min() < 0.1 * FORMANTS["iy"][1]


def test_hisses_are_high_and_hums_are_low() -> None:
    def centre(word: str) -> float:
        wave = held(word, 45, RATE, 1.0)[: round(0.05 * RATE)]
        power = np.abs(np.fft.rfft(wave)) ** 2
        return float((np.fft.rfftfreq(wave.size, 1 / RATE) * power).sum() / power.sum())

    assert centre("see") > centre("she") > 2000 > 700 > centre("me")


SONG = next(song for song in (compose(0, i) for i in range(9)) if any(s.lines for s in song.sections))
WORDS = [section.lines for section in SONG.sections]


def test_it_is_silent_where_there_are_no_words_and_sounds_where_there_are() -> None:
    wave = sing(SONG, WORDS, RATE)
    assert wave.dtype == np.float32
    assert wave.shape == (round(SONG.duration * RATE),)
    assert np.isfinite(wave).all()
    for section in SONG.sections:
        part = wave[round((section.start + TAIL_SECONDS) * RATE) + 1 : round((section.start + section.duration) * RATE)]
        if section.lines:
            assert level(part.astype(np.float64)) > -60
        else:
            assert not part.any()
    assert not sing(SONG, [()] * len(SONG.sections), RATE).any()
    assert not sing(SONG, [("...",)] * len(SONG.sections), RATE).any()
    assert not sing(replace(SONG, parts=SONG.parts[1:]), WORDS, RATE).any()


def test_the_voice_is_the_same_after_other_songs() -> None:
    first = sing(SONG, WORDS, RATE)
    sing(compose(0, SONG.index + 1), [("oh joy",)] * 8, RATE)
    assert np.array_equal(sing(SONG, WORDS, RATE), first)
    again = replace(SONG, index=SONG.index + 1)
    assert not np.array_equal(sing(again, WORDS, RATE), first)  # the noise of another song


def test_one_section_does_not_change_how_another_is_sung() -> None:
    other: list[Sequence[str]] = list(WORDS)
    number = next(i for i, words in enumerate(WORDS) if words)
    other[number] = ("oh the merry merry joy",)
    one, two = sing(SONG, WORDS, RATE), sing(SONG, other, RATE)
    section = SONG.sections[number]
    start, end = round(section.start * RATE), round((section.start + section.duration + TAIL_SECONDS) * RATE) + 1
    np.testing.assert_array_equal(one[:start], two[:start])
    np.testing.assert_array_equal(one[end:], two[end:])
    assert not np.array_equal(one[start:end], two[start:end])


def test_lines_share_the_notes_of_their_section_in_order() -> None:
    melody = list(SONG.parts[0].notes)
    for section, phrased in zip(SONG.sections, phrases(SONG, WORDS), strict=True):
        assert [line for _, line in phrased] == list(section.lines)
        starts = [note.start for notes, _ in phrased for note in notes]
        assert all(a < b for a, b in pairwise(starts))
        inside = [n for n in melody if section.start - 1e-6 <= n.start < section.start + section.duration - 1e-6]
        assert len(starts) == (len(inside) if section.lines else 0)
        sizes = [len(notes) for notes, _ in phrased]
        assert not sizes or max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_any_sample_rate_is_accepted(rate: int) -> None:
    wave, usual = held("see", 50, rate, 1.0), held("see", 50, RATE, 1.0)
    assert wave.size == rate
    assert level(wave[rate // 5 :]) == pytest.approx(level(usual[RATE // 5 :]), abs=0.5)


def test_words_for_other_sections_and_no_sample_rate_are_refused() -> None:
    with pytest.raises(UsageError, match="words for 2 sections, the song has 8"):
        sing(SONG, [["oh joy"], []], RATE)
    with pytest.raises(UsageError, match="sample rate 0"):
        sing(SONG, WORDS, 0)
