from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample_poly

from affetti.studies.audit.codec.aliasing import alias_db, peak_amplitude


def tone(hertz: float, rate: int = 44_100, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize("hertz", [12_000.0, 15_000.0, 20_000.0])
def test_a_tone_above_half_the_rate_is_filtered_out(hertz: float) -> None:
    assert alias_db(hertz) < -90


@pytest.mark.parametrize("hertz", [440.0, 5_000.0])
def test_a_tone_in_the_band_stays(hertz: float) -> None:
    assert alias_db(hertz) == pytest.approx(0.0, abs=0.01)


def test_an_alias_would_be_detected() -> None:
    folded = tone(15_000)[::2]  # no filter: the tone comes back at 7,050 Hz
    assert 20 * np.log10(peak_amplitude(folded)) == pytest.approx(0.0, abs=0.05)
    filtered = resample_poly(tone(15_000), 1, 2).astype(np.float32)[500:-500]
    assert 20 * np.log10(peak_amplitude(filtered)) < -40


@pytest.mark.parametrize("level", [1.0, 0.01])
def test_the_loudest_sinusoid_has_its_amplitude(level: float) -> None:
    quiet = 0.1 * tone(3_000)
    assert peak_amplitude((level * (tone(1_000.3) + quiet)).astype(np.float32)) == pytest.approx(level, rel=2e-3)


def test_a_constant_counts_as_silence() -> None:
    assert peak_amplitude(np.full(4_096, 0.5, np.float32)) < 1e-6
