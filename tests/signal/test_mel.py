from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from affetti.errors import InputError
from affetti.presets import MEL_FRONT_ENDS, MelFrontEnd
from affetti.signal import audio, mel
from affetti.signal.inversion import invert_mel
from affetti.signal.mel import MelSpectrogram, hz_to_mel, is_silent_mel, mel_filters, mel_to_hz, power_to_db, stft

PRESETS = list(MEL_FRONT_ENDS)


def by_librosa(wave: NDArray[np.float32], front: MelFrontEnd) -> NDArray[np.float32]:
    power = librosa.feature.melspectrogram(
        y=wave,
        sr=front.sample_rate,
        n_fft=front.n_fft,
        hop_length=front.hop_length,
        n_mels=front.n_mels,
        fmin=front.f_min,
        fmax=front.f_max,
    )
    return librosa.power_to_db(power, ref=1.0, top_db=front.top_db)


@pytest.fixture(scope="module")
def recordings(data: Path) -> list[NDArray[np.float32]]:
    names = ("open/librosa_audio/Kevin*.ogg", "open/librosa_audio/Hungarian*.ogg", "open/sonancia/sounds/4_2*.flac")
    return [audio.load(next(data.glob(name)), 22_050).numpy() for name in names]


def synthetic(seconds: float = 3.0) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * 22_050)) / 22_050
    sweep = np.sin(2 * np.pi * (50 * time + 1_500 * time**2)) * np.exp(-time)
    return (0.5 * sweep + 0.001 * rng.normal(size=len(time))).astype(np.float32)


@pytest.mark.parametrize("preset", PRESETS)
def test_real_audio_is_analysed_as_librosa_does(recordings: list[NDArray[np.float32]], preset: str) -> None:
    analyse = MelSpectrogram.from_preset(preset)
    for wave in recordings:
        np.testing.assert_allclose(analyse(torch.from_numpy(wave)).numpy(), by_librosa(wave, analyse.front), atol=1e-3)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("length", [1, 500, 2_047, 2_048, 60_001])
def test_any_length_is_analysed_as_librosa_does(preset: str, length: int) -> None:
    analyse = MelSpectrogram.from_preset(preset)
    wave = synthetic()[:length] + np.float32(0.1)
    mel = analyse(torch.from_numpy(wave))
    assert mel.dtype == torch.float32
    assert mel.shape == (analyse.front.n_mels, 1 + length // analyse.front.hop_length)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # librosa warns of short input
        np.testing.assert_allclose(mel.numpy(), by_librosa(wave, analyse.front), atol=1e-3)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_clip_of_a_preset_has_its_shape(preset: str) -> None:
    front = MEL_FRONT_ENDS[preset]
    assert MelSpectrogram(front)(torch.zeros(front.samples)).shape == front.shape


def test_silence_is_the_floor() -> None:
    assert torch.all(MelSpectrogram.from_preset("tiny")(torch.zeros(9_000)) == -100.0)


@pytest.mark.parametrize("preset", PRESETS)
def test_filters_are_librosas(preset: str) -> None:
    f = MEL_FRONT_ENDS[preset]
    expected = librosa.filters.mel(
        sr=f.sample_rate, n_fft=f.n_fft, n_mels=f.n_mels, fmin=f.f_min, fmax=f.f_max, dtype=np.float64
    )
    np.testing.assert_allclose(mel_filters(f), expected, atol=1e-12)
    assert (mel_filters(f).sum(axis=1) > 0).all()


def test_the_mel_scale_is_slaneys() -> None:
    hz = np.array([0.0, 20.0, 440.0, 999.9, 1_000.0, 1_000.1, 8_000.0, 11_025.0])
    np.testing.assert_allclose(hz_to_mel(hz), librosa.hz_to_mel(hz), rtol=1e-12)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(mel_to_hz(np.arange(60.0)), librosa.mel_to_hz(np.arange(60.0)), rtol=1e-12)


def test_a_batch_is_its_items_whatever_its_size_and_order() -> None:
    analyse = MelSpectrogram.from_preset("tiny")
    waves = torch.stack([torch.from_numpy(synthetic().copy()) * gain for gain in (1.0, 0.01, 0.3)])
    one_by_one = torch.stack([analyse(wave) for wave in waves])
    torch.testing.assert_close(analyse(waves), one_by_one, atol=1e-3, rtol=0)
    torch.testing.assert_close(analyse(waves[[2, 0, 1]]), one_by_one[[2, 0, 1]], atol=1e-3, rtol=0)
    torch.testing.assert_close(analyse(waves.reshape(3, 1, -1)), one_by_one[:, None], atol=1e-3, rtol=0)


@pytest.mark.parametrize("together", [1, 7, 10_000])
def test_the_number_of_frames_analysed_at_a_time_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    analyse, wave = MelSpectrogram.from_preset("paper"), torch.from_numpy(synthetic(5.0))
    expected = analyse(wave)
    monkeypatch.setattr(mel, "FRAMES_PER_BLOCK", together)
    torch.testing.assert_close(analyse(wave), expected, atol=1e-4, rtol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_analyses_as_the_processor_does(recordings: list[NDArray[np.float32]]) -> None:
    analyse, wave = MelSpectrogram.from_preset("paper"), torch.from_numpy(recordings[0])
    torch.testing.assert_close(analyse.cuda()(wave.cuda()).cpu(), analyse.cpu()(wave), atol=1e-3, rtol=0)


def test_a_gradient_reaches_the_waveform() -> None:
    wave = torch.from_numpy(synthetic(1.0)).requires_grad_()
    MelSpectrogram.from_preset("tiny")(wave).sum().backward()
    assert wave.grad is not None
    assert bool(wave.grad.any())


def test_the_number_of_threads_changes_no_stored_byte() -> None:
    analyse, wave = MelSpectrogram.from_preset("tiny"), torch.from_numpy(synthetic(5.9))
    before = torch.get_num_threads()
    made: list[bytes] = []
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        made.append(analyse(wave).numpy().astype(np.float16).tobytes())
    torch.set_num_threads(before)
    assert len(set(made)) == 1


def test_twice_the_amplitude_is_six_decibels_more() -> None:
    analyse = MelSpectrogram.from_preset("paper")
    wave = torch.from_numpy(synthetic())
    torch.testing.assert_close(
        analyse(2 * wave) - analyse(wave), torch.full((), 6.0206).expand(128, 130), atol=2e-3, rtol=0
    )


def test_stft_is_librosas() -> None:
    front, wave = MEL_FRONT_ENDS["paper"], synthetic()
    ours = stft(torch.from_numpy(wave), front).numpy()
    expected = librosa.stft(wave, n_fft=front.n_fft, hop_length=front.hop_length)
    assert np.abs(ours - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_a_waveform_of_nothing_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="at least one sample"):
        stft(torch.zeros(shape), MEL_FRONT_ENDS["tiny"])


def test_decibels_are_floored_under_each_items_own_maximum() -> None:
    power = torch.tensor([[[1.0, 1e-20]], [[1e-4, 1e-20]]])
    assert power_to_db(power, 80.0).tolist() == [[[0.0, -80.0]], [[-40.0, -100.0]]]
    assert power_to_db(power, None).tolist() == [[[0.0, -100.0]], [[-40.0, -100.0]]]


def test_storing_in_half_precision_costs_less_than_seven_hundredths_of_a_decibel(
    recordings: list[NDArray[np.float32]],
) -> None:
    for wave in recordings:
        mel = MelSpectrogram.from_preset("paper")(torch.from_numpy(wave)).numpy()
        assert np.abs(mel - mel.astype(np.float16).astype(np.float32)).max() < 0.07


@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_inversion_is_positive_fits_the_bands_and_beats_the_pseudoinverse(
    recordings: list[NDArray[np.float32]], preset: str
) -> None:
    front = MEL_FRONT_ENDS[preset]
    filters = mel_filters(front)
    for recording in recordings:
        wave = torch.from_numpy(recording[: 6 * 22_050])
        truth = stft(wave, front).abs().numpy()
        log_mel = MelSpectrogram(front)(wave)
        ours = invert_mel(log_mel, front).numpy()
        power = 10 ** (log_mel.numpy() / 10)
        baseline = np.sqrt(np.maximum(np.linalg.pinv(filters) @ power, 0))
        assert (ours >= 0).all()
        assert np.isfinite(ours).all()
        again = filters @ ours.astype(np.float64) ** 2
        loud = power > power.max() * 1e-5
        assert np.median(np.abs(10 * np.log10(again[loud] / power[loud]))) < 1.5
        # Hearing goes by level: error of the log-magnitude over what the front-end covers.
        covered = filters.sum(axis=0) > 0

        def error(
            estimate: NDArray[np.float32], truth: NDArray[np.float32] = truth, rows: NDArray[np.bool_] = covered
        ) -> float:
            floor = 1e-4 * truth.max()
            return float(np.abs(np.log10((estimate[rows] + floor) / (truth[rows] + floor))).mean())

        assert error(ours) < error(baseline)


@pytest.mark.parametrize("shape", [(63, 10), (64,), (1, 64, 10)])
def test_a_log_mel_of_another_front_end_is_not_inverted(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"This front-end makes \[64, F\]"):
        invert_mel(torch.zeros(shape), MEL_FRONT_ENDS["tiny"])


def both_rules(wave: NDArray[np.floating], front: MelFrontEnd) -> tuple[bool, bool]:
    """Whether a waveform and its log-mel, stored as a corpus stores it, are silent."""
    samples = np.asarray(wave, dtype=np.float32)
    stored = MelSpectrogram(front)(torch.from_numpy(samples)).half().numpy()
    return audio.is_silent(samples), is_silent_mel(stored)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_waveform_shows_as_silence_its_log_mel_shows_too(preset: str) -> None:
    front = MEL_FRONT_ENDS[preset]
    rng = np.random.default_rng(0)
    noise, dither = rng.uniform(-1, 1, front.samples), rng.uniform(-0.5, 0.5, (2, front.samples)).sum(axis=0)
    assert both_rules(np.zeros(front.samples), front) == (True, True)
    assert both_rules(np.round(dither) / 2**15, front) == (True, True)
    assert both_rules(0.7e-4 * noise, front) == (True, True)
    assert both_rules(1e-5 * np.sin(np.arange(front.samples)), front) == (True, True)
    constant = audio.resample(np.full(44_100 * 46, 0.5, np.float32), 44_100, 22_050)[: front.samples]
    assert both_rules(constant, front) == (True, front.f_min > 0)  # in the band from 0 Hz a constant is a level
    assert both_rules(1.01e-4 * noise, front) == (False, False)
    assert both_rules(1.01e-4 * np.sin(np.arange(front.samples)), front) == (False, False)
    assert both_rules(0.5 * np.sin(np.arange(front.samples)), front) == (False, False)


@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_the_quietest_music_that_prepare_keeps_is_no_silent_log_mel(
    preset: str, recordings: list[NDArray[np.float32]]
) -> None:
    front = MEL_FRONT_ENDS[preset]
    for recording in recordings:
        wave = np.resize(recording, front.samples)
        wave = wave / np.abs(wave).max()
        assert both_rules(1.01e-4 * wave, front) == (False, False)
        assert both_rules(0.05e-4 * wave, front) == (True, True)


def test_a_log_mel_at_one_level_is_silent_within_a_decibel() -> None:
    level = np.full((64, 128), -30.0, np.float32)
    ripple = np.random.default_rng(0).uniform(-0.5, 0.5, level.shape).astype(np.float32)
    assert is_silent_mel(level + 0.9 * ripple)
    assert not is_silent_mel(level + 1.2 * ripple)
    one_frame = level.copy()
    one_frame[:, 40] += 2.0
    assert not is_silent_mel(one_frame)
    one_band = level.copy()
    one_band[5] += 2.0  # between the bands that are looked at first
    assert not is_silent_mel(one_band)
    assert not is_silent_mel(np.full((64, 128), np.nan))
    assert is_silent_mel(np.full((64, 5), -80.0))
