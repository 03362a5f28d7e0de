"""Phase as numbers: closed forms of tones, clicks and noise; silence and level."""

import numpy as np
import pytest
import torch

from affetti.studies.audit.probes.phase_features import HOP, N_BANDS, N_FFT, phase_features, phase_measures

RATE = 22_050
TIME = torch.arange(3 * RATE) / RATE
NOISE = torch.randn(3 * RATE, generator=torch.Generator().manual_seed(0))


def band_of(hertz: float) -> int:
    edges = np.geomspace(60, RATE / 2, N_BANDS + 1)
    return int(np.searchsorted(edges, hertz) - 1)


def test_a_steady_tone_advances_evenly():
    phase, _, complex_ = phase_measures(torch.sin(2 * np.pi * 440 * TIME), RATE)
    assert float(phase[band_of(440)].max()) < 0.01
    assert float(complex_[band_of(440)].max()) < 0.01


def test_an_onset_is_new_and_what_is_held_is_not():
    """From silence to a tone: |A e^{iδ} − 0| / (A + 0) = 1."""
    wave = torch.sin(2 * np.pi * 440 * TIME) * (TIME > 1.0)
    _, _, complex_ = phase_measures(wave, RATE)
    first = int(np.ceil((RATE - N_FFT) / HOP)) - 2  # two frames earlier there is none yet: frames count from the third
    assert float(complex_[band_of(440)][first]) == pytest.approx(1.0, abs=0.05)
    assert float(complex_[band_of(440)][first + 10 :].max()) < 0.01


@pytest.mark.parametrize("offset", [-200, 0, 100, 256])
def test_group_delay_of_a_click_is_its_distance_from_the_middle(offset):
    frame = 40
    wave = torch.zeros(3 * RATE)
    wave[frame * HOP + N_FFT // 2 + offset] = 1.0
    _, delay, _ = phase_measures(wave, RATE)
    np.testing.assert_allclose(delay[:, frame - 2], abs(offset) / N_FFT, atol=1e-3)


def test_crest_skewness_and_kurtosis():
    square = torch.tensor([1.0, -1.0]).repeat(RATE)
    tone = torch.sin(2 * np.pi * 430.664 * TIME)
    sine, noise, square = (phase_features(wave, RATE)[-6:] for wave in (tone, NOISE, square))
    assert sine[:3] == pytest.approx([20 * np.log10(np.sqrt(2)), 0, -1.5], abs=0.02)  # 10 periods a frame
    assert noise[1:3] == pytest.approx([0, 0], abs=0.05)
    assert square[0] == pytest.approx(0, abs=0.02)
    assert square[2] == pytest.approx(-2, abs=0.02)


def test_random_phases_change_them_at_the_same_spectrum():
    """The same magnitudes of the whole clip: a click and noise."""
    click = torch.zeros(2 * RATE)
    click[RATE] = 1.0
    spectrum = torch.fft.rfft(click)
    turned = torch.exp(2j * np.pi * torch.rand(spectrum.shape, generator=torch.Generator().manual_seed(1)))
    turned[0], turned[-1] = 1.0, 1.0
    random = torch.fft.irfft(spectrum * turned, n=2 * RATE)
    torch.testing.assert_close(torch.fft.rfft(random).abs(), spectrum.abs(), atol=1e-4, rtol=1e-3)
    # A whole clip's crest: each clip has its own in frames too.
    assert np.abs(phase_features(click, RATE) - phase_features(random, RATE)).max() > 1


def test_level_and_polarity_do_not_matter_but_for_skewness():
    plain, quiet, turned = (phase_features(gain * NOISE, RATE) for gain in (1.0, 0.01, -1.0))
    np.testing.assert_allclose(plain, quiet, rtol=1e-3, atol=1e-4)
    skewness = len(plain) - 5
    assert turned[skewness] == pytest.approx(-plain[skewness], abs=1e-4)
    rest = np.delete(np.arange(len(plain)), skewness)
    np.testing.assert_allclose(plain[rest], turned[rest], rtol=1e-3, atol=1e-4)


def test_silence_is_zero():
    result = phase_features(torch.zeros(3 * RATE), RATE)
    assert result.shape == (6 * N_BANDS + 6,)
    assert not result.any()
