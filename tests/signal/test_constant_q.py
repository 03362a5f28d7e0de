from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from affetti.compose import compose, render
from affetti.errors import InputError, UsageError
from affetti.signal.constant_q import C1, Q, constant_q

RATE = 22_050


@pytest.fixture(scope="module")
def song() -> NDArray[np.float32]:
    return render(compose(0, 1, keys=12), RATE)[: 10 * RATE]


def by_definition(wave: NDArray[np.float64], frequency: float, centre: int, scale: float) -> float:
    length = scale * Q * RATE / frequency
    n = np.arange(-int(length / 2) - 1, int(length / 2) + 2)
    window = np.where(np.abs(n) < length / 2, 0.5 + 0.5 * np.cos(2 * np.pi * n / length), 0.0)
    padded = np.pad(wave, RATE)
    total = np.sum(padded[centre + RATE + n] * window * np.exp(-2j * np.pi * frequency * n / RATE))
    return float(np.abs(total) * np.sqrt(length) / window.sum())


@pytest.mark.parametrize(("scale", "tuning"), [(1.0, 0.0), (2.0, -0.3)])
def test_it_is_the_sum_of_its_definition(song: NDArray[np.float32], scale: float, tuning: float) -> None:
    ours = constant_q(torch.from_numpy(song), RATE, hop_length=512, filter_scale=scale, tuning=tuning).numpy()
    wave = song.astype(np.float64)
    for k in range(0, 84, 7):
        for frame in (20, 57, 300, 400):
            expected = by_definition(wave, C1 * 2 ** ((k + tuning) / 12), 512 * frame, scale)
            if expected > 0.05 * ours.max():
                assert abs(20 * np.log10(ours[k, frame] / expected)) < 0.1


def test_it_is_that_of_librosa(song: NDArray[np.float32]) -> None:
    """librosa itself lies up to half a decibel off the definition, since its kernels are of whole samples."""
    ours = constant_q(torch.from_numpy(song), RATE).numpy()
    theirs = np.abs(librosa.cqt(song, sr=RATE, hop_length=1024, n_bins=84, sparsity=0, tuning=0, pad_mode="constant"))
    assert ours.shape == theirs.shape
    loud = theirs > theirs.max() / 10
    difference = np.abs(20 * np.log10(ours[loud] / theirs[loud]))
    assert np.median(difference) < 0.25
    assert np.quantile(difference, 0.95) < 1.0


def test_a_tone_lies_in_its_bin_and_with_longer_kernels_there_alone() -> None:
    tone = torch.sin(2 * torch.pi * C1 * 2 ** (40 / 12) * torch.arange(2 * RATE) / RATE)
    for scale, neighbour in ((1.0, 0.5), (2.0, 0.0)):
        column = constant_q(tone, RATE, filter_scale=scale)[:, 20]
        assert int(column.argmax()) == 40
        assert float(column[41] / column[40]) == pytest.approx(neighbour, abs=0.08)


def test_it_is_linear_in_level_and_treats_clips_of_a_batch_alone(song: NDArray[np.float32]) -> None:
    two = torch.from_numpy(np.stack([song[:RATE], song[RATE : 2 * RATE]]))
    both = constant_q(two, RATE)
    torch.testing.assert_close(both[1], constant_q(two[1], RATE))
    torch.testing.assert_close(constant_q(3 * two, RATE), 3 * both)


@pytest.mark.parametrize("samples", [1, 1023, 1024, 5_000])
def test_short_clips_are_padded(samples: int) -> None:
    sound = constant_q(torch.ones(samples), RATE)
    assert sound.shape == (84, 1 + samples // 1024)
    assert torch.isfinite(sound).all()


def test_an_odd_hop_gives_the_same_magnitudes_as_an_even_one(song: NDArray[np.float32]) -> None:
    wave = torch.from_numpy(song[: 2 * RATE])
    odd = constant_q(wave, RATE, hop_length=999)[:, 10]
    even = constant_q(wave[9990 - 9 * 1024 :], RATE, hop_length=1024)[:, 9]
    assert float((odd - even).abs().max() / even.max()) < 0.02


def test_invalid_input_is_one_clear_error() -> None:
    with pytest.raises(InputError, match=r"8000 samples a second are too few for 7 octaves.*Resample to 9088"):
        constant_q(torch.zeros(8_000), 8_000)
    with pytest.raises(InputError, match=r"a waveform of shape \(0,\)"):
        constant_q(torch.zeros(0), RATE)
    with pytest.raises(UsageError, match="0 octaves"):
        constant_q(torch.zeros(10), RATE, octaves=0)
