from __future__ import annotations

import torch
from tests.material import mels

from affetti.models.generators.mel_autoencoder import MelAutoencoder

SHAPE = (16, 50)


def test_latents_are_an_eighth_and_halve_twice_more() -> None:
    assert MelAutoencoder((128, 1_292), 8, width=8).latent_shape == (8, 16, 164)
    model = MelAutoencoder(SHAPE, 4, width=8)
    assert model.latent_shape == (4, 2, 8)
    latent = model.encode(torch.randn(3, *SHAPE))
    assert latent.shape == (3, 4, 2, 8)
    assert model.decode(latent).shape == (3, *SHAPE)


def test_measured_latents_have_unit_variance() -> None:
    torch.manual_seed(0)
    model, x = MelAutoencoder(SHAPE, 4, width=8), torch.randn(40, *SHAPE)
    before = model.decode(model.encode(x))
    model.measure(x)
    latent = model.encode(x)
    torch.testing.assert_close(latent.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(latent.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(model.decode(latent), before, atol=1e-4, rtol=1e-4)


def test_training_makes_it_give_back_what_went_in() -> None:
    torch.manual_seed(0)
    x = (mels(16, SHAPE) + 40) / 10
    model = MelAutoencoder(SHAPE, 4, width=16)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    before = (model.decode(model.encode(x)) - x).abs().mean()
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(x).backward()
        optimizer.step()
    assert (model.decode(model.encode(x)) - x).abs().mean() < 0.5 * before


def test_long_clips_are_trained_on_in_crops() -> None:
    model = MelAutoencoder((16, 700), 4, width=8)
    sizes: list[int] = []
    model.encoder.register_forward_pre_hook(lambda _module, given: sizes.append(given[0].shape[-1]))
    model.loss(torch.randn(2, 16, 700)).backward()
    assert sizes == [320]
