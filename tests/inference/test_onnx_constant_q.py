from __future__ import annotations

import numpy as np
import pytest
import torch

from affetti.inference.onnx_constant_q import GraphConstantQ, halving_response
from affetti.presets import ConstantQFrontEnd, front_end
from affetti.signal.constant_q import ConstantQSpectrogram, halved

FRONTS = {
    "cqt-tiny": front_end("cqt-tiny"),
    "an odd hop": ConstantQFrontEnd(hop_length=441, f_min=220.0, n_bins=40, seconds=1.01),
    "decimated first": ConstantQFrontEnd(f_min=110.0, n_bins=40, bins_per_octave=24, seconds=1.0, top_db=50.0),
}


@pytest.mark.parametrize("name", FRONTS)
def test_it_is_the_front_end_without_a_resampler(name: str) -> None:
    front = FRONTS[name]
    assert isinstance(front, ConstantQFrontEnd)
    sound = 0.1 * torch.randn(2, front.samples, generator=torch.Generator().manual_seed(0))
    sound[1] *= torch.linspace(0, 1, front.samples)
    result, expected = GraphConstantQ(front)(sound), ConstantQSpectrogram(front)(sound)
    assert result.shape == (2, *front.shape)
    difference = (result - expected).abs()
    assert float(difference[expected > expected.max() - 50].max()) < 0.01
    assert float(difference.max()) < 0.5  # near the floor, of numbers that nearly cancel


def test_the_impulse_response_is_symmetric_of_unit_gain_and_stops_what_would_alias() -> None:
    weights = halving_response().astype(np.float64)
    assert weights.sum() == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(weights, weights[::-1], atol=1e-6)
    spectrum = np.abs(np.fft.rfft(weights, 4096))
    assert spectrum[:900].min() > 0.99
    assert spectrum[1_150:].max() < 1e-4


@pytest.mark.parametrize("samples", [1, 2, 7, 1_000, 1_001])
def test_a_waveform_is_halved_to_half_its_samples_rounded_up(samples: int) -> None:
    assert halved(np.ones(samples, np.float32)).shape == (-(-samples // 2),)
