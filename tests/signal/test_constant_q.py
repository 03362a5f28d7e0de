from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from affetti.compose import compose, render
from affetti.errors import InputError, UsageError
from affetti.presets import C1, CONSTANT_Q_FRONT_ENDS, ConstantQFrontEnd, quality_factor
from affetti.signal import audio
from affetti.signal.constant_q import ConstantQSpectrogram, constant_q, constant_q_filters
from affetti.signal.mel import stft

RATE = 22_050
Q = quality_factor(12)
CQT, TINY = CONSTANT_Q_FRONT_ENDS["cqt"], CONSTANT_Q_FRONT_ENDS["cqt-tiny"]


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
    differences: list[float] = []
    for k in range(0, 84, 7):
        for frame in (20, 57, 300, 400):
            expected = by_definition(wave, C1 * 2 ** ((k + tuning) / 12), 512 * frame, scale)
            if expected > 0.05 * ours.max():
                differences.append(abs(20 * np.log10(ours[k, frame] / expected)))
    # Windows have a whole number of samples, of 48 at least.
    assert max(differences) < 1.0
    assert np.median(differences) < 0.15


def by_librosa(wave: NDArray[np.float32], front: ConstantQFrontEnd, sparsity: float = 0.0) -> NDArray[np.floating]:
    settings = {"fmin": front.f_min, "n_bins": front.n_bins, "bins_per_octave": front.bins_per_octave}
    return np.abs(
        librosa.cqt(wave, sr=front.sample_rate, hop_length=front.hop_length, tuning=0, sparsity=sparsity, **settings)
    )


FRONTS = {
    **CONSTANT_Q_FRONT_ENDS,
    "a third of a semitone": ConstantQFrontEnd(f_min=110.0, n_bins=100, bins_per_octave=36),
    "an odd hop": ConstantQFrontEnd(hop_length=441, f_min=220.0, n_bins=40),
    "another rate": ConstantQFrontEnd(sample_rate=16_000, hop_length=256, n_bins=84),
}


@pytest.mark.parametrize("name", FRONTS)
def test_it_is_that_of_librosa(song: NDArray[np.float32], name: str) -> None:
    front = FRONTS[name]
    ours = ConstantQSpectrogram(front)(torch.from_numpy(song)).numpy()
    theirs = librosa.amplitude_to_db(by_librosa(song, front), ref=1.0)
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs)
    assert difference[theirs > theirs.max() - 40].max() < 0.1
    assert np.quantile(difference[theirs > theirs.max() - 60], 0.99) < 0.1
    assert ours.min() == pytest.approx(theirs.min(), abs=0.01)  # both end 80 dB under the maximum


def test_librosas_own_approximation_is_farther_from_librosa_than_this(song: NDArray[np.float32]) -> None:
    exact, sparse = by_librosa(song, TINY), by_librosa(song, TINY, sparsity=0.01)
    ours = ConstantQSpectrogram(TINY)(torch.from_numpy(song)).numpy()
    loud = exact > exact.max() / 100
    off = [np.abs(20 * np.log10(exact[loud]) - levels[loud]) for levels in (20 * np.log10(sparse), ours)]
    assert np.quantile(off[1], 0.99) < 0.1 * np.quantile(off[0], 0.99)


def test_recordings_are_those_of_librosa(data: Path) -> None:
    for name in ("open/librosa_audio/Hungarian*.ogg", "open/librosa_audio/Kevin*.ogg"):
        wave = audio.load(next(data.glob(name)), RATE)[: 8 * RATE]
        for front in (CQT, TINY):
            theirs = librosa.amplitude_to_db(by_librosa(wave.numpy(), front), ref=1.0)
            difference = np.abs(ConstantQSpectrogram(front)(wave).numpy() - theirs)
            assert np.quantile(difference[theirs > theirs.max() - 40], 0.999) < 0.1


@pytest.mark.parametrize("front", [CQT, TINY])
def test_filters_tell_the_power_of_steady_sounds(front: ConstantQFrontEnd) -> None:
    """Of a tone between two bins, and on average of noise, from the linear spectrum alone."""
    seconds = torch.arange(4 * RATE) / RATE
    tone = torch.sin(2 * torch.pi * 1_500.0 * seconds)
    noise = 0.1 * torch.randn(20 * RATE, generator=torch.Generator().manual_seed(0))
    filters = torch.from_numpy(constant_q_filters(front)).float()
    for sound, inner, tolerance in ((tone, slice(20, -20), 0.6), (noise, slice(20, -20), 1.0)):
        power = stft(sound, front).abs().square()[:, inner].mean(dim=1)
        exact = constant_q(
            sound, RATE, f_min=front.f_min, n_bins=front.n_bins, hop_length=front.hop_length
        ).square()[:, inner].mean(dim=1)  # fmt: skip
        loud = exact > exact.max() / 10
        difference = 10 * torch.log10((filters @ power)[loud] / exact[loud])
        assert float(difference.abs().quantile(0.9)) < tolerance
        assert abs(float(difference.mean())) < 0.3


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
    assert float((odd - even).abs().max() / even.max()) < 0.025


def test_invalid_input_is_one_clear_error() -> None:
    with pytest.raises(InputError, match=r"8000 samples a second are too few for 84 bins.*Resample to 82"):
        constant_q(torch.zeros(8_000), 8_000)
    with pytest.raises(InputError, match=r"a waveform of shape \(0,\)"):
        constant_q(torch.zeros(0), RATE)
    with pytest.raises(UsageError, match="0 bins, 12 an octave"):
        constant_q(torch.zeros(10), RATE, n_bins=0)
    with pytest.raises(UsageError, match="a lowest bin at 0 Hz"):
        constant_q(torch.zeros(10), RATE, f_min=0)
