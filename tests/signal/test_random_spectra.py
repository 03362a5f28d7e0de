from __future__ import annotations

import numpy as np
import pytest
import torch

from affetti.presets import CONSTANT_Q_FRONT_ENDS, FRONT_ENDS
from affetti.signal.constant_q import constant_q
from affetti.signal.front_ends import band_filters
from affetti.signal.mel import stft
from affetti.signal.random_spectra import LOBE_BINS, random_spectra


@pytest.mark.parametrize("preset", ["tiny", "full-band", "cqt-tiny"])
def test_spectra_are_magnitudes_and_the_seed_decides(preset: str) -> None:
    front = FRONT_ENDS[preset]
    (first, bands), (again, bands_again), (other, _) = (random_spectra(front, 50, seed) for seed in (0, 0, 1))
    assert first.shape == (1_025, 50)
    assert bands.shape == (front.n_bands, 50)
    assert torch.equal(bands, bands_again) and torch.isfinite(bands).all() and (bands >= 0).all()
    assert torch.isfinite(first).all() and (first >= 0).all()
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert (first.sum(dim=0) > 0).all()


def test_a_partial_is_the_lobe_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    # A lone partial without noise, found in the spectrum by its loudest bins, against a sinusoid through the FFT.
    module = __import__("affetti.signal.random_spectra", fromlist=["_"])
    monkeypatch.setattr(module, "MAX_NOTES", 1)
    front = FRONT_ENDS["paper"]
    spectra = np.abs(module._tones(front, 400, module._partials(front, 400, np.random.default_rng(0))))
    window = np.hanning(2_049)[:-1]
    seen = 0
    for frame in spectra:
        if np.count_nonzero(frame) != 2 * LOBE_BINS + 1:
            continue  # a stack of harmonics
        seen += 1
        near = np.flatnonzero(frame)
        candidates = near[LOBE_BINS] + np.linspace(-0.5, 0.5, 201)
        best = min(
            np.linalg.norm(lobe / np.linalg.norm(lobe) - frame[near] / np.linalg.norm(frame[near]))
            for lobe in (
                np.abs(np.fft.fft(window * np.exp(2j * np.pi * place * np.arange(2_048) / 2_048)))[near]
                for place in candidates
            )
        )
        assert best < 0.01
        if seen == 5:
            break
    assert seen == 5


def test_power_in_mel_bands_is_that_of_the_spectra() -> None:
    front = FRONT_ENDS["tiny"]
    magnitude, bands = random_spectra(front, 20)
    torch.testing.assert_close(bands, torch.from_numpy(band_filters(front)).float() @ magnitude.square())


def test_a_partial_in_constant_q_bins_is_that_of_a_tone() -> None:
    # On the scale that the linear spectrum of the same tone has.
    front = CONSTANT_Q_FRONT_ENDS["cqt-tiny"]
    module = __import__("affetti.signal.random_spectra", fromlist=["_"])
    for hertz in (110.0, 452.0, 1_234.5):
        tone = torch.sin(2 * torch.pi * hertz * torch.arange(2 * front.sample_rate) / front.sample_rate)
        partial = module._Partials(np.array([0]), np.array([hertz]), np.array([1.0 + 0j]))
        ours = np.abs(module._constant_q_tones(front, 1, partial))[0]
        linear = np.abs(module._tones(front, 1, partial))[0].max()
        exact = constant_q(tone, front.sample_rate, f_min=front.f_min, n_bins=front.n_bins)[:, 20].numpy()
        spectrum = float(stft(tone, front)[:, 20].abs().max())
        loud = exact > exact.max() / 10
        assert np.abs(20 * np.log10(ours[loud] / linear * spectrum / exact[loud])).max() < 0.3
