from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.conftest import RATE, music
from tests.material import present

from affetti.corpus import Corpus
from affetti.errors import InputError, MismatchError, UsageError
from affetti.inference.predictor import list_recordings, predict_files, predict_waveform
from affetti.inference.window_regressors import TorchWindowRegressor
from affetti.presets import mel_front_end
from affetti.signal import audio
from affetti.signal.mel import MelSpectrogram
from affetti.training import run as runs
from affetti.training.train import TrainSettings, train_run


@pytest.fixture
def song(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "song.wav", music(1, 9.3), RATE)
    return tmp_path / "song.wav"


@pytest.mark.parametrize("kind", ["student", "vit", "baseline"])
def test_the_curve_is_the_prediction_of_each_window(run_of: Callable[[str], Path], song: Path, kind: str) -> None:
    (result,) = predict_files(run_of(kind), [song])
    trained, front = runs.load(run_of(kind)), mel_front_end("tiny")
    samples = audio.load(song, RATE)
    starts = [0, RATE, 2 * RATE, 3 * RATE, len(samples) - front.samples]
    curve = present(result.curve)
    assert [point.time for point in curve] == pytest.approx([at / RATE + 5.9 / 2 for at in starts], abs=1e-3)
    to_mel = MelSpectrogram(front)
    for at, point in zip(starts, curve, strict=True):
        mel = to_mel(samples[at : at + front.samples]).unsqueeze(0)
        with torch.inference_mode():
            valence, arousal = trained.model(mel)[0].tolist()
        assert (point.valence, point.arousal) == pytest.approx((valence, arousal), abs=1e-4)
    for axis, half in zip(("valence", "arousal"), trained.model.get_buffer("half_width").tolist(), strict=True):
        assert getattr(result, axis) == pytest.approx(np.mean([getattr(point, axis) for point in curve]))
        assert -1 <= getattr(result, axis) <= 1
        expected = [max(-1, getattr(result, axis) - half), min(1, getattr(result, axis) + half)]
        assert getattr(result, f"{axis}_ci") == pytest.approx(expected, abs=1e-6)


def test_the_hop_sets_the_points(run_of: Callable[[str], Path], song: Path) -> None:
    times = [point.time for point in predict_files(run_of("student"), [song], hop=0.5)[0].curve or []]
    assert len(times) == 8
    assert times[1] - times[0] == pytest.approx(0.5)
    (coarse,) = predict_files(run_of("student"), [song], hop=100)
    assert len(present(coarse.curve)) == 2, "the first window and the last"


def test_a_short_recording_is_repeated(run_of: Callable[[str], Path]) -> None:
    trained, short = TorchWindowRegressor(runs.load(run_of("student"))), music(2, 2.0)
    front = trained.front_end
    result = predict_waveform(trained, short)
    assert len(present(result.curve)) == 1
    whole = np.concatenate([short] * 3)[: front.samples]
    assert present(result.curve)[0].arousal == pytest.approx(predict_waveform(trained, whole).arousal, abs=1e-6)


def test_one_window_gives_one_point(run_of: Callable[[str], Path]) -> None:
    trained = TorchWindowRegressor(runs.load(run_of("student")))
    result = predict_waveform(trained, music(2, 6.0)[: trained.front_end.samples])
    assert [point.time for point in present(result.curve)] == [pytest.approx(2.95)]


@pytest.mark.parametrize("kind", ["student", "baseline"])
def test_silent_windows_are_left_out_of_the_mean_and_counted(run_of: Callable[[str], Path], kind: str) -> None:
    regressor = TorchWindowRegressor(runs.load(run_of(kind)))
    sounding = music(3, 9.0)
    for level in (0.0, 0.5):  # digital silence, and a constant
        pause = np.full(8 * RATE, level, np.float32)
        for waveform in (np.append(sounding, pause), np.append(pause, sounding)):
            prediction = predict_waveform(regressor, waveform)
            values = np.array([(point.valence, point.arousal) for point in present(prediction.curve)], dtype=float)
            sounding_values = values[~np.isnan(values).all(axis=1)]
            assert prediction.silent == len(values) - len(sounding_values) > 0
            mean = tuple(sounding_values.mean(axis=0))
            assert (prediction.valence, prediction.arousal) == pytest.approx(mean)
    assert predict_waveform(regressor, sounding).silent == 0


def test_the_silence_at_the_end_of_a_song_does_not_change_its_emotion(
    run_of: Callable[[str], Path], data: Path
) -> None:
    file = data / "faults" / "music_8s_silence_60s.flac"
    regressor = TorchWindowRegressor(runs.load(run_of("student")))
    waveform = audio.load(file, RATE).numpy()
    (prediction,) = predict_files(run_of("student"), [file])
    short = predict_waveform(regressor, waveform[: 10 * RATE])
    assert prediction.silent == 56
    assert prediction.valence == pytest.approx(short.valence, abs=0.15)


def test_folders_and_formats_are_mixed(run_of: Callable[[str], Path], tmp_path: Path, song: Path) -> None:
    folder = tmp_path / "songs"
    (folder / "more").mkdir(parents=True)
    (folder / "notes.txt").write_text("not music")
    for name in ("b.flac", "a.ogg", "more/c.wav"):
        audio.save(folder / name, music(1, 9.3), RATE)
    stereo = np.stack([music(1, 9.3)] * 2, axis=1)
    soundfile.write(folder / "more/d.wav", stereo, RATE)
    remaining: list[int] = []
    result = predict_files(
        run_of("student"), [song, folder], progress=lambda _, done, total: remaining.append(total - done)
    )
    assert [Path(present(entry.path)).name for entry in result] == ["song.wav", "a.ogg", "b.flac", "c.wav", "d.wav"]
    first, coded, *others = [present(entry.arousal) for entry in result]
    assert others == pytest.approx([first] * 3, abs=0.01)
    assert coded == pytest.approx(first, abs=0.1)  # Vorbis changes the sound
    assert remaining == [4, 3, 2, 1, 0]


def test_hidden_files_are_not_predicted(run_of: Callable[[str], Path], guarded: Path, song: Path) -> None:
    folder = guarded / "songs"
    for place in (".", ".Trash", ".ipynb_checkpoints", "__MACOSX", "closed"):
        (folder / place).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(song, folder / place / "a.wav")
    shutil.copyfile(song, folder / "._a.wav")
    (folder / "again").symlink_to(folder)
    (folder / "b.wav").symlink_to(folder / "a.wav")
    (folder / "far.wav").symlink_to(song)
    (folder / "closed").chmod(0)
    result = predict_files(run_of("student"), [folder, song])
    assert {Path(str(entry.path)).name: entry.error for entry in result} == {
        "closed": "cannot be read (Permission denied)",
        "a.wav": None,
        "far.wav": None,
        "song.wav": None,
    }


def test_a_model_that_was_not_calibrated_gives_no_interval(run_of: Callable[[str], Path]) -> None:
    trained = runs.load(run_of("student"))
    trained.model.get_buffer("half_width").fill_(float("nan"))
    result = predict_waveform(TorchWindowRegressor(trained), music(1))
    assert result.valence_ci is None
    assert result.valence_original_ci is None


def test_values_are_given_on_the_scale_of_the_labels_too(run_of: Callable[[str], Path]) -> None:
    trained = runs.load(run_of("student"))
    regressor = TorchWindowRegressor(trained)
    assert (regressor.label_scale, predict_waveform(regressor, music(1)).scale) == ("-1..1", "-1..1")
    regressor.label_scale = "1..9"
    result = predict_waveform(regressor, music(1))
    for axis in ("valence", "arousal"):
        assert getattr(result, f"{axis}_original") == pytest.approx(5 + 4 * getattr(result, axis))
        assert getattr(result, f"{axis}_original_ci") == pytest.approx(
            [5 + 4 * bound for bound in getattr(result, f"{axis}_ci")]
        )
    regressor.label_scale = "quadrants"
    assert predict_waveform(regressor, music(1)).valence_original is None


def test_one_bad_recording_stops_no_other(run_of: Callable[[str], Path], tmp_path: Path, song: Path) -> None:
    folder, empty = tmp_path / "songs", tmp_path / "empty"
    folder.mkdir()
    empty.mkdir()
    (folder / "a.mp3").write_bytes(b"not a song")
    audio.save(folder / "b.wav", music(1, 0.2), RATE)
    result = predict_files(run_of("student"), [folder, song, tmp_path / "nowhere.wav", empty])
    errors = {Path(present(entry.path)).name: entry.error for entry in result}
    assert errors["song.wav"] is None
    assert "too short" in present(errors["b.wav"])
    assert "no such audio file" in present(errors["nowhere.wav"])
    assert "no audio files" in present(errors["empty"])
    assert errors["a.mp3"]
    with pytest.raises(InputError, match=r"none of 2 recordings can be read, the first: .*a\.mp3"):
        predict_files(run_of("student"), [folder])


def test_a_baseline_on_an_embedding_gets_the_features_it_was_trained_on(
    tmp_path: Path, corpus: Corpus, song: Path
) -> None:
    @dataclass(frozen=True)
    class Loudness:
        version: str = "loud-1"
        sample_rate: int | None = 8_000
        embed: Callable[[torch.Tensor], torch.Tensor] = lambda x: x.std(dim=1, keepdim=True).log().repeat(1, 3)

    features = np.repeat(corpus.mel.mean(axis=(1, 2), dtype=np.float64)[:, None], 3, axis=1)
    settings = {"features": "musicnn:x", "version": "loud-1", "dimension": 3}
    train_run("baseline", corpus, 0, tmp_path / "run", TrainSettings(model=settings), embedding=features)
    (result,) = predict_files(tmp_path / "run", [song], make_embedder=lambda _name: Loudness())
    model = runs.load(tmp_path / "run").model
    sound = audio.load(song, 8_000)
    length = round(5.9 * 8_000)
    expected = model(Loudness().embed(sound[None, :length]))[0].tolist()
    first = present(result.curve)[0]
    assert (first.valence, first.arousal) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(MismatchError, match="of version loud-1, this is loud-2"):
        predict_files(tmp_path / "run", [song], make_embedder=lambda _name: Loudness("loud-2"))
    with pytest.raises(UsageError, match="needs the embedder musicnn:x, which is not given"):
        predict_files(tmp_path / "run", [song])
    with pytest.raises(UsageError, match="takes musicnn:x, not log-mels"):
        model(torch.zeros(1, 64, 128))


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


def test_files_are_listed_and_unusable_paths_do_not_stop_the_others(tmp_path: Path, song: Path) -> None:
    (tmp_path / "empty").mkdir()
    files, errors = list_recordings([song, tmp_path / "empty"])
    assert files == (song,)
    assert [error.what for error in errors] == ["no audio files in this folder"]


def test_invalid_input_is_refused(run_of: Callable[[str], Path], tmp_path: Path, song: Path) -> None:
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
    (result,) = predict_files(run_of("baseline"), [file])
    assert -1 <= present(result.valence) <= 1
    assert len(present(result.curve)) > 1
