from __future__ import annotations

from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from affetti.presets import mel_front_end
from affetti.signal.inversion import nnls_of_bands
from affetti.signal.mel import mel_filters, stft
from affetti.studies.audit.resynthesis.band_scales import BandScale, equal_width_filters, through_bands

FRONT = replace(mel_front_end("tiny"), n_mels=128)
BIN_HZ = FRONT.sample_rate / FRONT.n_fft


def sweep(seconds: float = 1.0) -> torch.Tensor:
    time = np.arange(round(seconds * FRONT.sample_rate)) / FRONT.sample_rate
    return torch.from_numpy(0.3 * np.sin(2 * np.pi * (200 + 1500 * time) * time)).float()


def test_bands_of_equal_width_have_centres_as_far_apart_and_unit_area() -> None:
    filters = equal_width_filters(FRONT)
    assert filters.shape == (128, 1 + FRONT.n_fft // 2)
    hertz = np.arange(filters.shape[1]) * BIN_HZ
    centres = filters @ hertz / filters.sum(axis=1)
    width = (FRONT.f_max - FRONT.f_min) / 129
    np.testing.assert_allclose(np.diff(centres), width, rtol=0.2)
    np.testing.assert_allclose(filters.sum(axis=1) * BIN_HZ, 1.0, rtol=0.1)
    assert not filters[:, hertz < FRONT.f_min].any() and not filters[:, hertz > FRONT.f_max].any()


def test_below_a_kilohertz_they_are_librosas_mel_bands_whose_scale_is_linear_there() -> None:
    """An independent witness: Slaney's mel scale is linear up to 1 kHz, so that mel bands there are equal in width."""
    front = replace(FRONT, n_mels=24, f_min=0.0, f_max=1_000.0)
    expected = librosa.filters.mel(sr=front.sample_rate, n_fft=front.n_fft, n_mels=24, fmin=0.0, fmax=1_000.0)
    np.testing.assert_allclose(equal_width_filters(front), expected, rtol=1e-4, atol=1e-7)


def test_magnitudes_from_bands_approach_the_least_squares_of_scipy() -> None:
    front = replace(FRONT, n_fft=256, n_mels=16, hop_length=64)
    rng = np.random.default_rng(0)
    filters = torch.from_numpy(equal_width_filters(front)).float()
    power = filters @ torch.from_numpy(rng.random((filters.shape[1], 1))).float() ** 2
    area = filters.sum(dim=1, keepdim=True)
    weights, bands = (filters / area).double().numpy(), torch.sqrt(power / area).double().numpy()[:, 0]
    _, least = nnls(weights, bands)
    far = nnls_of_bands(power, filters, 2).double().numpy()[:, 0]
    near = nnls_of_bands(power, filters, 5_000).double().numpy()[:, 0]
    errors = [float(np.linalg.norm(weights @ magnitude - bands)) for magnitude in (far, near)]
    assert least <= errors[1] + 1e-6 < errors[0]
    assert errors[1] == pytest.approx(least, abs=0.01 * float(np.linalg.norm(bands)))


def test_the_logarithm_costs_nothing_over_its_floor() -> None:
    noise = 0.1 * torch.randn(FRONT.sample_rate, generator=torch.Generator().manual_seed(0))
    scales: tuple[BandScale, BandScale] = ("mel", "magnitudes")
    with_log, without = (through_bands(noise, FRONT, scale, 2) for scale in scales)
    np.testing.assert_allclose(with_log.numpy(), without.numpy(), atol=1e-3)
    # Under it, it does: a sweep leaves most bands and frames more than 80 dB below its loudest.
    tone = torch.cat([sweep(), 1e-5 * noise])
    quiet = [through_bands(tone, FRONT, scale, 2)[-8_000:].square().mean() for scale in scales]
    assert quiet[0] > 2 * quiet[1]


@pytest.mark.parametrize("scale", ["mel", "equal", "magnitudes"])
def test_silence_and_short_sounds_come_back_finite(scale: BandScale) -> None:
    for wave in (torch.zeros(8_192), sweep(0.2)):
        back = through_bands(wave, FRONT, scale, 2)
        assert torch.isfinite(back).all()
        assert len(back) == FRONT.hop_length * (len(wave) // FRONT.hop_length)


def test_a_level_that_bands_show_comes_back() -> None:
    wave = sweep()
    bands: dict[BandScale, np.ndarray] = {"equal": equal_width_filters(FRONT), "mel": mel_filters(FRONT)}
    for scale, filters in bands.items():
        back = through_bands(wave, FRONT, scale, 16)
        before, after = (torch.from_numpy(filters).float() @ stft(x, FRONT).abs() ** 2 for x in (wave, back))
        assert float(after.sum() / before.sum()) == pytest.approx(1.0, abs=0.35)
