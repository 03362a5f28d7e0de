from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from tests.conftest import RATE, music

from affetti.errors import InputError
from affetti.presets import front_end
from affetti.studies.audit.recordings.excerpt import Recording
from affetti.studies.audit.recordings.pair import compare_waveforms, differences, same_part

PAPER = front_end("paper")


def melody(semitones: int = 0, seconds: float = 6.0) -> torch.Tensor:
    """A new note of three partials every half second, so many semitones up."""
    pitches = np.random.default_rng(0).permutation(12)[: int(2 * seconds)] + 57 + semitones
    time = np.arange(RATE // 2) / RATE
    notes = [
        sum(np.sin(2 * np.pi * k * 440 * 2 ** ((pitch - 69) / 12) * time) / k for k in (1, 2, 3)) * np.exp(-3 * time)
        for pitch in pitches
    ]
    hiss = 1e-3 * np.random.default_rng(1).normal(size=len(notes) * len(time))
    return torch.from_numpy((0.2 * np.concatenate(notes) + hiss).astype(np.float32))


def test_a_recording_is_like_itself() -> None:
    same, notes = compare_waveforms(melody(), melody(), PAPER)
    ones = (same.correlation, same.correlation_in_time, same.correlation_aligned, same.chroma, same.level)
    assert ones == pytest.approx([1.0] * 5)
    assert (same.distance, same.spectrum_difference, same.level_difference) == pytest.approx((0.0, 0.0, 0.0))
    assert (same.lag, same.transposition) == (0.0, 0)
    assert same.correlation_shifted is not None
    assert same.correlation_shifted < 0.9
    assert not notes


def test_r_is_that_of_the_studys_script() -> None:
    a, b = melody(), torch.from_numpy(music(2, 6.0))
    front = front_end("full-band")

    def spectrum(wave: torch.Tensor) -> NDArray[np.floating]:
        power = librosa.feature.melspectrogram(
            y=wave.numpy(),
            sr=RATE,
            n_fft=2048,
            hop_length=512,
            n_mels=128,
            fmin=0.0,
            fmax=11_025.0,
            pad_mode="constant",
        )
        return librosa.power_to_db(power)

    expected = np.corrcoef(spectrum(a).flatten(), spectrum(b).flatten())[0, 1]
    assert compare_waveforms(a, b, front)[0].correlation == pytest.approx(expected, abs=1e-4)


def test_a_transposed_melody_is_recognised_by_its_chroma() -> None:
    for semitones in (2, -3, 5):
        similarity, _ = compare_waveforms(melody(), melody(semitones), PAPER)
        assert similarity.transposition == semitones
        assert similarity.chroma_transposed is not None
        assert similarity.chroma is not None
        assert similarity.chroma_transposed > 0.8 > similarity.chroma + 0.3


def test_a_delay_is_the_lag_and_a_gain_is_the_level() -> None:
    wave = melody()
    delayed = torch.cat([1e-3 * torch.randn(11_264, generator=torch.Generator().manual_seed(0)), wave])[: len(wave)]
    similarity, _ = compare_waveforms(wave, 0.5 * delayed, PAPER)
    assert similarity.lag == pytest.approx(11_264 / RATE)
    assert similarity.correlation is not None
    assert similarity.correlation_aligned is not None
    assert similarity.correlation_aligned > similarity.correlation + 0.1
    gained, _ = compare_waveforms(wave, 0.5 * wave, PAPER)
    assert gained.level_difference == pytest.approx(20 * np.log10(0.5), abs=0.05)
    assert gained.spectrum_difference == pytest.approx(0.0, abs=1e-3)


def test_shifted_recordings_give_the_r_of_unrelated_ones() -> None:
    white = np.random.default_rng(1).normal(size=(2, 6 * RATE))
    dull = 0.01 * np.asarray(lfilter([1.0], [1.0, -0.95], white), dtype=np.float32)
    similarity, _ = compare_waveforms(torch.from_numpy(dull[0]), torch.from_numpy(dull[1]), PAPER)
    assert similarity.correlation is not None
    assert similarity.correlation > 0.5, "both fall with frequency"
    assert similarity.correlation_shifted == pytest.approx(similarity.correlation, abs=0.05)
    assert similarity.correlation_in_time == pytest.approx(0.0, abs=0.1)


def test_two_seconds_are_too_short_for_chroma_and_the_rest_is_measured() -> None:
    similarity, notes = compare_waveforms(melody()[: RATE * 3 // 2], melody(1)[: RATE * 3 // 2], PAPER)
    assert similarity.chroma is None
    assert similarity.transposition is None
    assert notes == ("Chroma needs 2 s: not measurable in 1.5 s.",)
    assert similarity.correlation is not None


def test_recordings_of_unlike_length_and_rate_are_cut_to_the_same_part() -> None:
    wave = melody()
    whole, half = Recording(Path("a.wav"), wave, 44_100), Recording(Path("b.wav"), wave[: len(wave) // 2], 22_050)
    first, second = same_part(whole, half, PAPER, 30.0)
    assert torch.equal(first.waveform, second.waveform)
    assert differences(first, second, PAPER) == [
        "Files of 44,100 and 22,050 samples a second: both were compared at 22,050.",
        "Recordings of 6.0 and 3.0 s: 3.0 s of both were compared, from 0.0 s on.",
    ]


def test_silence_in_the_part_that_is_compared_is_refused() -> None:
    late = torch.cat([torch.zeros(4 * RATE), melody()])
    with pytest.raises(InputError, match=r"late\.wav: silent from 0\.0 s for 3\.\d s"):
        same_part(Recording(Path("late.wav"), late, RATE), Recording(Path("b.wav"), melody(0, 3.0), RATE), PAPER, 30.0)
