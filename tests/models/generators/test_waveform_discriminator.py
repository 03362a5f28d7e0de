from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch

from affetti.models.generators.waveform_discriminator import (
    PERIODS,
    WINDOWS,
    DiscriminatorOutput,
    WaveformDiscriminator,
    cut,
    feature_matching,
    folded,
    gradient_penalty,
    relativistic,
    shifted,
    spectrum,
)


def test_every_discriminator_gives_logits_and_features() -> None:
    verdicts = WaveformDiscriminator(4)(torch.randn(3, 5000), torch.rand(3, 2))
    assert len(verdicts) == len(PERIODS) + len(WINDOWS) + 1
    for logits, features, _ in verdicts:
        assert logits.ndim == 2
        assert len(logits) == 3
        assert all(layer.ndim == 4 for layer in features)
    assert verdicts[-1].logits.shape == (3, 1), "the last rates whole clips"
    assert [len(verdict.features) for verdict in verdicts] == [4] * 8 + [1]


def test_a_fold_puts_a_period_in_columns() -> None:
    x = torch.arange(14.0).expand(2, 14)
    image = folded(x, 5)
    assert image.shape == (2, 1, 3, 5)
    assert image[0, 0, :2].tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert image[0, 0, 2].tolist() == [10, 11, 12, 13, 12], "the end is reflected"


def test_the_spectrum_is_librosas() -> None:
    x = np.random.default_rng(0).normal(0, 0.1, 6000).astype(np.float32)
    power = np.abs(librosa.stft(x, n_fft=1024, hop_length=256, pad_mode="reflect")) ** 2
    expected = 1 + np.log(power / 256**2 + 1e-8) / 10
    np.testing.assert_allclose(spectrum(torch.from_numpy(x)[None], 1024)[0, 0].numpy(), expected, atol=1e-3)


def test_a_full_sine_is_one_and_silence_finite() -> None:
    time = torch.arange(8192) / 22_050
    sine = torch.sin(2 * math.pi * 22_050 / 1024 * 50 * time)[None]
    image = spectrum(sine, 1024)
    assert float(image[0, 0, 50, 10:-10].mean()) == pytest.approx(1.0, abs=0.01)
    silence = torch.zeros(1, 4096, requires_grad=True)
    (gradient,) = torch.autograd.grad(spectrum(silence, 512).sum(), silence, create_graph=True)
    assert gradient.isfinite().all()


def test_phase_is_shuffled_by_a_few_samples() -> None:
    torch.manual_seed(0)
    x = torch.arange(50.0).expand(200, 50)
    result = shifted(x, 2)
    assert set(result[:, 10].tolist()) == {8.0, 9.0, 10.0, 11.0, 12.0}
    assert float((result - x).abs().max()) <= 2
    steady = WaveformDiscriminator(4, shuffle=3).eval()
    x = torch.randn(2, 4096)
    assert torch.equal(steady(x, torch.zeros(2, 2))[0][0], steady(x, torch.zeros(2, 2))[0][0]), "only in training"


def test_a_piece_is_cut_anywhere() -> None:
    torch.manual_seed(0)
    result = cut(torch.arange(100.0).expand(500, 100), 10)
    assert (result.diff(dim=1) == 1).all()
    starts = result[:, 0]
    assert (starts.min(), starts.max()) == (0, 90)
    assert 80 < len(starts.unique()) <= 91
    x = torch.randn(2, 8)
    assert cut(x, 10) is x


def test_the_condition_has_an_effect() -> None:
    model, x = WaveformDiscriminator(4).eval(), torch.randn(2, 4096)
    one, other = model(x, torch.zeros(2, 2)), model(x, torch.full((2, 2), 0.7))
    for (a, features_a, _), (b, features_b, _) in zip(one, other, strict=True):
        assert not torch.equal(a, b)
        assert all(torch.equal(f, g) for f, g in zip(features_a, features_b, strict=True)), "by projection alone"


def test_the_losses_in_closed_form() -> None:
    features, image = [torch.randn(4, 3, 5, 5)], torch.zeros(4, 1, 8, 8)
    real, fake = (
        DiscriminatorOutput(torch.randn(4, 9), features, image),
        DiscriminatorOutput(torch.randn(4, 9), features, image),
    )
    expected = np.log1p(np.exp((fake.logits - real.logits).numpy())).mean()
    assert float(relativistic([real] * 2, [fake] * 2)) == pytest.approx(2 * expected, rel=1e-5)
    assert float(feature_matching([real], [fake])) == 0
    order = torch.randperm(4)
    shuffled = fake._replace(features=[features[0][order]])
    assert float(feature_matching([real], [shuffled])) < 1e-6, "only means are matched"
    moved = fake._replace(features=[features[0] + torch.tensor([1.0, 2.0, -3.0])[:, None, None]])
    assert float(feature_matching([real], [moved])) == pytest.approx(2.0), "(1 + 2 + 3) / 3"


def test_the_penalty_of_linear_discriminators_is_half_their_squared_weights() -> None:
    weights = [torch.randn(20, 10), torch.randn(6, 8)]
    images = [torch.randn(5, 1, *weight.shape, requires_grad=True) for weight in weights]
    verdicts = [
        DiscriminatorOutput((image * weight).flatten(1).sum(dim=1, keepdim=True).expand(5, 7), [], image)
        for image, weight in zip(images, weights, strict=True)
    ]
    expected = 0.5 * sum(float(weight.square().sum()) for weight in weights)
    assert float(gradient_penalty(verdicts).detach()) == pytest.approx(expected, rel=1e-5)


def test_the_penalty_hardly_depends_on_the_level() -> None:
    # The same clip 40 dB softer: slopes in the waveform are a hundred times as steep, their penalty ten thousand.
    torch.manual_seed(0)
    model, x = WaveformDiscriminator(4).eval(), 0.3 * torch.randn(2, 8192)
    loud, soft = (
        float(gradient_penalty(model(x * gain, torch.zeros(2, 2), sloped=True)).detach()) for gain in (1, 0.01)
    )
    assert 0.1 < soft / loud < 10


def test_verdicts_are_the_same_with_slopes() -> None:
    model, x = WaveformDiscriminator(4).eval(), torch.randn(2, 8192)
    plain, sloped = model(x, torch.zeros(2, 2)), model(x, torch.zeros(2, 2), sloped=True)
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(plain, sloped, strict=True))


def test_whole_clips_are_compared_with_their_neighbours() -> None:
    # A clip beside three copies of itself is distinguished from the same beside three softer ones; the other
    # discriminators see no odds.
    torch.manual_seed(0)
    model = WaveformDiscriminator(4).eval()
    others = torch.tensor([[0.3], [0.1], [0.03], [0.01]]) * torch.randn(4, 8192)
    condition = torch.zeros(4, 2)
    alone, among = model(others[:1].expand(4, -1), condition), model(others, condition)
    assert not torch.allclose(alone[-1].logits[0], among[-1].logits[0], atol=1e-2)
    assert all(torch.allclose(a.logits[0], b.logits[0], atol=1e-4) for a, b in zip(alone[:-1], among[:-1], strict=True))
