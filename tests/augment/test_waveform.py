from __future__ import annotations

import numpy as np
import pytest

from affetti.augment import waveform
from affetti.augment.warp import SAFE_RATE, SAFE_SEMITONES
from affetti.errors import MissingDependencyError, UsageError

RATE = 22_050


def strongest(sound: np.ndarray) -> float:
    """Frequency of the highest peak of the spectrum, Hz."""
    middle = sound[RATE // 2 : -RATE // 2]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 8 * len(middle)))
    return float(spectrum.argmax() * RATE / (8 * len(middle)))


def test_amounts_stay_within_the_limits_in_which_labels_hold_and_depend_on_the_seed_alone() -> None:
    rates = [waveform.draw_amount("stretch", np.random.default_rng(i)) for i in range(300)]
    shifts = [waveform.draw_amount("shift", np.random.default_rng(i)) for i in range(300)]
    assert 1 / SAFE_RATE <= min(rates) < 0.96 < 1.04 < max(rates) <= SAFE_RATE
    assert -SAFE_SEMITONES <= min(shifts) < -0.9 < 0.9 < max(shifts) <= SAFE_SEMITONES
    assert rates[3] == waveform.draw_amount("stretch", np.random.default_rng(3))
    with pytest.raises(UsageError, match="unknown change 'reverb'"):
        waveform.draw_amount("reverb", np.random.default_rng(0))


def test_a_shift_moves_a_tone_and_a_stretch_does_not() -> None:
    pytest.importorskip("audiomentations", reason="the extra augment is not installed")
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    higher = waveform.augment_waveform(tone, RATE, "shift", 1.0)
    faster = waveform.augment_waveform(tone, RATE, "stretch", 1.05)
    assert higher.dtype == faster.dtype == np.float32
    assert len(higher) == len(faster) == len(tone)
    assert abs(strongest(higher) - 440 * 2 ** (1 / 12)) < 2
    assert abs(strongest(faster) - 440) < 2
    with pytest.raises(UsageError, match="unknown change"):
        waveform.augment_waveform(tone, RATE, "reverb", 1.0)


def test_a_missing_library_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waveform, "is_available", lambda: False)
    with pytest.raises(MissingDependencyError, match=r"affetti\[augment\]"):
        waveform.load_audiomentations()
