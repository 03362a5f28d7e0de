from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from tests.material import mels, present

from affetti.models.generators.patch_pca import PatchPCA

SHAPE = (16, 32)


def normal(count: int, shape: tuple[int, int], seed: int = 0) -> torch.Tensor:
    return (mels(count, shape, seed) + 40) / 15


def cut(x: torch.Tensor, patch: int) -> np.ndarray:
    """Patches by plain loops."""
    result = [
        x[:, i : i + patch, j : j + patch].reshape(len(x), -1)
        for i in range(0, x.shape[1], patch)
        for j in range(0, x.shape[2], patch)
    ]
    return torch.stack(result, dim=1).reshape(-1, patch**2).double().numpy()


def test_all_components_lose_nothing() -> None:
    x = normal(30, SHAPE)
    latent = PatchPCA(SHAPE, 4, 16)
    assert latent.fit(x) == pytest.approx(1)
    torch.testing.assert_close(latent.decode(latent.encode(x)), x, rtol=0, atol=1e-4)


def test_it_is_scikit_learns_pca_of_the_patches() -> None:
    x, witness = normal(30, SHAPE), PCA(5, svd_solver="full")
    coordinates = witness.fit_transform(cut(x, 4))
    latent = PatchPCA(SHAPE, 4, 5)
    assert latent.fit(x) == pytest.approx(witness.explained_variance_ratio_.sum(), rel=1e-6)
    np.testing.assert_allclose(latent.scale, np.sqrt(witness.explained_variance_), rtol=1e-4)
    np.testing.assert_allclose(np.abs(latent.basis.numpy() @ present(witness.components_).T), np.eye(5), atol=1e-4)
    encoded = latent.encode(x).flatten(2).transpose(1, 2).reshape(-1, 5).numpy()
    np.testing.assert_allclose(
        np.abs(encoded), np.abs(coordinates) / np.sqrt(witness.explained_variance_), rtol=0, atol=1e-3
    )


def test_latents_of_the_training_clips_are_white() -> None:
    x = normal(40, SHAPE)
    latent = PatchPCA(SHAPE, 4, 6)
    latent.fit(x)
    channels = latent.encode(x).transpose(0, 1).flatten(1)
    torch.testing.assert_close(torch.cov(channels), torch.eye(6), rtol=0, atol=1e-3)
    assert channels.mean(dim=1).abs().max() < 1e-3


def test_decoding_restores_clips_from_any_latent() -> None:
    latent = PatchPCA(SHAPE, 4, 6)
    latent.fit(normal(30, SHAPE))
    z = torch.randn(3, *latent.latent_shape)
    torch.testing.assert_close(latent.encode(latent.decode(z)), z, rtol=0, atol=1e-3)


@pytest.mark.parametrize("shape", [(128, 1292), (64, 128), (13, 27), (7, 5)])
def test_shapes_that_do_not_divide_are_padded(shape: tuple[int, int]) -> None:
    x = normal(9, shape)
    latent = PatchPCA(shape, 8, 64)
    latent.fit(x)
    assert latent.latent_shape == (64, -(-shape[0] // 8), -(-shape[1] // 8))
    back = latent.decode(latent.encode(x))
    assert back.shape == x.shape
    # Patches of padding alone leave some components without variance; those are held at a least scale.
    torch.testing.assert_close(back, x, rtol=0, atol=2e-3)


def test_fitting_again_gives_the_same_basis() -> None:
    x = normal(30, SHAPE)
    first, second = PatchPCA(SHAPE, 4, 6), PatchPCA(SHAPE, 4, 6)
    first.fit(x)
    second.fit(x.flip(0))
    torch.testing.assert_close(first.basis, second.basis, rtol=0, atol=1e-5)
