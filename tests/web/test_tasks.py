"""The tasks of the page's worker processes, called in this process."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import material
from affetti.compose.cues import valence_arousal
from affetti.compose.curve import CurveSettings, compose_along
from affetti.compose.renderer import render
from affetti.emotion import EmotionCurve
from affetti.errors import InputError
from affetti.inference.generation import GenerationSettings
from affetti.signal import audio
from affetti.web import tasks
from affetti.web.rounds import play_round
from material import present

CURVE = EmotionCurve((0.0, 20.0), ((-0.5, -0.3), (0.5, 0.4)))


def write(path: Path, samples: np.ndarray) -> Path:
    soundfile.write(path, samples, tasks.SAMPLE_RATE)
    return path


def test_a_piece_says_what_the_cues_of_its_sections_give(tmp_path: Path) -> None:
    piece = tasks.compose_piece(CURVE, 20.0, CurveSettings(), tmp_path / "piece.flac")
    song = compose_along(CURVE, 20.0)
    given = [(section.valence, section.arousal) for section in piece.sections]
    assert given == [valence_arousal(section.cues) for section in song.sections]
    assert soundfile.info(tmp_path / "piece.flac").duration == pytest.approx(20.0)
    assert (tmp_path / "piece.mid").read_bytes()[:4] == b"MThd"


def test_the_picture_of_a_sound_has_its_maximum_where_the_sound_is(tmp_path: Path) -> None:
    time = np.arange(3 * tasks.SAMPLE_RATE) / tasks.SAMPLE_RATE
    tone = np.where(time > 2.0, 0.5 * np.sin(2 * np.pi * 440 * time), 0.0)
    analysis = tasks.analyse_sound(write(tmp_path / "tone.wav", tone), None)
    picture = analysis.picture
    levels = np.frombuffer(base64.b64decode(picture.data), np.uint8).reshape(picture.bands, picture.columns)
    assert levels.max() == 255
    assert levels[:, : picture.columns // 2].max() == 0
    assert analysis.prediction is None
    assert max(analysis.peaks) == pytest.approx(0.5, abs=0.01)
    assert analysis.peaks[0] == 0.0


def test_a_sound_that_cannot_be_predicted_says_why(tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.wav", np.zeros(2 * tasks.SAMPLE_RATE))
    analysis = tasks.analyse_sound(silent, material.trained("student"))
    assert analysis.prediction is None
    assert present(analysis.reason).startswith("silent")


def test_points_of_an_uploads_curve_are_filed_as_they_come(tmp_path: Path) -> None:
    upload = write(tmp_path / "upload.wav", render(compose_along(CURVE, 20.0), tasks.SAMPLE_RATE))
    analysis = tasks.predict_upload(upload, material.trained("student"), tmp_path / "events", tmp_path / "sound.flac")
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    points = [point["time"] for event in events if event["type"] == "points" for point in event["points"]]
    assert points == [point.time for point in present(present(analysis.prediction).curve)]
    assert not upload.exists()
    assert (tmp_path / "sound.flac").is_file()


def test_a_regressor_at_another_rate_gets_the_upload_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resampled once, as by ``affetti predict``, and not by way of the rate of the page."""
    upload = tmp_path / "upload.wav"
    soundfile.write(upload, 0.1 * np.random.default_rng(0).normal(size=44_100), 44_100)
    expected = audio.load(upload, 16_000).numpy()
    taken: list[np.ndarray] = []

    def predict(_regressor: object, waveform: np.ndarray, **_: object) -> None:
        taken.append(waveform)

    monkeypatch.setattr(tasks, "_regressor", lambda _: SimpleNamespace(sample_rate=16_000))
    monkeypatch.setattr(tasks, "predict_waveform", predict)
    tasks.predict_upload(upload, Path("any"), tmp_path / "events", tmp_path / "sound.flac")
    assert np.array_equal(taken[0], expected)


def test_an_upload_that_is_no_sound_is_refused_without_its_path(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(b"no sound at all")
    with pytest.raises(InputError) as refused:
        tasks.predict_upload(upload, None, tmp_path / "events", tmp_path / "sound.flac")
    assert str(tmp_path) not in str(refused.value)


def test_a_clip_depends_on_its_seed_alone(tmp_path: Path) -> None:
    flow = material.trained("flow")
    files = [tmp_path / name for name in ("a.flac", "b.flac", "c.flac")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        seconds = tasks.sample_sound(flow, (0.5, 0.5), GenerationSettings(seed=seed), file)
        assert seconds == pytest.approx(soundfile.info(file).duration)
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other


def test_a_round_takes_a_song_that_no_generator_was_trained_on(tmp_path: Path) -> None:
    # The generator's folder may bear any name, that of the real clip too.
    real, made, near = (tmp_path / f"{name}.flac" for name in ("real", "made", "near"))
    played = play_round(
        material.composed(), {"real": material.trained("flow")}, 3, real, {"real": made}, {"real": near}
    )
    assert played.held_out
    assert [(clip.name, clip.song is not None) for clip in played.clips] == [("real", True), ("real", False)]
    assert played.neighbours[0].distance > 0
    assert len({file.read_bytes() for file in (real, made, near)}) == 3
