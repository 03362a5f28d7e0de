from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from tests.material import mels

from affetti.presets import FRONT_ENDS
from affetti.studies.audit.codec import latents as module
from affetti.studies.audit.codec.latents import PatchLatent, SecondLatent, fit_latents, frames_per_second

FRONT = FRONT_ENDS["paper"]


def log_mels(count: int = 12, frames: int = 130, seed: int = 0) -> NDArray[np.float32]:
    return mels(count, (128, frames), seed).numpy()


def patches_of(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[N, M, F]`` cut into 8 × 8, by numpy alone; M and F multiples of 8."""
    n, m, f = x.shape
    return x.reshape(n, m // 8, 8, f // 8, 8).transpose(0, 1, 3, 2, 4).reshape(-1, 64)


def test_patches_are_principal_components_rounded_to_whole_decibels() -> None:
    x = log_mels(frames=128)
    ours = PatchLatent(x)
    codes = ours.encode(x[0])
    assert codes.shape == (24, 16 * 16)
    reference = PCA(24).fit(patches_of(x).astype(np.float64))
    theirs = reference.transform(patches_of(x[:1]))
    # The sign of a component is arbitrary; what is rounded lies within half a decibel.
    assert np.abs(np.abs(codes.T) - np.abs(theirs)).max() < 0.51
    back = ours.decode(codes, 128)
    best = reference.inverse_transform(theirs)
    lost = np.mean((patches_of(back[None]) - patches_of(x[:1])) ** 2)
    assert lost == pytest.approx(np.mean((best - patches_of(x[:1])) ** 2) + 24 / 64 / 12, rel=0.02)


def test_seconds_hold_twelve_numbers_each() -> None:
    x = log_mels()
    ours = SecondLatent(x, FRONT)
    assert frames_per_second(FRONT) == 43
    codes = ours.encode(x[0])
    assert codes.shape == (12, 4)
    back = ours.decode(codes, 130)
    assert back.shape == (128, 130)
    nothing = x.mean()
    assert np.mean((back - x[0]) ** 2) < 0.5 * np.mean((nothing - x[0]) ** 2)


def test_clips_within_twelve_components_are_restored_up_to_rounding() -> None:
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(6, 128 * 43))
    pieces = (rng.normal(size=(40, 6)) * 30) @ np.linalg.qr(shapes.T)[0].T - 40
    x = pieces.reshape(40, 128, 43).astype(np.float32)
    ours = SecondLatent(x, FRONT)
    back = ours.decode(ours.encode(x[3]), 43)
    # Half a decibel in each of 6 components, spread over all numbers.
    assert np.sum((back - x[3]) ** 2) < 12 * 0.25


def test_with_too_few_clips_there_is_no_latent() -> None:
    assert fit_latents(log_mels(1), FRONT) == {}
    assert fit_latents(log_mels(0), FRONT) == {}
    assert set(fit_latents(log_mels(12), FRONT)) == {"patches", "latent"}


def test_coding_is_repeatable() -> None:
    x = log_mels()
    for make in (PatchLatent, lambda each: SecondLatent(each, FRONT)):
        assert np.array_equal(make(x).encode(x[1]), make(x).encode(x[1]))


def test_more_music_than_is_needed_is_not_all_fitted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    x = log_mels(30)
    monkeypatch.setattr(module, "MAX_FIT_SECONDS", 30)  # of the ninety seconds that there are
    fitted = fit_latents(x, FRONT)
    chosen = PatchLatent(x[np.linspace(0, 29, 9).round().astype(int)])
    assert np.array_equal(fitted["patches"].encode(x[4]), chosen.encode(x[4]))
