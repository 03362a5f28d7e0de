from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.conftest import RATE, music

from affetti.errors import InputError, UsageError
from affetti.presets import front_end
from affetti.signal import audio
from affetti.signal.mel import MelSpectrogram
from affetti.training import run as runs
from affetti.training.predict import predict_files, predict_waveform


@pytest.fixture
def song(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "song.wav", music(1, 9.3), RATE)
    return tmp_path / "song.wav"


@pytest.mark.parametrize("kind", ["student", "baseline"])
def test_the_curve_is_what_the_model_reads_of_each_window(run_of: Callable[[str], Path], song: Path, kind: str) -> None:
    (found,) = predict_files(run_of(kind), [song])
    trained, front = runs.load(run_of(kind)), front_end("tiny")
    samples = audio.load(song, RATE)
    starts = [0, RATE, 2 * RATE, 3 * RATE, len(samples) - front.samples]
    assert [point["time"] for point in found["curve"]] == pytest.approx(
        [at / RATE + 5.9 / 2 for at in starts], abs=1e-3
    )
    to_mel = MelSpectrogram(front)
    for at, point in zip(starts, found["curve"], strict=True):
        mel = to_mel(samples[at : at + front.samples]).unsqueeze(0)
        with torch.inference_mode():
            valence, arousal = trained.model(mel)[0].tolist()
        assert (point["valence"], point["arousal"]) == pytest.approx((valence, arousal), abs=1e-4)
    for axis, half in zip(("valence", "arousal"), trained.model.half_width.tolist(), strict=True):
        assert found[axis] == pytest.approx(np.mean([point[axis] for point in found["curve"]]))
        assert -1 <= found[axis] <= 1
        expected = [max(-1, found[axis] - half), min(1, found[axis] + half)]
        assert found[f"{axis}_ci"] == pytest.approx(expected, abs=1e-6)


def test_the_hop_sets_the_points(run_of: Callable[[str], Path], song: Path) -> None:
    times = [point["time"] for point in predict_files(run_of("student"), [song], hop=0.5)[0]["curve"]]
    assert len(times) == 8
    assert times[1] - times[0] == pytest.approx(0.5)
    assert len(predict_files(run_of("student"), [song], hop=100)[0]["curve"]) == 2, "the first window and the last"


def test_a_short_recording_is_repeated(run_of: Callable[[str], Path]) -> None:
    trained, short = runs.load(run_of("student")), music(2, 2.0)
    front = trained.front_end
    found = predict_waveform(trained, short)
    assert len(found["curve"]) == 1
    whole = np.concatenate([short] * 3)[: front.samples]
    assert found["curve"][0]["arousal"] == pytest.approx(predict_waveform(trained, whole)["arousal"], abs=1e-6)


def test_one_window_gives_one_point(run_of: Callable[[str], Path]) -> None:
    trained = runs.load(run_of("student"))
    found = predict_waveform(trained, music(2, 6.0)[: trained.front_end.samples])
    assert [point["time"] for point in found["curve"]] == [pytest.approx(2.95)]


def test_folders_and_formats_are_mixed(run_of: Callable[[str], Path], tmp_path: Path, song: Path) -> None:
    folder = tmp_path / "songs"
    (folder / "more").mkdir(parents=True)
    (folder / "notes.txt").write_text("not music")
    for name in ("b.flac", "a.ogg", "more/c.wav"):
        audio.save(folder / name, music(1, 9.3), RATE)
    stereo = np.stack([music(1, 9.3)] * 2, axis=1)
    soundfile.write(folder / "more/d.wav", stereo, RATE)
    told: list[int] = []
    found = predict_files(run_of("student"), [song, folder], progress=lambda _, done, total: told.append(total - done))
    assert [Path(entry["path"]).name for entry in found] == ["song.wav", "a.ogg", "b.flac", "c.wav", "d.wav"]
    arousal = [entry["arousal"] for entry in found]
    assert arousal == pytest.approx([arousal[0]] * 5, abs=0.05)
    assert told == [4, 3, 2, 1, 0]


def test_a_model_that_was_not_calibrated_gives_no_interval(run_of: Callable[[str], Path]) -> None:
    trained = runs.load(run_of("student"))
    trained.model.half_width.fill_(float("nan"))  # type: ignore[operator, union-attr]
    assert predict_waveform(trained, music(1))["valence_ci"] is None


def spoilt(path: Path, seconds: float, value: float | None = None, level: float = 1.0) -> Path:
    samples = music(3, seconds) * level
    if value is not None:
        samples[100] = value
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0.2,), r"0\.20 s is too short"),
        ((6.0, None, 0.0), "silent"),
        ((6.0, None, 1e-5), "silent"),
        ((6.0, float("nan")), "not numbers"),
        ((6.0, float("inf")), "not numbers"),
    ],
)
def test_sound_that_cannot_be_read_is_refused(
    run_of: Callable[[str], Path], tmp_path: Path, arguments: tuple[float, ...], says: str
) -> None:
    path = spoilt(tmp_path / "song.wav", *arguments)
    with pytest.raises(InputError, match=says) as caught:
        predict_files(run_of("student"), [path])
    assert caught.value.where == str(path)


def test_what_makes_no_sense_is_refused(run_of: Callable[[str], Path], tmp_path: Path, song: Path) -> None:
    model = run_of("student")
    with pytest.raises(UsageError, match="a flow does not predict"):
        predict_files(run_of("flow"), [song])
    for hop in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="--hop"):
            predict_files(model, [song], hop=hop)
    with pytest.raises(UsageError, match="no audio given"):
        predict_files(model, [])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no audio files in this folder"):
        predict_files(model, [tmp_path / "empty"])
    with pytest.raises(InputError, match="no such audio file"):
        predict_files(model, [tmp_path / "nowhere.wav"])
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        predict_files(model, [song], device="gpu")


def test_real_music_is_read(run_of: Callable[[str], Path], data: Path) -> None:
    file = max((data / "open/librosa_audio").glob("*.ogg"), key=lambda path: path.stat().st_size)
    (found,) = predict_files(run_of("baseline"), [file])
    assert -1 <= found["valence"] <= 1
    assert len(found["curve"]) > 1
