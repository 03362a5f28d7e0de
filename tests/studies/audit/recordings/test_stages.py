from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from tests.conftest import RATE, music

from affetti.presets import FrontEnd, front_end
from affetti.signal import audio
from affetti.studies.audit.codec.stages import STAGES
from affetti.studies.audit.recordings.excerpt import Excerpt
from affetti.studies.audit.recordings.stages import audit_excerpt

PAPER = front_end("paper")
WAVE = torch.from_numpy(music(3, 3.0))[: 128 * 512]


class LevelRegressor:
    """Says how loud a window is: valence its root mean square, arousal its peak."""

    front_end: FrontEnd = replace(PAPER, seconds=1.0)
    sample_rate = RATE
    half_width: NDArray[np.float64] = np.full(2, np.nan)
    interval_level = None
    label_scale = None
    description = None

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([np.sqrt((windows**2).mean(axis=1)), np.abs(windows).max(axis=1)], axis=1)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("audit")
    excerpt = Excerpt(Path("song.wav"), WAVE, 1.0, 5.0, 44_100, -20.0)
    return audit_excerpt(excerpt, PAPER, LevelRegressor(), folder), folder


def test_every_stage_but_the_fitted_latents_is_there_in_order(audited) -> None:
    audit, _ = audited
    assert [stage.name for stage in audit.stages] == [name for name in STAGES if name not in ("patches", "latent")]
    assert audit.stages[0].retention == 100.0
    assert (audit.start, audit.recording_seconds, audit.file_rate) == (1.0, 5.0, 44_100)


def test_bits_of_the_waveform_are_those_of_its_flac_file(audited, tmp_path: Path) -> None:
    audit, _ = audited
    soundfile.write(tmp_path / "a.flac", WAVE.numpy(), RATE, subtype="PCM_16")
    expected = 8 * (tmp_path / "a.flac").stat().st_size / (len(WAVE) / RATE)
    assert audit.stages[0].bits == pytest.approx(expected, rel=0.01)


def test_what_comes_back_gets_worse_from_stage_to_stage(audited) -> None:
    stages = {stage.name: stage for stage in audited[0].stages}
    assert stages["waveform"].si_sdr > 60
    assert stages["stft"].si_sdr > 60
    assert stages["magnitude"].si_sdr < 30
    assert stages["waveform"].log_distance < stages["magnitude"].log_distance < stages["mel"].log_distance
    assert stages["quantised"].bits > stages["bands_64"].bits > stages["bands_32"].bits


def test_the_regressor_predicts_the_sound_that_comes_back(audited) -> None:
    audit, folder = audited
    for stage in audit.stages:
        sound = audio.load(folder / stage.sound, RATE)
        windows = [sound[start : start + RATE] for start in (0, RATE)] + [sound[-RATE:]]
        expected = np.mean([float(window.square().mean().sqrt()) for window in windows])
        assert stage.emotion.valence == pytest.approx(expected, rel=1e-3)


def test_the_same_excerpt_gives_the_same_numbers_and_without_a_folder_no_sound(audited) -> None:
    again = audit_excerpt(Excerpt(Path("song.wav"), WAVE, 1.0, 5.0, 44_100, -20.0), PAPER)
    plain = [replace(stage, sound=None, emotion=None) for stage in audited[0].stages]
    assert list(again.stages) == plain


def test_a_sound_without_onsets_has_no_sharpness() -> None:
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(64 * 512) / RATE) * 0.3
    audit = audit_excerpt(Excerpt(Path("tone.wav"), tone, 0.0, 1.5, RATE, -10.0), PAPER)
    assert audit.onsets == 0
    assert all(stage.sharpness is None for stage in audit.stages)
