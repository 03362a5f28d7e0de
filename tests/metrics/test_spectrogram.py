from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import spectrogram_distances
from affetti.metrics.spectrogram import clip_summaries

BANDS, FRAMES = 16, 96


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def clips(rng, n=60, mean=-40.0):
    """Levels that wander, some 6 dB around a level of each clip."""
    steps = rng.normal(size=(n, BANDS, FRAMES))
    for t in range(1, FRAMES):
        steps[:, :, t] = 0.9 * steps[:, :, t - 1] + np.sqrt(1 - 0.81) * steps[:, :, t]
    return mean + 3 * rng.normal(size=(n, 1, 1)) + 6 * steps


def pulses(n, period, rise=20.0, frames=FRAMES):
    """A level that jumps up every ``period`` frames and falls at once."""
    mels = np.full((n, BANDS, frames), -60.0)
    mels[:, :, period // 2 :: period] += rise
    return mels + np.arange(n)[:, None, None]


def test_real_music_lies_at_its_floor(rng):
    actual = spectrogram_distances(clips(rng), clips(rng))
    for result in (actual.level, actual.modulation, actual.onset_rate, actual.onset_strength):
        assert 0 < result.value < 2 * present(result.floor)
        assert present(result.ci)[0] < result.value < present(result.ci)[1]
        assert result.n == (60, 60)


def test_a_band_too_loud_is_named_with_its_decibels(rng):
    real = clips(rng)
    fake = real.copy()
    fake[:, 4] += 3
    names = [f"{100 * (band + 1)} Hz" for band in range(BANDS)]
    result = spectrogram_distances(real, fake, names=names)
    assert list(result.bands) == names
    assert result.bands["500 Hz"].value == pytest.approx(3)
    assert result.bands["400 Hz"].value == 0
    assert result.level.value == pytest.approx(3 / BANDS)


def test_levels_are_compared_as_distributions_not_as_means(rng):
    real, fake = clips(rng), clips(rng, 40)
    result = spectrogram_distances(real, fake)
    levels = [mels.mean(axis=2)[:, 3] for mels in (real, fake)]
    assert result.bands["4"].value == pytest.approx(wasserstein_distance(*levels), rel=1e-5)


def test_half_as_much_movement_is_six_decibels(rng):
    real = clips(rng)
    mean = real.mean(axis=2, keepdims=True)
    result = spectrogram_distances(real, (mean + (real - mean) / 2).astype(np.float32))
    assert result.modulation.value == pytest.approx(20 * np.log10(2), abs=0.4)
    assert result.onset_strength.value > 10 * present(result.onset_strength.floor)


def test_power_of_modulation_sums_to_the_variance(rng):
    mels = 7 * rng.normal(size=(40, BANDS, 256))
    cells = clip_summaries(mels, 1.0, "mels")[:, 2 + BANDS :]
    assert cells.shape == (40, 48)
    assert cells.mean(axis=0).reshape(8, 6).sum(axis=1) == pytest.approx(np.full(8, 49), rel=0.05)
    # White noise has as much in the fastest octave as in all others together.
    assert cells.reshape(40, 8, 6)[:, :, 5].mean() == pytest.approx(49 / 2, rel=0.05)


def test_a_tone_of_modulation_falls_into_its_octave():
    wave = 5 * np.sin(2 * np.pi * 3 * np.arange(FRAMES) / FRAMES)  # 3 cycles a clip: the octave from 3 to 5 of 48
    cells = clip_summaries(np.broadcast_to(wave, (3, BANDS, FRAMES)), 1.0, "mels")[:, 2 + BANDS :].reshape(3, 8, 6)
    assert cells[0, 0].sum() == pytest.approx(12.5, rel=0.01)
    assert cells[0, 0].argmax() == 1


def test_onsets_are_counted_in_their_units():
    rate, strength = clip_summaries(pulses(2, 8), 43.0, "mels")[0, :2]
    assert rate == pytest.approx(12 * 43.0 / 95)
    assert strength == pytest.approx(20)
    slow = spectrogram_distances(pulses(20, 8), pulses(20, 16, rise=10), frame_rate=43.0)
    assert slow.onset_rate.value == pytest.approx(6 * 43.0 / 95)
    assert slow.onset_strength.value == pytest.approx(10)
    assert slow.onset_rate.floor == pytest.approx(0, abs=1e-9)


def test_a_level_that_keeps_rising_is_one_onset():
    mels = np.full((2, BANDS, FRAMES), -60.0)
    mels[:, :, 40:] += 10
    mels[:, :, 41:] += 10
    assert clip_summaries(mels, 95.0, "mels")[0, :2] == pytest.approx([1, 10])


def test_a_held_frame_has_no_onsets_and_silence_is_no_trouble():
    still = np.full((10, BANDS, FRAMES), -80.0)
    assert clip_summaries(still, 1.0, "mels")[:, :2].tolist() == [[0.0, 0.0]] * 10
    result = spectrogram_distances(still, still)
    assert result.modulation.value == 0.0
    assert result.level.value == 0.0


def test_shuffled_frames_blur_and_white_noise_are_detected_by_their_modulation(rng):
    real, fresh = clips(rng), clips(rng)
    alike = spectrogram_distances(real, fresh).modulation.value
    shuffled = np.stack([clip[:, rng.permutation(FRAMES)] for clip in fresh])
    blurred = np.stack([np.apply_along_axis(np.convolve, 1, clip, np.ones(8) / 8, mode="same") for clip in fresh])
    for wrong in (shuffled, blurred, -40 + 6 * rng.normal(size=fresh.shape)):
        assert spectrogram_distances(real, wrong).modulation.value > 2 + alike


def test_float16_on_disk_is_read_in_batches_and_order_does_not_matter(rng, tmp_path, monkeypatch):
    real, fake = clips(rng, 30).astype(np.float16), clips(rng, 20, -37).astype(np.float16)
    whole = spectrogram_distances(real, fake)
    stored = np.memmap(tmp_path / "mel", dtype=np.float16, mode="w+", shape=real.shape)
    stored[:] = real[::-1]
    monkeypatch.setattr("affetti.metrics.mel_features.BATCH_VALUES", 4 * BANDS * FRAMES)
    again = spectrogram_distances(stored, fake[rng.permutation(20)])
    assert again.level.value == pytest.approx(whole.level.value, rel=1e-6)
    assert again.modulation.ci == pytest.approx(whole.modulation.ci, rel=1e-4)
    assert again.to_dict()["bands"]["16"]["n"] == [30, 20]


def test_clips_of_a_song_widen_the_intervals(rng):
    song = np.repeat(np.arange(12), 5)
    real, fake = (clips(rng, 12)[song] + 0.1 * rng.normal(size=(60, BANDS, FRAMES)) for _ in range(2))
    by_song, by_clip = (spectrogram_distances(real, fake + 10, groups) for groups in ((song, song), None))
    assert np.ptp(present(by_song.level.ci)) > 1.5 * np.ptp(present(by_clip.level.ci))


def test_sets_that_cannot_be_compared_are_refused(rng):
    real = clips(rng, 10)
    with pytest.raises(InputError, match="15 different names for 16 bands"):
        spectrogram_distances(real, real, names=["a"] * 2 + [str(i) for i in range(14)])
    with pytest.raises(InputError, match="0 frames per second"):
        spectrogram_distances(real, real, frame_rate=0)
    with pytest.raises(InputError, match="clips of"):
        spectrogram_distances(real, real[:, :8])
    with pytest.raises(InputError, match="fake, clip 3"):
        spectrogram_distances(real, np.where(np.arange(10)[:, None, None] == 3, np.nan, real))
    with pytest.raises(InputError, match="1 clips are too few"):
        spectrogram_distances(real[:1], real)
