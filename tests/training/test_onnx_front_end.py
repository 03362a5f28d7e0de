from __future__ import annotations

import pytest
import torch

from affetti.presets import FrontEnd, front_end
from affetti.signal.mel import MelSpectrogram
from affetti.training.onnx_front_end import GraphMel

FRONTS = {
    "tiny": front_end("tiny"),
    "hop that divides no window": FrontEnd(n_fft=1000, hop_length=300, n_mels=40, seconds=1.3),
    "whole band, odd window": FrontEnd(16_000, 405, 135, 32, 0.0, 8_000.0, 1.01),
    "prime window": FrontEnd(16_000, 401, 160, 32, 20.0, 8_000.0, 0.705),
    "one block": FrontEnd(16_000, 256, 256, 24, 20.0, 8_000.0, 0.5, top_db=30.0),
}


@pytest.mark.parametrize("name", FRONTS)
def test_it_is_the_front_end_without_a_fourier_transform(name: str) -> None:
    front = FRONTS[name]
    sound = 0.1 * torch.randn(2, front.samples, generator=torch.Generator().manual_seed(0))
    sound[1] *= torch.linspace(0, 1, front.samples)
    found = GraphMel(front)(sound)
    assert found.shape == (2, *front.shape)
    torch.testing.assert_close(found, MelSpectrogram(front)(sound), atol=1e-3, rtol=0)
