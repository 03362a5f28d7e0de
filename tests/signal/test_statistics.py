from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.signal import get_window

from affetti.errors import InputError
from affetti.signal.statistics import N_BAND_GROUPS, N_OCTAVES, mel_statistics, modulation_spectrum


def mels(bands: int = 64, frames: int = 128, items: int = 3) -> torch.Tensor:
    return -40 + 10 * torch.randn(items, bands, frames, generator=torch.Generator().manual_seed(0))


def test_the_first_three_parts_are_numpys() -> None:
    mel = mels()
    x = mel.numpy().astype(np.float64)
    expected = np.concatenate([x.mean(2), x.std(2, ddof=1), np.diff(x, axis=2).std(2, ddof=1)], axis=1)
    made = mel_statistics(mel)
    assert made.shape == (3, 3 * 64 + N_BAND_GROUPS * N_OCTAVES)
    assert made.dtype == torch.float32
    np.testing.assert_allclose(made[:, : 3 * 64].numpy(), expected, atol=1e-3)


def test_the_modulation_spectrum_is_numpys() -> None:
    mel = mels()
    x = np.stack(
        [group.mean(axis=1) for group in np.array_split(mel.numpy().astype(np.float64), N_BAND_GROUPS, axis=1)], axis=1
    )
    x = (x - x.mean(axis=2, keepdims=True)) * get_window("hann", 128)
    power = np.abs(np.fft.rfft(x)) ** 2 / 128
    edges = [64, 32, 16, 8, 4, 2, 1]
    octaves = [power[..., low : high + 1].mean(axis=2) for high, low in pairwise(edges[:-1])]
    octaves.append(power[..., 1 : edges[-2] + 1].mean(axis=2))
    np.testing.assert_allclose(modulation_spectrum(mel).numpy(), 10 * np.log10(np.stack(octaves, axis=2)), atol=1e-3)


@pytest.mark.parametrize("octave", range(N_OCTAVES - 1))
@pytest.mark.parametrize("group", [0, 5])
def test_a_swell_shows_in_its_octave_and_its_group(octave: int, group: int) -> None:
    cycles = 48 / 2**octave  # the middle of (2^-k-1, 2^-k] of 64
    swell = 10 * torch.sin(2 * torch.pi * cycles * torch.arange(128) / 128)
    mel = torch.zeros(1, 64, 128)
    mel[0, group * 8 : (group + 1) * 8] = swell
    spectrum = modulation_spectrum(mel)[0]
    assert divmod(int(spectrum.argmax()), N_OCTAVES) == (group, octave)
    assert float(spectrum[[g for g in range(N_BAND_GROUPS) if g != group]].max()) == pytest.approx(-60.0)


def test_an_item_does_not_depend_on_its_batch() -> None:
    mel = mels()
    torch.testing.assert_close(mel_statistics(mel)[[2]], mel_statistics(mel[[2]]))


def test_a_shift_of_level_moves_the_means_alone() -> None:
    before, after = mel_statistics(mels()), mel_statistics(mels() + 7.0)
    torch.testing.assert_close(after[:, :64] - before[:, :64], torch.full((3, 64), 7.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(after[:, 64:], before[:, 64:], atol=1e-2, rtol=1e-3)


def test_the_order_of_frames_matters_through_change_alone() -> None:
    mel = mels()
    shuffled = mel[:, :, torch.randperm(128, generator=torch.Generator().manual_seed(1))]
    torch.testing.assert_close(mel_statistics(shuffled)[:, :128], mel_statistics(mel)[:, :128], atol=1e-3, rtol=0)
    assert not torch.allclose(mel_statistics(shuffled)[:, 128:], mel_statistics(mel)[:, 128:], atol=0.1)


@pytest.mark.parametrize(("bands", "frames"), [(8, 4), (9, 5), (128, 1_292)])
def test_small_and_large_shapes_give_finite_numbers(bands: int, frames: int) -> None:
    made = mel_statistics(mels(bands, frames, 2).half())
    assert made.shape == (2, 3 * bands + N_BAND_GROUPS * N_OCTAVES)
    assert bool(torch.isfinite(made).all())


@pytest.mark.parametrize("shape", [(64, 128), (1, 7, 128), (1, 64, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="log-mels of shape"):
        mel_statistics(torch.zeros(shape))
