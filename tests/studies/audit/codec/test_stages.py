from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from tests.studies.audit.sounding import struck

from affetti.presets import MEL_FRONT_ENDS
from affetti.signal.fidelity import si_sdr, spectral_convergence
from affetti.signal.mel import MelSpectrogram, stft
from affetti.studies.audit.codec.entropy import PCM_STEP
from affetti.studies.audit.codec.latents import fit_latents
from affetti.studies.audit.codec.stages import (
    MEL_STAGES,
    STAGES,
    Stage,
    mel_stages,
    numbers_per_second,
    ordered_integers,
    spectral_stages,
)

FRONT = MEL_FRONT_ENDS["paper"]
WAVE = torch.from_numpy(struck(0))[: 64 * 512]


@pytest.fixture(scope="module")
def steps() -> dict[str, Stage]:
    analyse = MelSpectrogram(FRONT)
    others = np.stack([analyse(torch.from_numpy(struck(seed))[: 64 * 512]).numpy() for seed in range(1, 12)])
    result = [*spectral_stages(WAVE, FRONT), *mel_stages(WAVE, FRONT, fit_latents(others, FRONT))]
    return {step.name: step for step in result}


def test_every_step_is_there_in_its_order(steps: dict[str, Stage]) -> None:
    assert list(steps) == list(STAGES)
    assert MEL_STAGES[0] == "mel"
    assert all(step.sound.shape == WAVE.shape for step in steps.values())
    assert all(bool(torch.isfinite(step.sound).all()) for step in steps.values())


def test_numbers_a_second_are_those_of_the_codes(steps: dict[str, Stage]) -> None:
    for name, step in steps.items():
        # Frames are 64 hops and one more; patches and seconds are rounded up.
        frames = {"waveform": 1.0, "patches": 72 / 64, "latent": 86 / 64}.get(name, 65 / 64)
        assert step.codes.size == pytest.approx(
            numbers_per_second(name, FRONT) * len(WAVE) / 22_050 * frames, rel=1e-9
        ), name


@pytest.mark.parametrize(("name", "wanted"), [("waveform", 22_050), ("mel", 5_512.5), ("bands_32", 1_378.125)])
def test_numbers_a_second_by_hand(name: str, wanted: float) -> None:
    assert numbers_per_second(name, FRONT) == wanted


def test_a_complex_stft_is_four_times_as_many_numbers() -> None:
    assert numbers_per_second("stft", FRONT) == 2 * numbers_per_second("magnitude", FRONT) == 2 * 1_025 * 22_050 / 512


def test_samples_are_rounded_to_16_bits(steps: dict[str, Stage]) -> None:
    assert float((steps["waveform"].sound - WAVE).abs().max()) <= PCM_STEP / 2 * 1.01
    assert np.array_equal(steps["waveform"].codes[0], np.round(WAVE.numpy() * 32_768))


def test_the_complex_stft_comes_back_as_well_as_16_bits_do(steps: dict[str, Stage]) -> None:
    inner = slice(2_048, -2_048)
    ours, pcm = (si_sdr(WAVE[inner], steps[name].sound[inner]) for name in ("stft", "waveform"))
    # A little better: bins far under the step err by less than a rounded number does.
    assert pcm - 0.1 < ours < pcm + 2.0


def test_later_stages_are_reconstructed_less_well(steps: dict[str, Stage]) -> None:
    true = stft(WAVE, FRONT).abs()
    near = [spectral_convergence(true, stft(steps[name].sound, FRONT).abs()) for name in STAGES]
    order = dict(zip(STAGES, near, strict=True))
    chain = ("stft", "magnitude", "mel", "bands_64", "bands_32", "latent")
    assert all(order[a] < order[b] - 0.5 for a, b in pairwise(chain)), order
    assert order["mel"] == pytest.approx(order["log_mel"], abs=0.2)


def test_log_mels_are_those_of_the_front_end(steps: dict[str, Stage]) -> None:
    log_mel = MelSpectrogram(FRONT)(WAVE).numpy()
    assert np.abs(steps["quantised"].codes - log_mel).max() <= 0.5
    assert np.array_equal(steps["log_mel"].codes, ordered_integers(log_mel.astype(np.float16)))


def test_mel_codes_are_the_root_mean_square_magnitude_of_a_band() -> None:
    # White noise has the same in every band that is wide enough to average it.
    noise = 0.1 * torch.randn(120 * 512, generator=torch.Generator().manual_seed(0))
    *_, magnitude = spectral_stages(noise, FRONT)
    mel = next(mel_stages(noise, FRONT, {}))
    level = np.sqrt(np.mean(magnitude.codes[:, 4:-4].astype(float) ** 2))
    assert mel.codes[64:, 4:-4].mean() == pytest.approx(level, rel=0.1)


def test_the_bits_of_float16_keep_the_order_of_the_numbers() -> None:
    values = np.random.default_rng(0).normal(scale=40, size=500).astype(np.float16)
    codes = ordered_integers(values)
    assert np.array_equal(np.argsort(codes, kind="stable"), np.argsort(values, kind="stable"))
    assert len(np.unique(codes)) == len(np.unique(values))


def test_without_latents_the_chain_ends_before_them() -> None:
    names = [step.name for step in mel_stages(WAVE, FRONT, {})]
    assert names == [name for name in MEL_STAGES if name not in ("patches", "latent")]
