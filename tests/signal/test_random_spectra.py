from __future__ import annotations

import numpy as np
import pytest
import torch

from affetti.presets import FRONT_ENDS
from affetti.signal.random_spectra import LOBE_BINS, random_spectra


@pytest.mark.parametrize("preset", ["tiny", "full-band"])
def test_spectra_are_magnitudes_and_the_seed_decides(preset: str) -> None:
    front = FRONT_ENDS[preset]
    first, again, other = (random_spectra(front, 50, seed) for seed in (0, 0, 1))
    assert first.shape == (1_025, 50)
    assert torch.isfinite(first).all() and (first >= 0).all()
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert (first.sum(dim=0) > 0).all()


def test_a_partial_is_the_lobe_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    # A lone partial without noise, found in the spectrum by its loudest bins, against a sinusoid through the FFT.
    module = __import__("affetti.signal.random_spectra", fromlist=["_"])
    monkeypatch.setattr(module, "MAX_NOTES", 1)
    front = FRONT_ENDS["paper"]
    spectra = np.abs(module._tones(front, 400, np.random.default_rng(0)))
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
