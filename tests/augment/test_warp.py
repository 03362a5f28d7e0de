from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from affetti.augment.warp import SAFE_RATE, SAFE_SEMITONES, shift, stretch
from affetti.presets import MEL_FRONT_ENDS
from affetti.signal.mel import MelSpectrogram

TINY = MEL_FRONT_ENDS["tiny"]


def tones(pitch: float, pulses: float) -> torch.Tensor:
    """Log-mel of a harmonic sound that swells so many times a second."""
    time = np.arange(TINY.samples) / TINY.sample_rate
    sound = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 12))
    return MelSpectrogram(TINY)(torch.from_numpy((0.1 * sound * (1 + np.sin(2 * np.pi * pulses * time))).astype("f4")))


def test_nothing_changes_at_rate_one_and_shift_zero() -> None:
    mel = torch.randn(3, *TINY.shape)
    torch.testing.assert_close(stretch(mel, torch.ones(3)), mel)
    torch.testing.assert_close(shift(mel, torch.zeros(3), TINY), mel, atol=1e-4, rtol=0)


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_a_stretch_is_linear_interpolation_in_time_with_mirrored_ends(rate: float) -> None:
    mel = torch.randn(2, 5, 40, dtype=torch.float64)
    augmented = stretch(mel, torch.full((2,), rate, dtype=torch.float64))
    at = np.arange(40) * rate
    at = np.where(at > 39, 78 - at, at)
    for item, before in zip(augmented, mel, strict=True):
        for band, row in zip(item.numpy(), before.numpy(), strict=True):
            np.testing.assert_allclose(band, np.interp(at, np.arange(40), row), atol=1e-12)


def test_a_faster_stretch_beats_faster_as_faster_sound_does() -> None:
    beat = lambda mel: np.abs(np.fft.rfft((mel.mean(dim=0) - mel.mean()).numpy() * np.hanning(mel.shape[1]))).argmax()  # noqa: E731
    slow, fast = tones(220, 2), tones(220, 3)
    assert beat(stretch(slow[None], torch.tensor([1.5]))[0]) == beat(fast)


@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_a_shift_is_nearer_to_the_shifted_sound_than_the_sound_as_it_was(semitones: float) -> None:
    before, truth = tones(330, 0), tones(330 * 2 ** (semitones / 12), 0)
    augmented = shift(before[None], torch.tensor([semitones]), TINY)[0]
    assert (augmented - truth).square().mean() < 0.5 * (before - truth).square().mean()


def test_a_shift_moves_each_band_to_the_mel_of_its_frequency() -> None:
    """A log-mel that is its own band's frequency in Slaney mels comes out as the mel of the frequency read."""
    centres = librosa.mel_frequencies(TINY.n_mels + 2, fmin=TINY.f_min, fmax=TINY.f_max)[1:-1]
    mel = torch.from_numpy(librosa.hz_to_mel(centres))[None, :, None].expand(1, -1, 4)
    augmented = shift(mel, torch.tensor([2.0]), TINY)[0, :, 0].numpy()
    expected = librosa.hz_to_mel(centres * 2 ** (-2 / 12))
    inside = expected >= librosa.hz_to_mel(centres[0])
    np.testing.assert_allclose(augmented[inside], expected[inside], atol=1e-3)


def test_each_clip_is_changed_by_its_own_amount_and_limits_are_small() -> None:
    mel = torch.randn(1, *TINY.shape).expand(2, -1, -1)
    first, second = stretch(mel, torch.tensor([1.0, 1.05]))
    torch.testing.assert_close(first, mel[0])
    assert not torch.allclose(second, mel[0])
    assert SAFE_RATE <= 1.05
    assert SAFE_SEMITONES <= 2, "beyond these a label is no longer true"
