from __future__ import annotations

import pytest
import torch

from affetti.models.generators.gan import Gan, GanConfig
from affetti.models.generators.published_gan import PublishedDiscriminator, PublishedGenerator, grids


def test_the_grids_are_the_studys() -> None:
    assert grids((128, 1292)) == [(8, 81), (16, 162), (32, 323), (64, 646), (128, 1292)]


def test_the_layers_are_the_studys() -> None:
    model = Gan((128, 1292), GanConfig(recipe="published"))
    generator = model.generator
    assert isinstance(generator, PublishedGenerator)
    assert generator.enter.in_features == 356
    assert generator.enter.out_features == 256 * 8 * 81
    assert all((up.kernel_size, up.stride) == ((4, 4), (2, 2)) for up in generator.ups)
    discriminator = model.discriminator()
    assert isinstance(discriminator, PublishedDiscriminator)
    assert [conv.out_channels for conv in discriminator.convs] == [32, 64, 128, 256]
    assert discriminator.convs[0].in_channels == 2, "the condition lies beside the spectrogram"
    assert all(conv.stride == (2, 2) for conv in discriminator.convs)
    assert 3e6 < sum(value.numel() for value in discriminator.parameters()) < 6e6, "the study's has about 5 million"


@pytest.mark.parametrize("shape", [(64, 128), (33, 49), (16, 16)])
def test_any_shape_can_be_generated_and_discriminated(shape: tuple[int, int]) -> None:
    generator, discriminator = PublishedGenerator(shape, 20), PublishedDiscriminator(shape)
    x = generator(torch.randn(3, 20))
    assert x.shape == (3, *shape)
    assert float(x.detach().abs().max()) <= 4
    assert discriminator(x, torch.rand(3, 2)).shape == (3,)
