from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from affetti.errors import InputError
from affetti.signal.loudness import loudness, match_loudness, normalise_peak, true_peak

RATE = 48_000


def tone(frequency: float = 997.0, level: float = 1.0, seconds: float = 3.0, phase: float = 0.0) -> Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return (level * torch.sin(2 * torch.pi * frequency * time + phase)).float()


@pytest.mark.parametrize("level", [1.0, 0.1, 0.01])
def test_a_tone_of_997_hz_at_full_scale_is_3_lufs_down(level: float) -> None:
    # ITU-R BS.1770-4: a 0 dBFS sine of 997 Hz in one front channel reads -3.01 LKFS.
    assert loudness(tone(level=level), RATE) == pytest.approx(-3.01 + 20 * np.log10(level), abs=0.05)


def test_a_pause_is_not_counted() -> None:
    # The relative gate leaves out what lies 10 LU under the rest; blocks across the edge count a little.
    both = torch.cat([tone(level=0.1, seconds=10), torch.zeros(10 * RATE)])
    assert loudness(both, RATE) == pytest.approx(loudness(tone(level=0.1), RATE), abs=0.2)


def test_silence_has_no_loudness() -> None:
    assert loudness(torch.zeros(RATE), RATE) == -np.inf


def test_the_true_peak_lies_between_the_samples() -> None:
    # A quarter of the sample rate at 45 degrees: no sample exceeds 0.707, the wave reaches 1.
    wave = tone(RATE / 4, phase=torch.pi / 4)
    assert wave.abs().max() == pytest.approx(0.7071, abs=1e-3)
    middle = true_peak(wave * torch.hann_window(len(wave)), RATE)
    assert middle == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("level", [1e-3, 0.5, 30.0])
def test_a_normalised_sound_never_clips(level: float) -> None:
    wave = level * torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    made = normalise_peak(wave, RATE)
    assert true_peak(made, RATE) == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    torch.testing.assert_close(made / made.abs().max(), wave / wave.abs().max())  # scaled, never bent


def test_silence_is_not_blown_up() -> None:
    for quiet in (torch.zeros(RATE), 1e-6 * tone()):
        assert torch.equal(normalise_peak(quiet, RATE), quiet)


def test_matched_sounds_are_equally_loud_and_do_not_clip() -> None:
    click = torch.zeros(2 * RATE)
    click[:: RATE // 4] = 1.0
    waves = [tone(level=0.02), tone(150.0, 0.9), click, torch.zeros(RATE)]
    made = match_loudness(waves, RATE, target=-16.0)
    levels = [loudness(wave, RATE) for wave in made[:3]]
    assert max(levels) - min(levels) < 0.05
    assert max(levels) < -16.0  # the clicks leave no room for more
    assert max(true_peak(wave, RATE) for wave in made) == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert not made[3].any()
    assert loudness(match_loudness([tone()], RATE, target=-30.0)[0], RATE) == pytest.approx(-30.0, abs=0.01)


@pytest.mark.parametrize("measure", [loudness, normalise_peak, true_peak])
@pytest.mark.parametrize("bad", [torch.ones(2, RATE), torch.zeros(0), torch.full((RATE,), torch.nan)])
def test_invalid_sounds_are_refused(measure: object, bad: Tensor) -> None:
    with pytest.raises(InputError, match="waveform of shape"):
        measure(bad, RATE)  # type: ignore[operator]


def test_less_than_a_block_has_no_loudness() -> None:
    with pytest.raises(InputError, match=r"0\.20 s has no loudness\. Give 0\.4 s or more"):
        loudness(tone(seconds=0.2), RATE)
