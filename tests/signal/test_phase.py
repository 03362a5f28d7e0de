from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from affetti.errors import InputError, UsageError
from affetti.presets import FRONT_ENDS
from affetti.signal import audio
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim


def convergence(wave: NDArray[np.float32], target: NDArray[np.float32], hop: int) -> float:
    """Spectral convergence in dB, by librosa's STFT; less is better."""
    reached = np.abs(librosa.stft(wave, n_fft=2 * (len(target) - 1), hop_length=hop))
    return float(20 * np.log10(np.linalg.norm(reached - target) / np.linalg.norm(target)))


@pytest.fixture(scope="module")
def magnitude(data: Path) -> NDArray[np.float32]:
    wave = audio.load(next((data / "open/librosa_audio").glob("Kevin*.ogg")), 22_050)[10 * 22_050 : 12 * 22_050]
    return stft(wave, FRONT_ENDS["paper"]).abs().numpy()


def test_it_converges_by_ten_decibels_and_more(magnitude: NDArray[np.float32]) -> None:
    start = convergence(griffin_lim(magnitude, 0, start="random").numpy(), magnitude, 512)
    end = convergence(griffin_lim(magnitude, 32, start="random").numpy(), magnitude, 512)
    assert end < start - 10


def test_from_a_random_start_it_is_what_librosa_computes(magnitude: NDArray[np.float32]) -> None:
    fast = convergence(griffin_lim(magnitude, 32, start="random").numpy(), magnitude, 512)
    plain = convergence(griffin_lim(magnitude, 32, momentum=0.0, start="random").numpy(), magnitude, 512)
    theirs = librosa.griffinlim(magnitude, n_iter=32, hop_length=512, random_state=0)
    assert fast < plain
    assert abs(fast - convergence(theirs, magnitude, 512)) < 1.0


def test_starting_from_slopes_saves_two_dozen_iterations(magnitude: NDArray[np.float32]) -> None:
    theirs = librosa.griffinlim(magnitude, n_iter=32, hop_length=512, random_state=0)
    assert convergence(griffin_lim(magnitude, 8).numpy(), magnitude, 512) < convergence(theirs, magnitude, 512)


@pytest.mark.parametrize(("hop", "frames"), [(512, 33), (500, 33), (300, 20), (1_024, 70), (700, 5)])
def test_no_iteration_is_the_inverse_stft(hop: int, frames: int) -> None:
    magnitude = torch.rand(1_025, frames, generator=torch.Generator().manual_seed(0))
    phase = 2 * torch.pi * torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(3))
    wave = griffin_lim(magnitude, 0, hop, seed=3, start="random")
    window, length = torch.hann_window(2_048), hop * (frames - 1)
    torch_says = torch.istft(torch.polar(magnitude, phase), 2_048, hop, window=window, length=length)
    # At the edges of a few samples the window is next to nothing, and so is what both divide by.
    torch.testing.assert_close(wave, torch_says, atol=1e-5, rtol=1e-4)


def test_a_decaying_tone_is_reconstructed() -> None:
    time = torch.arange(512 * 40) / 22_050
    wave = 0.5 * torch.sin(2 * torch.pi * 440 * time) * torch.exp(-time)
    magnitude = stft(wave, FRONT_ENDS["paper"]).abs().numpy()
    assert convergence(griffin_lim(magnitude, 60).numpy(), magnitude, 512) < -40


@pytest.mark.parametrize(
    ("frames", "hop", "bins"), [(2, 512, 1_025), (130, 512, 1_025), (20, 1_024, 1_025), (50, 128, 257)]
)
def test_the_length_is_exact(frames: int, hop: int, bins: int) -> None:
    wave = griffin_lim(torch.rand(bins, frames, generator=torch.Generator().manual_seed(0)), 2, hop)
    assert wave.shape == (hop * (frames - 1),)
    assert wave.dtype == torch.float32


def test_the_seed_decides_the_phase() -> None:
    target = torch.rand(257, 20, generator=torch.Generator().manual_seed(0))
    first, again, other = (griffin_lim(target, 4, 128, seed=seed, start="random") for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-3)


def test_the_slopes_need_no_seed() -> None:
    target = torch.rand(257, 20, generator=torch.Generator().manual_seed(0))
    assert torch.equal(griffin_lim(target, 4, 128, seed=1), griffin_lim(target, 4, 128, seed=2))


@pytest.mark.parametrize(("hop", "start"), [(0, "random"), (257, "random"), (-1, "gradient"), (128, "heap")])
def test_invalid_input_is_refused(hop: int, start: str) -> None:
    with pytest.raises(UsageError, match=r"hop_length|start"):
        griffin_lim(np.ones((257, 9)), 1, hop, start=start)  # type: ignore[arg-type]


def test_silence_stays_silent() -> None:
    assert not griffin_lim(np.zeros((257, 9), np.float32), 4, 128).any()


def test_an_array_a_tensor_and_a_read_only_array_are_the_same() -> None:
    target = np.random.default_rng(0).random((257, 9))
    frozen = target.astype(np.float32)
    frozen.setflags(write=False)
    waves = [griffin_lim(given, 3, 128) for given in (target, torch.from_numpy(target), frozen)]
    assert torch.equal(waves[0], waves[1])
    assert torch.equal(waves[0], waves[2])


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros(257),
        np.zeros((257, 1)),
        np.zeros((1, 9)),
        np.zeros((1, 257, 9)),
        -np.ones((257, 9)),
        np.full((257, 9), np.nan),
        np.full((257, 9), np.inf),
    ],
)
def test_invalid_magnitudes_are_refused(bad: NDArray[np.float64]) -> None:
    with pytest.raises(InputError, match="magnitude"):
        griffin_lim(bad)
