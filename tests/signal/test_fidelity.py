from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

from affetti.errors import InputError
from affetti.presets import FRONT_ENDS
from affetti.signal import audio
from affetti.signal.fidelity import (
    ONSET_HOP,
    crest_change,
    fidelity,
    inconsistency,
    log_spectral_distance,
    onset_sharpness,
    onsets,
    si_sdr,
    spectral_convergence,
)
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim

RATE = 22_050


def noise(size: int, seed: int = 0) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def plucks(*seconds: float, total: float = 3.0) -> Tensor:
    """Notes that set in at once and die away."""
    wave = 1e-4 * noise(round(total * RATE))
    for at in seconds:
        start = round(at * RATE)
        time = torch.arange(len(wave) - start) / RATE
        wave[start:] += 0.3 * torch.sin(2 * torch.pi * 440 * time) * torch.exp(-8 * time)
    return wave


def test_a_sound_compared_with_itself_has_no_error() -> None:
    result = fidelity(plucks(0.5, 1.2), plucks(0.5, 1.2), RATE)
    assert result.convergence == result.convergence_multi == -200.0
    assert result.log_distance == 0.0
    assert result.sharpness == pytest.approx(1.0)
    assert result.crest == pytest.approx(0.0)
    assert result.si_sdr == 200.0


@pytest.mark.parametrize("gain", [0.5, 0.9, 1.1])
def test_a_gain_is_measured_exactly(gain: float) -> None:
    wave = plucks(0.5, 1.2)
    result = fidelity(wave, gain * wave, RATE)
    assert result.convergence == pytest.approx(20 * np.log10(abs(1 - gain)), abs=1e-3)
    assert result.convergence_multi == pytest.approx(20 * np.log10(abs(1 - gain)), abs=1e-3)
    assert result.sharpness == pytest.approx(1.0, abs=1e-4)
    assert result.crest == pytest.approx(0.0, abs=1e-4)
    assert result.si_sdr > 100


def test_the_log_distance_of_a_gain_is_the_gain() -> None:
    magnitude = 1.0 + noise(2_000).reshape(50, 40).abs()
    assert log_spectral_distance(magnitude, 10 ** (6 / 20) * magnitude) == pytest.approx(6.0, abs=1e-4)


def test_differences_below_the_floor_have_no_distance() -> None:
    magnitude = torch.ones(10, 4)
    magnitude[5:] = 1e-9
    other = magnitude.clone()
    other[5:] = 1e-6
    assert log_spectral_distance(magnitude, other) == 0.0


def test_convergence_is_a_norm_in_decibels() -> None:
    x, y = noise(500).reshape(20, 25).abs(), noise(500, 1).reshape(20, 25).abs()
    wanted = 20 * np.log10(np.linalg.norm(x.numpy() - y.numpy()) / np.linalg.norm(x.numpy()))
    assert spectral_convergence(x, y) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("level", [0.01, 0.3, 3.0])
def test_si_sdr_is_that_of_torchmetrics(level: float) -> None:
    x, y = noise(4_000), noise(4_000) + level * noise(4_000, 1)
    assert si_sdr(x, y) == pytest.approx(float(scale_invariant_signal_distortion_ratio(y, x)), abs=1e-3)
    assert si_sdr(x, 7.0 * y) == pytest.approx(si_sdr(x, y), abs=1e-3)


def test_the_stft_of_a_sound_is_consistent_and_random_phases_are_not() -> None:
    spectrum = stft(plucks(0.5), FRONT_ENDS["paper"])
    spectrum = spectrum[:, : 1 + (spectrum.shape[1] - 1)]
    turned = torch.polar(spectrum.abs(), 6.28 * torch.rand(spectrum.shape, generator=torch.Generator().manual_seed(0)))
    inner = stft(torch.nn.functional.pad(plucks(0.5)[: 512 * 60], (4_096, 4_096)), FRONT_ENDS["paper"])
    assert inconsistency(inner, 512) < 1e-5
    assert 0.5 < inconsistency(turned, 512) < 1.0
    assert inconsistency(3.0 * turned, 512) == pytest.approx(inconsistency(turned, 512), rel=1e-5)


def test_onsets_are_where_notes_set_in() -> None:
    where = (0.5, 1.2, 2.0)
    onset_frames = onsets(plucks(*where), RATE) * ONSET_HOP / RATE
    np.testing.assert_allclose(onset_frames, where, atol=0.008)
    assert len(onsets(1e-3 * noise(RATE), RATE)) == 0
    assert len(onsets(torch.zeros(RATE), RATE)) == 0


def test_smearing_blunts_onsets_and_crests() -> None:
    wave = plucks(0.5, 1.2, 2.0)
    onset_frames = onsets(wave, RATE)
    sharp: list[float] = []
    for size in (0.002, 0.01, 0.05):
        half = round(size * RATE / 2)
        kernel = torch.hann_window(2 * half + 1, periodic=False)
        level = torch.nn.functional.conv1d(wave.abs()[None], kernel[None, None] / kernel.sum(), padding=half)[0]
        smeared = level * torch.sin(2 * torch.pi * 440 * torch.arange(len(wave)) / RATE)
        sharp.append(onset_sharpness(wave, smeared, onset_frames))
    assert sharp == sorted(sharp, reverse=True)
    assert sharp[-1] < 0.4


def test_the_crest_of_a_click_and_of_a_square() -> None:
    # A click of one sample in 661 has a crest of √661, a square wave one of 1.
    click, square = torch.zeros(2_000), torch.ones(2_000)
    click[0] = 1.0
    size = round(0.03 * RATE)
    assert crest_change(square, click, np.array([0]), RATE) == pytest.approx(10 * np.log10(size), abs=1e-3)


def test_iterations_come_nearer_on_a_recording(data: Path) -> None:
    wave = audio.load(next((data / "open/librosa_audio").glob("Kevin*.ogg")), RATE)[10 * RATE :][: 512 * 200]
    magnitude = stft(wave, FRONT_ENDS["paper"]).abs()
    few, many = (fidelity(wave, griffin_lim(magnitude, n, start="random"), RATE) for n in (0, 32))
    assert many.convergence < few.convergence - 10
    assert many.convergence_multi < few.convergence_multi - 5
    assert many.log_distance < few.log_distance
    assert many.sharpness is not None and few.sharpness is not None
    assert few.sharpness < many.sharpness < 1.1


@pytest.mark.parametrize(
    ("reference", "estimate"),
    [
        (torch.ones(5_000), torch.ones(5_001)),
        (torch.ones(1, 5_000), torch.ones(1, 5_000)),
        (torch.ones(100), torch.ones(100)),
        (torch.zeros(5_000), torch.ones(5_000)),
        (torch.ones(5_000), torch.full((5_000,), torch.nan)),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(reference: Tensor, estimate: Tensor) -> None:
    with pytest.raises(InputError):
        fidelity(reference, estimate, RATE)


@pytest.mark.parametrize(
    "bad", [torch.ones(257, 9), torch.zeros(257, 9, dtype=torch.cfloat), torch.ones(257, dtype=torch.cfloat)]
)
def test_invalid_spectrograms_have_no_inconsistency(bad: Tensor) -> None:
    with pytest.raises(InputError, match="spectrogram"):
        inconsistency(bad, 128)
