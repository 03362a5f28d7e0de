from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.conftest import RATE, music

from affetti.errors import InputError, UsageError
from affetti.inference import predictor
from affetti.presets import front_end
from affetti.signal import audio
from affetti.studies.audit.recordings.excerpt import MIN_SECONDS, check_settings, load_recording, middle

PAPER = front_end("paper")


def saved(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    audio.save(path, samples.astype(np.float32), rate)
    return path


def test_the_excerpt_is_the_middle_and_a_multiple_of_the_hop(tmp_path: Path) -> None:
    ramp = np.linspace(0.1, 0.5, 10 * RATE)
    excerpt = middle(load_recording(saved(tmp_path / "a.wav", ramp), PAPER), PAPER, 4.0)
    assert len(excerpt.waveform) % PAPER.hop_length == 0
    assert abs(excerpt.start + len(excerpt.waveform) / RATE / 2 - 5.0) < 1e-4
    assert abs(float(excerpt.waveform.mean()) - 0.3) < 1e-3
    assert excerpt.recording_seconds == 10.0


def test_a_recording_shorter_than_the_excerpt_is_taken_whole(tmp_path: Path) -> None:
    excerpt = middle(load_recording(saved(tmp_path / "a.wav", music(1, 3.0), 44_100), PAPER), PAPER, 30.0)
    assert excerpt.file_rate == 44_100
    assert excerpt.start < PAPER.hop_length / RATE
    assert excerpt.recording_seconds == pytest.approx(1.5, abs=1e-3)


def test_files_that_cannot_be_audited_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.wav: 0\.50 s is too short"):
        load_recording(saved(tmp_path / "a.wav", music(1, 0.5)), PAPER)
    silent = load_recording(saved(tmp_path / "b.wav", np.zeros(3 * RATE)), PAPER)
    with pytest.raises(InputError, match=r"b\.wav: silent \(no sample above -80 dBFS\)"):
        middle(silent, PAPER)
    ends = np.concatenate([music(1, 3.0), np.zeros(20 * RATE), music(1, 3.0)])
    with pytest.raises(InputError, match=r"silent from 8\.0 s for 10\.0 s, the part that is audited"):
        middle(load_recording(saved(tmp_path / "c.wav", ends), PAPER), PAPER, 10.0)


@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_the_shortest_excerpt_has_the_second_that_a_regressor_needs(preset: str, tmp_path: Path) -> None:
    front = check_settings(preset, MIN_SECONDS)
    excerpt = middle(load_recording(saved(tmp_path / "a.wav", music(1, MIN_SECONDS)), front), front, MIN_SECONDS)
    assert len(excerpt.waveform) >= predictor.MIN_SECONDS * front.sample_rate


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, -3.0, float("nan"), float("inf")])
def test_an_excerpt_has_a_second_or_more(seconds: float) -> None:
    with pytest.raises(UsageError, match="--seconds"):
        check_settings("paper", seconds)
