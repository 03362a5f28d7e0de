from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from tests.studies.audit.sounding import struck
from torch import Tensor

from affetti.presets import MEL_FRONT_ENDS
from affetti.signal.fidelity import fidelity, inconsistency, si_sdr, spectral_convergence
from affetti.signal.inversion import invert_mel
from affetti.signal.mel import MelSpectrogram, stft
from affetti.signal.phase import griffin_lim
from affetti.studies.audit.resynthesis.reconstruction import (
    FROM_MEL,
    METHODS,
    magnitude_loss,
    magnitude_share,
    phase_share,
    reconstruct,
)

FRONT = MEL_FRONT_ENDS["paper"]
WAVE = torch.from_numpy(struck(0))[: 64 * 512]
TRUE = stft(WAVE, FRONT).abs()


@pytest.fixture(scope="module")
def sounds() -> dict[str, tuple[Tensor, float]]:
    return reconstruct(WAVE, FRONT)


def near(sound: Tensor) -> float:
    return spectral_convergence(TRUE, stft(sound, FRONT).abs())


def test_every_way_gives_a_sound_of_the_same_length(sounds: dict[str, tuple[Tensor, float]]) -> None:
    assert set(sounds) == set(METHODS)
    assert all(sound.shape == WAVE.shape for sound, _ in sounds.values())
    assert list(reconstruct(WAVE, FRONT, ("heap", "fast"))) == ["heap", "fast"]


def test_only_the_true_phase_restores_the_waveform(sounds: dict[str, tuple[Tensor, float]]) -> None:
    fit = {name: si_sdr(WAVE, sound) for name, (sound, _) in sounds.items()}
    assert fit["oracle"] > 10
    assert all(value < 5 for name, value in fit.items() if name != "oracle"), fit


def test_ways_are_as_good_as_they_should_be(sounds: dict[str, tuple[Tensor, float]]) -> None:
    by_name = {name: near(sound) for name, (sound, _) in sounds.items()}
    assert by_name["fast"] < by_name["griffin_lim"] - 3 < by_name["random"] - 6, by_name
    assert by_name["fast"] < by_name["heap"]
    assert by_name["fast"] < by_name["mel"] < by_name["mel_griffin_lim"] + 0.5


def test_plain_griffin_lim_is_librosas() -> None:
    settings = {"n_iter": 32, "hop_length": 512, "momentum": 0.0, "init": "random", "length": len(WAVE)}
    theirs = [near(torch.from_numpy(librosa.griffinlim(TRUE.numpy(), random_state=k, **settings))) for k in range(5)]
    ours = [near(reconstruct(WAVE, FRONT, ("griffin_lim",), k)["griffin_lim"][0]) for k in range(5)]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=1.0)


def test_the_magnitude_given_to_each_method(sounds: dict[str, tuple[Tensor, float]]) -> None:
    inverted = invert_mel(MelSpectrogram(FRONT)(WAVE), FRONT)
    assert torch.equal(sounds["mel"][0], griffin_lim(inverted))
    assert torch.equal(sounds["fast"][0], griffin_lim(TRUE))
    assert torch.equal(sounds["heap"][0], griffin_lim(TRUE, 0))
    assert set(FROM_MEL) == {"oracle", "mel", "mel_griffin_lim"}


def test_inconsistency_is_that_of_the_given_magnitude(sounds: dict[str, tuple[Tensor, float]]) -> None:
    by_name = {name: value for name, (_, value) in sounds.items()}
    assert by_name["fast"] < by_name["griffin_lim"] < by_name["random"]
    turned = torch.polar(TRUE, stft(sounds["random"][0], FRONT).angle())
    assert by_name["random"] == pytest.approx(inconsistency(turned, 512))
    assert inconsistency(stft(WAVE, FRONT), 512) < 0.02 < by_name["fast"] + 0.02


def test_random_phases_depend_on_the_seed_alone() -> None:
    (a, _), (b, _), (c, _) = (reconstruct(WAVE, FRONT, ("random",), seed)["random"] for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_a_loss_is_the_energy_of_the_error() -> None:
    assert magnitude_loss(fidelity(WAVE, WAVE, 22_050)) < 1e-15
    assert magnitude_loss(fidelity(WAVE, 0.9 * WAVE, 22_050)) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    ("magnitude", "phase", "both", "wanted"),
    [(0.0, 0.2, 0.2, 100.0), (0.2, 0.0, 0.2, 0.0), (0.1, 0.1, 0.2, 50.0), (0.06, 0.02, 0.08, 25.0)],
)
def test_shares_by_hand(magnitude: float, phase: float, both: float, wanted: float) -> None:
    losses = np.full(3, magnitude), np.full(3, phase), np.full(3, both)
    assert phase_share(*losses) == pytest.approx(wanted)
    assert magnitude_share(*losses) == pytest.approx(100 - wanted)


def test_shares_add_to_a_hundred_whatever_the_losses() -> None:
    losses = np.random.default_rng(0).uniform(0.01, 0.3, (3, 20))
    assert phase_share(*losses) + magnitude_share(*losses) == pytest.approx(100.0)
    order = np.random.default_rng(1).permutation(20)
    assert phase_share(*losses[:, order]) == pytest.approx(phase_share(*losses))


def test_a_loss_of_both_together_is_halved() -> None:
    nothing, both = np.zeros(4), np.full(4, 0.1)
    assert phase_share(nothing, nothing, both) == magnitude_share(nothing, nothing, both) == 50.0
