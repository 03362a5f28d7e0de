from __future__ import annotations

import numpy as np
import pytest
import soxr
import torch
from scipy.signal import lfilter
from tests.studies.audit.sounding import hurried
from torch import Tensor

from affetti import compose
from affetti.compose.syllables import syllables
from affetti.presets import FRONT_ENDS
from affetti.studies.audit.claims import MIN_UNITS
from affetti.studies.audit.resynthesis.formants import (
    PITCHES,
    WORDS,
    estimate_formants,
    formant_change,
    measurements,
    sing_vowel,
)

RATE = 22_050
SONG = compose.compose(3, 1)


def resonated(*hertz: float, pitch: float = 100.0) -> Tensor:
    """Pulses through two-pole resonators of 60 Hz: a voice by scipy alone."""
    wave = np.zeros(RATE)
    wave[:: round(RATE / pitch)] = 1.0
    wave = lfilter([1.0], [1.0, -0.97], wave)
    for centre in hertz:
        radius = np.exp(-np.pi * 60.0 / RATE)
        wave = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2], wave)
    return torch.from_numpy(wave / np.abs(wave).max()).float()


@pytest.mark.parametrize("true", [(300.0, 2_200.0), (700.0, 1_200.0), (500.0, 900.0)])
def test_resonances_are_estimated(true: tuple[float, float]) -> None:
    result = estimate_formants(resonated(*true, 2_700.0, 3_500.0), RATE)
    assert result is not None
    assert formant_change(true, result) < 3.0


@pytest.mark.parametrize("vowel", WORDS)
def test_the_voice_sings_the_given_vowel(vowel: str) -> None:
    for pitch in PITCHES:
        result = estimate_formants(sing_vowel(SONG, vowel, pitch, RATE), RATE)
        assert result is not None
        # Linear prediction leans to the nearest harmonic, half the pitch away at most.
        assert formant_change(compose.FORMANTS[vowel][:2], result) < 10.0


@pytest.mark.parametrize("pitch", PITCHES)
def test_the_note_is_sung_where_it_is_written(pitch: int) -> None:
    wave = sing_vowel(SONG, "aa", pitch, RATE).numpy()[RATE // 4 : -RATE // 4]
    lags = np.correlate(wave[:4_096], wave[:4_096], mode="full")[4_095:]
    period = 60 + int(lags[60:400].argmax())
    assert RATE / period == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.03)


def test_a_planted_move_is_detected() -> None:
    wave = sing_vowel(SONG, "aa", 45, RATE)
    # Played a tenth faster, everything is a tenth higher.
    faster = torch.from_numpy(soxr.resample(wave.numpy(), 1.1 * RATE, RATE))
    before, after = estimate_formants(wave, RATE), estimate_formants(faster, RATE)
    assert before is not None
    assert after is not None
    assert formant_change(before, after) == pytest.approx(10.0, abs=3.0)


def test_level_and_delay_move_nothing() -> None:
    wave = sing_vowel(SONG, "ao", 48, RATE)
    before, after = estimate_formants(wave, RATE), estimate_formants(0.2 * torch.roll(wave, 110), RATE)
    assert before is not None
    assert after is not None
    assert formant_change(before, after) < 0.5
    assert formant_change(before, before) == 0.0


def test_values_equal_those_computed_by_hand() -> None:
    assert formant_change((500.0, 1_000.0), (550.0, 900.0)) == pytest.approx(10.0)


def test_silence_and_moments_have_no_formants() -> None:
    assert estimate_formants(torch.zeros(RATE), RATE) is None
    assert estimate_formants(torch.ones(300), RATE) is None


def test_there_are_vowels_enough_to_decide_a_claim() -> None:
    assert set(WORDS) == compose.FORMANTS.keys() - {"uh"}
    assert len(WORDS) >= MIN_UNITS
    for vowel, word in WORDS.items():
        assert [(it.onset, it.nucleus) for it in syllables(word)] == [((), vowel)]


def test_the_way_back_from_a_log_mel_is_measured() -> None:
    with hurried():
        by_name = {it.name: it for it in measurements(SONG, FRONT_ENDS["paper"], 1)}
    assert set(by_name) == {"formant_error", "formant_error_fast", "formant_error_random"}
    assert all(it.of == "vowels" and it.n == len(WORDS) for it in by_name.values())
    fast, mel = (by_name[name].value or 0.0 for name in ("formant_error_fast", "formant_error"))
    assert 0.0 < fast < mel < 2.0
