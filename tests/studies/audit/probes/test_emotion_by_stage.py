from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.material import mels, write_corpus
from tests.studies.audit.sounding import RATE, SIZE, sounding, struck

from affetti.errors import InputError
from affetti.presets import MEL_FRONT_ENDS
from affetti.progress import silent
from affetti.signal.mel import MelSpectrogram, stft
from affetti.signal.statistics import mel_statistics
from affetti.studies.audit.answer import NotMeasurableError
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes.emotion_by_stage import (
    ccc_retention,
    log_mel_features,
    measurements,
    missing_measurements,
    split_in_halves,
    stage_features,
)

PAPER = MEL_FRONT_ENDS["paper"]
SONGS = 30


def combed(tilt: float, level: float, seed: int) -> NDArray[np.float32]:
    """Noise from 4 to 7.5 kHz; every other run of four bins is ``tilt`` dB louder, the others as much quieter."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=SIZE))
    hertz = np.fft.rfftfreq(SIZE, 1 / RATE)
    side = np.where((hertz // (4 * RATE / 2_048)) % 2 == 0, 1.0, -1.0)
    band = (hertz > 4_000) & (hertz < 7_500)
    wave = np.fft.irfft(spectrum * band * 10 ** (side * tilt / 20), SIZE)
    return (level * wave / wave.std()).astype(np.float32)


def planted(path: Path, *, fine: bool) -> AuditContext:
    """A corpus whose labels are what differs within every mel band, or the level of the whole."""
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.uniform(-0.9, 0.9, (SONGS, 1)), 2, axis=1)
    waves = [
        combed(1.5 * to, 0.05, seed) if fine else combed(0.0, 0.05 * 10 ** (to / 2), seed)
        for seed, to in enumerate(labels[:, 0])
    ]
    return AuditContext(sounding(path / "corpus", waves, labels=labels), path / "audit", quick=True)


@pytest.mark.parametrize("fine", [False, True])
def test_a_mel_loses_differences_within_a_band_and_keeps_levels(tmp_path: Path, fine: bool) -> None:
    context = planted(tmp_path, fine=fine)
    rows, (shown,) = stage_features(context, {"": PAPER}, SONGS, silent)
    chosen = {name: shown.features[name] for name in ("magnitude", "mel")}
    by_name = {it.name: it for it in measurements("", chosen, context.corpus.labels[rows], context.corpus.songs[rows])}
    assert (by_name["emotion_ccc_magnitude"].value or 0) > 0.8, by_name
    share = by_name["probe_kept_mel"].value or 0
    assert share < 50 if fine else share > 95, by_name


def test_the_summary_is_the_same_at_every_step(tmp_path: Path) -> None:
    context = AuditContext(sounding(tmp_path / "corpus", [struck(seed) for seed in range(2)]), tmp_path / "audit")
    rows, (shown,) = stage_features(context, {"": PAPER}, 2, silent)
    assert rows.tolist() == [0, 1]
    size = SIZE // 512 * 512
    wave = context.waveform(1)[(SIZE - size) // 2 :][:size]
    by_hand = {"mel": MelSpectrogram(PAPER)(wave)}
    power = 10 * torch.log10(stft(wave, PAPER).abs().square().clamp_min(1e-10))
    by_hand["magnitude"] = torch.maximum(power, power.max() - 80)
    by_hand["quantised"] = torch.from_numpy(by_hand["mel"].numpy().astype(np.float16).astype(np.float32)).round()
    for name, levels in by_hand.items():
        assert shown.features[name][1] == pytest.approx(mel_statistics(levels[None])[0].numpy(), abs=2e-3), name


def test_latents_are_fitted_to_the_other_half() -> None:
    log_mels = mels(24, (128, 60)).numpy().astype(np.float16)
    halves = split_in_halves(np.repeat([f"song{i}" for i in range(12)], 2), np.random.default_rng(0))
    features, fitted = log_mel_features(log_mels, halves, PAPER)
    assert set(features) == {"log_mel", "quantised", "patches", "latent"}
    other = log_mels.copy()
    other[halves == 0] += 7 * (np.arange(60) % 5 == 0).astype(np.float16)
    _, again = log_mel_features(other, halves, PAPER)
    mel = log_mels[0]
    assert np.array_equal(fitted[0]["latent"].encode(mel), again[0]["latent"].encode(mel)), "its own half is unseen"
    assert not np.array_equal(fitted[1]["latent"].encode(mel), again[1]["latent"].encode(mel))


def test_songs_are_halved_whole() -> None:
    songs = np.repeat([f"song{i}" for i in range(11)], 3)
    halves = split_in_halves(songs, np.random.default_rng(0))
    assert all(len(set(halves[songs == song])) == 1 for song in songs)
    assert {int((halves == side).sum()) for side in (0, 1)} == {15, 18}


def test_one_song_has_no_latents_and_no_prediction() -> None:
    log_mels = mels(3, (128, 60)).numpy().astype(np.float16)
    songs = np.array(["one"] * 3)
    features, _ = log_mel_features(log_mels, split_in_halves(songs, np.random.default_rng(0)), PAPER)
    assert set(features) == {"log_mel", "quantised"}
    result = measurements("own_", features, np.array([[0.1, 0.2], [0.3, 0.4], [0.0, 0.1]]), songs)
    assert [it.name for it in result] == ["own_emotion_ccc_log_mel", "own_emotion_ccc_quantised"]
    assert all(it.value is None and "1 songs" in it.note for it in result)


def test_the_kept_part_is_a_share_of_ccc() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=(60, 2))
    good = target + 0.1 * rng.normal(size=target.shape)
    worse = target + rng.normal(size=target.shape)
    assert ccc_retention(good, good, target) == pytest.approx(100.0)
    assert ccc_retention(worse, good, target) < 80
    assert ccc_retention(good, worse, target) > 120
    with pytest.raises(InputError, match="to begin with"):
        ccc_retention(good, rng.normal(size=target.shape) * 1e-3, target)


def test_clips_without_audio_are_reported(tmp_path: Path) -> None:
    context = AuditContext(write_corpus(tmp_path / "corpus"), tmp_path / "audit")
    with pytest.raises(NotMeasurableError, match="--keep-audio"):
        stage_features(context, {"": PAPER}, 4, silent)
    assert [it.name for it in missing_measurements("sound")] == ["probe_kept_mel"]
