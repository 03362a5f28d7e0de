from __future__ import annotations

import pytest
import torch

from affetti.inference.onnx_front_end import GraphMel
from affetti.presets import MelFrontEnd, mel_front_end
from affetti.signal.mel import MelSpectrogram

FRONTS = {
    "tiny": mel_front_end("tiny"),
    "hop that divides no window": MelFrontEnd(n_fft=1000, hop_length=300, n_mels=40, seconds=1.3),
    "whole band, odd window": MelFrontEnd(
        sample_rate=16_000, n_fft=405, hop_length=135, n_mels=32, f_min=0.0, f_max=8_000.0, seconds=1.01
    ),
    "prime window": MelFrontEnd(
        sample_rate=16_000, n_fft=401, hop_length=160, n_mels=32, f_min=20.0, f_max=8_000.0, seconds=0.705
    ),
    "hop of few divisors": MelFrontEnd(
        sample_rate=16_000, n_fft=512, hop_length=200, n_mels=32, f_min=20.0, f_max=8_000.0, seconds=0.5
    ),
    "hop longer than the window": MelFrontEnd(
        sample_rate=16_000, n_fft=256, hop_length=400, n_mels=24, f_min=20.0, f_max=8_000.0, seconds=0.5
    ),
    "one block": MelFrontEnd(
        sample_rate=16_000, n_fft=256, hop_length=256, n_mels=24, f_min=20.0, f_max=8_000.0, seconds=0.5, top_db=30.0
    ),
}


@pytest.mark.parametrize("name", FRONTS)
def test_it_is_the_front_end_without_a_fourier_transform(name: str) -> None:
    front = FRONTS[name]
    sound = 0.1 * torch.randn(2, front.samples, generator=torch.Generator().manual_seed(0))
    sound[1] *= torch.linspace(0, 1, front.samples)
    result = GraphMel(front)(sound)
    assert result.shape == (2, *front.shape)
    torch.testing.assert_close(result, MelSpectrogram(front)(sound), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("name", "frequencies"), [("paper", 24), ("full-band", 32)])
def test_frequencies_outside_all_bands_are_not_computed(name: str, frequencies: int) -> None:
    # k = r + 64 s, r ≤ 32: of bins up to 743 (8 kHz) or their mirror images from 1,305 on, s = 12 … 19 hold none.
    result = GraphMel(mel_front_end(name))
    assert (result.columns, result.rows) == (32, 64)
    assert result.real.shape == result.imaginary.shape == (33, frequencies, 64)
    assert result.filters.shape == (128, 33 * frequencies)
