from __future__ import annotations

import heapq
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from affetti.presets import FRONT_ENDS
from affetti.signal import audio
from affetti.signal.fidelity import spectral_convergence
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim
from affetti.signal.phase_gradient import integrate, sources

PAPER = FRONT_ENDS["paper"]


def by_heap(magnitude: NDArray[np.float32], quietest: float) -> NDArray[np.intp]:
    """Whence each bin's phase comes, by the heap of Průša & Søndergaard (2016), frame by frame, with a queue."""
    bins, frames = magnitude.shape
    bin_of = np.empty((bins, frames), dtype=np.intp)
    for n in range(frames):
        now = magnitude[:, n]
        before = magnitude[:, n - 1] if n else np.zeros(bins, np.float32)
        source = np.full(bins, -1)
        # (-magnitude, bin, whether it lies in the frame before)
        queue = [(-before[k], k, True) for k in range(bins) if before[k] > quietest]
        heapq.heapify(queue)
        if not queue:
            queue = [(0.0, int(now.argmax()), True)]
        while queue:
            _, k, past = heapq.heappop(queue)
            reached = [k] if past else [k - 1, k + 1]
            for other in reached:
                if 0 <= other < bins and source[other] < 0:
                    source[other] = other if past else source[k]
                    heapq.heappush(queue, (-max(now[other], quietest), other, False))
        bin_of[:, n] = source
    return bin_of


@pytest.mark.parametrize("seed", range(8))
def test_every_bin_is_reached_as_the_heap_reaches_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    magnitude = np.exp(3 * rng.normal(size=(40, 30))).astype(np.float32)
    if seed % 2:  # rough and smooth
        magnitude = np.exp(3 * np.cumsum(rng.normal(size=(40, 30)), axis=0) / 4).astype(np.float32)
    np.testing.assert_array_equal(sources(magnitude, 1e-9), by_heap(magnitude, 1e-9))


def test_after_silence_a_frame_grows_from_its_loudest_bin() -> None:
    rng = np.random.default_rng(0)
    magnitude = np.concatenate([np.zeros((40, 3)), rng.random((40, 2))], axis=1).astype(np.float32)
    bin_of = sources(magnitude, 1e-6)
    assert (bin_of[:, 3] == magnitude[:, 3].argmax()).all()
    np.testing.assert_array_equal(bin_of[:, 3:], by_heap(magnitude, 1e-6)[:, 3:])


@pytest.mark.parametrize("frequency", [100.0, 441.3, 1_000.0, 5_555.5])
def test_a_sinusoid_turns_at_its_own_frequency(frequency: float) -> None:
    # From frame to frame the phase of its loudest bin grows by 2πf·hop / rate.
    time = torch.arange(512 * 60, dtype=torch.float64) / 22_050
    magnitude = stft(torch.sin(2 * torch.pi * frequency * time).float(), PAPER).abs().numpy()
    phase = integrate(magnitude, 512)
    loud = magnitude.sum(axis=1).argmax()
    turned = np.diff(phase[loud, 5:-5].astype(np.float64))
    wanted = 2 * np.pi * frequency * 512 / 22_050
    error = np.angle(np.exp(1j * (turned - wanted)))
    assert np.abs(error).max() < 0.06  # of a Gaussian for a Hann window


def test_a_click_is_gathered_at_its_place() -> None:
    # Across the bins the phase of a click at sample p of a frame falls by 2πp / n_fft a bin.
    wave = torch.zeros(512 * 40)
    wave[512 * 20 + 100] = 1.0
    # All its bins are equally loud: noise breaks the ties, which the rounding of a processor's own FFT would.
    noise = np.random.default_rng(0).normal(size=(1_025, 41)).astype(np.float32)
    magnitude = stft(wave, PAPER).abs().numpy() * (1 + 1e-4 * noise)
    phase = integrate(magnitude, 512)[:, 20]
    steps = np.angle(np.exp(1j * np.diff(phase.astype(np.float64))))
    wanted = np.angle(np.exp(-2j * np.pi * (1_024 + 100) / 2_048))
    assert np.median(np.abs(np.angle(np.exp(1j * (steps - wanted))))) < 0.1

    def near(made: torch.Tensor) -> float:
        return float(made[512 * 20 + 50 : 512 * 20 + 150].square().sum() / made.square().sum())

    assert near(griffin_lim(magnitude, 0)) > 0.9
    assert near(griffin_lim(magnitude, 0, start="random")) < 0.2


def test_loudness_does_not_matter() -> None:
    magnitude = np.random.default_rng(0).random((257, 20)).astype(np.float32)
    quiet, loud = integrate(magnitude, 64), integrate(1e3 * magnitude, 64)
    assert np.abs(np.angle(np.exp(1j * (quiet - loud).astype(np.float64)))).max() < 0.05


@pytest.mark.parametrize(("preset", "least"), [("paper", 11.0), ("tiny", 8.0)])
def test_reconstructed_music_is_far_better_than_with_random_phases(data: Path, preset: str, least: float) -> None:
    front = FRONT_ENDS[preset]
    for name in ("Kevin*.ogg", "Hungarian*.ogg"):
        wave = audio.load(next((data / "open/librosa_audio").glob(name)), 22_050)[22_050:][: 40 * 1_024 * 4]
        magnitude = stft(wave, front).abs()
        reached = {}
        for start in ("gradient", "random"):
            made = griffin_lim(magnitude, 0, front.hop_length, start=start)  # type: ignore[arg-type]
            reached[start] = spectral_convergence(magnitude, stft(made, front).abs())
        assert reached["gradient"] < reached["random"] - least


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (1_025, 2)])
def test_silence_and_few_frames_have_phases_too(shape: tuple[int, int]) -> None:
    for magnitude in (np.zeros(shape, np.float32), np.ones(shape, np.float32)):
        phase = integrate(magnitude, 1)
        assert phase.shape == shape
        assert np.isfinite(phase).all()
        assert (phase >= 0).all() and (phase < 2 * np.pi + 1e-3).all()
