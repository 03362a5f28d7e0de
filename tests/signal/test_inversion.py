from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from affetti.errors import InputError, MismatchError
from affetti.presets import MEL_FRONT_ENDS, MelFrontEnd
from affetti.signal import audio
from affetti.signal.fidelity import log_spectral_distance, spectral_convergence
from affetti.signal.inversion import N_FEATURES, MelInverse, default_inverse, invert_mel, nnls
from affetti.signal.mel import MelSpectrogram, mel_filters, stft

TINY = MEL_FRONT_ENDS["tiny"]
SMALL = MelFrontEnd(sample_rate=8_000, n_fft=256, hop_length=64, n_mels=20, f_min=50.0, f_max=3_500.0, seconds=1.0)


def glide(seconds: float = 2.0, rate: int = 8_000, low: float = 100.0) -> Tensor:
    time = torch.arange(round(seconds * rate)) / rate
    return 0.5 * torch.sin(2 * torch.pi * (low * time + 300 * time**2)) + 0.001 * torch.sin(1e4 * time**3)


def seen(wave: Tensor, front: MelFrontEnd) -> tuple[Tensor, Tensor]:
    return stft(wave, front).abs(), MelSpectrogram(front)(wave)


def by_librosa(log_mel: Tensor, front: MelFrontEnd) -> Tensor:
    power = librosa.db_to_power(log_mel.numpy())
    limits = {"fmin": front.f_min, "fmax": front.f_max}
    magnitude = librosa.feature.inverse.mel_to_stft(power, sr=front.sample_rate, n_fft=front.n_fft, power=2.0, **limits)
    return torch.from_numpy(np.asarray(magnitude, dtype=np.float32))


@pytest.mark.parametrize(("preset", "least"), [("paper", 3.0), ("tiny", 3.0)])
def test_reconstructed_recordings_are_three_decibels_better_than_librosas(
    data: Path, preset: str, least: float
) -> None:
    front = MEL_FRONT_ENDS[preset]
    gains: list[float] = []
    for name in ("open/librosa_audio/Hungarian*.ogg", "open/librosa_audio/sorohanro*.ogg"):
        wave = audio.load(next(data.glob(name)), 22_050)[22_050 : 5 * 22_050]
        truth, log_mel = seen(wave, front)
        ours, theirs = default_inverse(front).magnitude(log_mel), by_librosa(log_mel, front)
        gains.append(spectral_convergence(truth, theirs) - spectral_convergence(truth, ours))
        assert log_spectral_distance(truth, ours) < log_spectral_distance(truth, theirs)
    assert min(gains) > least


def test_a_recording_helps_another_of_its_kind() -> None:
    # Fitted on a glide over the same range but of another start, the inverse knows glides better than one of noise.
    truth, log_mel = seen(glide(), SMALL)
    noise = torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    alike = MelInverse.fit([glide(low=130.0)], SMALL, spectra=0).magnitude(log_mel)
    other = MelInverse.fit([noise], SMALL, spectra=0).magnitude(log_mel)
    assert spectral_convergence(truth, alike) < spectral_convergence(truth, other) - 3


def test_the_weights_are_those_of_ridge_regression() -> None:
    # One bin, by numpy's least squares on rows that carry the weights and the penalty.
    wave = glide()
    truth, log_mel = seen(wave, SMALL)
    fitted = MelInverse.fit([wave], SMALL, spectra=0)
    bands = fitted._mel
    features, level = bands.features(log_mel)
    row = 40
    band = int(bands.band_of[row])
    amplitude = level.exp()
    share = (amplitude / amplitude.max())[band].double().numpy()
    share[share <= 1e-3] = 0.0
    relative = truth[bands.bins][row] / amplitude[band]
    design = features[band].double().numpy()
    gram_of_all = [
        features[b].double().T
        * torch.where((amplitude / amplitude.max())[b] > 1e-3, (amplitude / amplitude.max())[b], 0.0).double()
        @ features[b].double()
        for b in range(SMALL.n_mels)
    ]
    mean = float(torch.stack([g.diagonal() for g in gram_of_all]).mean())
    penalty = 1e-3 * np.diag(gram_of_all[band].numpy()) + 1e-6 * mean
    rows = np.concatenate([design * np.sqrt(share)[:, None], np.diag(np.sqrt(penalty))])
    target = np.concatenate([(relative.sqrt().double().numpy() - 1) * np.sqrt(share), np.zeros(N_FEATURES)])
    solution = np.linalg.lstsq(rows, target, rcond=None)[0]
    np.testing.assert_allclose(fitted.weights[row].numpy(), solution, atol=2e-3)


def test_updates_bring_the_bands_together() -> None:
    _, log_mel = seen(glide(rate=22_050), TINY)
    filters = torch.from_numpy(mel_filters(TINY)).float()
    target = 10.0 ** (log_mel / 10.0)

    def divergence(updates: int) -> float:
        have = filters @ default_inverse(TINY).magnitude(log_mel, updates).square()
        return float((target * (target / have.clamp_min(1e-20)).log() - target + have).sum())

    divergences = [divergence(updates) for updates in (0, 1, 4, 16)]
    assert divergences == sorted(divergences, reverse=True)
    assert divergences[-1] < 0.1 * divergences[0]


def test_louder_by_ten_decibels_is_louder_by_ten_decibels() -> None:
    _, log_mel = seen(glide(rate=22_050), TINY)
    inverse = default_inverse(TINY)
    torch.testing.assert_close(
        inverse.magnitude(log_mel + 10.0), inverse.magnitude(log_mel) * 10**0.5, rtol=1e-3, atol=1e-6
    )


def test_frames_do_not_see_each_other() -> None:
    _, log_mel = seen(glide(20.0, rate=22_050), TINY)  # more frames than are inverted at a time
    inverse = default_inverse(TINY)
    order = torch.randperm(log_mel.shape[1], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        inverse.magnitude(log_mel)[:, order], inverse.magnitude(log_mel[:, order]), rtol=1e-3, atol=1e-4
    )
    assert torch.allclose(inverse.magnitude(log_mel[:, :1]), inverse.magnitude(log_mel)[:, :1], rtol=1e-3, atol=1e-4)


def test_invert_is_the_default_inverse() -> None:
    _, log_mel = seen(glide(rate=22_050), TINY)
    assert torch.equal(invert_mel(log_mel, TINY), default_inverse(TINY).magnitude(log_mel))
    assert default_inverse(TINY) is default_inverse(TINY)


def test_silence_is_quiet() -> None:
    made = invert_mel(MelSpectrogram(TINY)(torch.zeros(4_096)), TINY)
    assert torch.isfinite(made).all()
    assert made.max() < 1e-3


def test_a_saved_inverse_is_loaded_unchanged(tmp_path: Path) -> None:
    inverse = MelInverse.fit([glide()], SMALL, spectra=200)
    save_file(inverse.state_dict(), tmp_path / "inverse.safetensors")
    again = MelInverse.from_state_dict(load_file(tmp_path / "inverse.safetensors"), SMALL)
    _, log_mel = seen(glide(), SMALL)
    assert torch.equal(inverse.weights, again.weights)
    # Products of matrices round by where these lie in memory.
    torch.testing.assert_close(again.magnitude(log_mel), inverse.magnitude(log_mel), rtol=1e-3, atol=1e-5)
    assert (tmp_path / "inverse.safetensors").stat().st_size < 50_000


def test_an_inverse_of_another_front_end_is_refused() -> None:
    state = MelInverse.fit((), SMALL, spectra=50).state_dict()
    with pytest.raises(MismatchError, match=f"fitted for the front-end {SMALL.hash}, not {TINY.hash}"):
        MelInverse.from_state_dict(state, TINY)
    with pytest.raises(MismatchError, match="no state"):
        MelInverse.from_state_dict({"weights": state["weights"]}, SMALL)
    with pytest.raises(MismatchError, match="shape"):
        MelInverse.from_state_dict({**state, "weights": state["weights"][1:]}, SMALL)
    with pytest.raises(MismatchError, match="numbers"):
        MelInverse.from_state_dict({**state, "weights": state["weights"] * torch.nan}, SMALL)


@pytest.mark.parametrize("waves", [[], [torch.zeros(8_000)]])
def test_fitting_to_no_sound_is_refused(waves: list[Tensor]) -> None:
    with pytest.raises(InputError, match="no sound to fit to"):
        MelInverse.fit(waves, SMALL, spectra=0)


@pytest.mark.parametrize("bad", [torch.full((900,), torch.nan), torch.ones(2, 900), torch.full((900,), torch.inf)])
def test_invalid_sounds_are_not_fitted_to(bad: Tensor) -> None:
    with pytest.raises(InputError, match="waveform 1, of shape"):
        MelInverse.fit([glide(), bad], SMALL, spectra=0)


@pytest.mark.parametrize("way", [invert_mel, nnls])
@pytest.mark.parametrize(
    "bad",
    [
        torch.zeros(63, 10),
        torch.zeros(64),
        torch.zeros(64, 0),
        torch.full((64, 3), torch.nan),
        torch.full((64, 3), -1e9),
    ],
)
def test_invalid_log_mels_are_refused(way: object, bad: Tensor) -> None:
    with pytest.raises(InputError, match="log-mel"):
        way(bad, TINY)  # type: ignore[operator]


def test_nnls_improves_with_iterations() -> None:
    _, log_mel = seen(glide(rate=22_050), TINY)
    target = 10 ** (log_mel / 10)

    def misfit(iterations: int) -> float:
        power = torch.from_numpy(mel_filters(TINY)).float() @ nnls(log_mel, TINY, iterations).square()
        return float((power.clamp_min(1e-10).sqrt() - target.sqrt()).square().sum())

    assert misfit(30) < 0.5 * misfit(0)
