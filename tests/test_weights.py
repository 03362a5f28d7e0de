"""The regressor that ships with affetti."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.conftest import RATE, music
from tests.material import sha

import affetti
from affetti.compose import compose, draw_cues, render, valence_arousal
from affetti.corpus.loaders import vgmidi
from affetti.corpus.track import Options
from affetti.embedders.registry import make_embedder
from affetti.errors import InputError, StorageError
from affetti.inference.blend import open_blend
from affetti.inference.onnx_model import OnnxRegressor
from affetti.inference.predictor import predict_waveform
from affetti.inference.window_regressors import (
    BlendedWindowRegressor,
    TorchWindowRegressor,
    WindowRegressor,
    open_regressor,
)
from affetti.training import run as runs
from affetti.weights import NETWORK, SHIPPED, shipped_onnx, shipped_regressor

DATA = Path(os.environ.get("AFFETTI_TEST_DATA", "nowhere"))


@pytest.fixture(scope="module")
def shipped() -> WindowRegressor:
    return open_regressor(SHIPPED, make_embedder=make_embedder)


def test_it_predicts_recordings_without_a_model_and_says_what_it_is() -> None:
    folder = DATA / "open" / "librosa_audio"
    if not folder.is_dir():
        pytest.skip("AFFETTI_TEST_DATA holds no librosa_audio")
    file = sorted(folder.glob("*.ogg"))[0]
    (prediction,) = affetti.predict(audio=file, hop=10)
    assert prediction.error is None
    assert prediction.valence is not None and -1 <= prediction.valence <= 1
    assert prediction.interval_level == 0.9
    assert prediction.regressor is not None
    assert "never on listeners" in prediction.regressor
    assert "VGMIDI" in prediction.regressor and "EMOPIA" in prediction.regressor
    assert "\n" not in prediction.regressor


def test_silence_is_refused_and_short_music_is_not(shipped: WindowRegressor) -> None:
    with pytest.raises(InputError, match="silent"):
        predict_waveform(shipped, np.zeros(8 * RATE, dtype=np.float32))
    with pytest.raises(InputError, match="too short"):
        predict_waveform(shipped, music(1, 0.5))
    for seconds in (1.0, 5.9):
        assert len(predict_waveform(shipped, music(1, seconds)).curve or []) == 1


def test_loudness_alone_changes_little(shipped: WindowRegressor) -> None:
    sound = music(4, 5.9)
    loud, soft = predict_waveform(shipped, sound), predict_waveform(shipped, 0.25 * sound)
    assert loud.valence is not None and soft.valence is not None
    assert loud.valence == pytest.approx(soft.valence, abs=0.15)


def test_it_predicts_composed_songs_of_other_seeds(shipped: WindowRegressor) -> None:
    sounds: list[np.ndarray] = []
    truths: list[tuple[float, float]] = []
    for index in range(30):
        song = compose(20_261, index, asdict(draw_cues(np.random.default_rng(index))), keys=12)
        start = round(song.sections[2].start * RATE)
        sounds.append(render(song, RATE)[start : start + round(shipped.front_end.seconds * RATE)])
        truths.append(valence_arousal(song.sections[2].cues))
    predictions, labels = shipped.predict(np.stack(sounds)), np.array(truths)
    for axis, least in enumerate((0.6, 0.5)):
        assert np.corrcoef(predictions[:, axis], labels[:, axis])[0, 1] > least


@pytest.mark.skipif(not (DATA / "research" / "VGMIDI").is_dir(), reason="AFFETTI_TEST_DATA holds no VGMIDI")
def test_its_agreement_with_listeners_is_the_documented_one(shipped: WindowRegressor) -> None:
    source = vgmidi.load(DATA / "research" / "VGMIDI", Options())
    documented = open_blend(shipped_regressor()).agreement[0]
    tracks = source.tracks[::3]
    predictions = [
        predict_waveform(shipped, np.asarray(track.sound.waveform(RATE), dtype=np.float32)[: 40 * RATE], 6.0)
        for track in tracks
    ]
    for axis in ("valence", "arousal"):
        r = np.corrcoef([getattr(p, axis) for p in predictions], [getattr(t.labels, axis) for t in tracks])[0, 1]
        low, high = getattr(documented, axis).ci
        assert low - 0.15 < r < high + 0.15


def test_damaged_weights_give_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "weights"
    shutil.copytree(shipped_regressor(), copy)
    monkeypatch.setattr("affetti.inference.window_regressors.shipped_regressor", lambda: copy)
    assert isinstance(open_regressor(SHIPPED, make_embedder=make_embedder), BlendedWindowRegressor)
    weights = copy / NETWORK / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 0xFF
    weights.write_bytes(content)
    with pytest.raises(StorageError, match=r"ships with affetti is damaged .*force-reinstall") as caught:
        open_regressor(SHIPPED, make_embedder=make_embedder)
    assert "\n" not in str(caught.value)
    weights.write_bytes(content[:100])
    with pytest.raises(StorageError, match="damaged"):
        open_regressor(SHIPPED, make_embedder=make_embedder)
    shutil.rmtree(copy)
    with pytest.raises(StorageError, match="damaged"):
        open_regressor(SHIPPED, make_embedder=make_embedder)


def test_on_log_mels_alone_its_name_stands_for_its_network() -> None:
    trained = runs.load(SHIPPED)
    assert trained.kind == "student"
    with torch.inference_mode():
        assert trained.regressor(torch.full((1, *trained.front_end.shape), -40.0)).shape == (1, 2)


@pytest.mark.parametrize("seconds", [5.91, 9.3])
def test_its_network_as_onnx_predicts_what_pytorch_predicts(seconds: float) -> None:
    pytest.importorskip("onnxruntime", reason="the optional package onnxruntime is not installed")
    exported, network = OnnxRegressor(shipped_onnx()), TorchWindowRegressor(runs.load(SHIPPED))
    assert exported.meta["weights_sha256"] == runs.load(SHIPPED).meta.weights_sha256
    sounds = np.stack([music(seed, seconds) for seed in range(3)])
    for sound in sounds:
        expected = predict_waveform(network, sound)
        assert (expected.valence, expected.arousal) == pytest.approx(exported.predict(sound[None])[0], abs=1e-4)
    assert np.ptp(exported.predict(sounds), axis=0).min() > 0.01
    np.testing.assert_allclose(exported.half_width, network.half_width, rtol=1e-6)


def test_a_folder_of_its_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / SHIPPED).mkdir()
    with pytest.raises(StorageError, match="no trained model here"):
        open_regressor(SHIPPED)


def test_its_files_belong_to_the_package_and_are_small() -> None:
    folder = shipped_regressor()
    assert folder.parent.parent == Path(affetti.__file__).parent
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"blend.json", "MODEL_CARD.md", "model.safetensors", "model.json"}
    assert sum(file.stat().st_size for file in files) < 2.4e6
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    for file in files:
        if file.suffix in (".safetensors", ".onnx"):
            row = f"| `{file.relative_to(folder)}` | {file.stat().st_size:,} | `{sha(file)}` |"
            assert row in card, "list_files of bench/shipped_regressor.py makes the table"
    git = shutil.which("git")
    if git is not None and (Path(__file__).parents[1] / ".git").exists():
        ignored = subprocess.run([git, "check-ignore", *map(str, files)], cwd=folder, capture_output=True, check=False)
        assert not ignored.stdout, "hatchling leaves out of the wheel what git ignores"


def test_a_song_given_to_the_command_needs_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from affetti.cli.main import main

    soundfile.write(tmp_path / "song.wav", music(1, 6.0), RATE)
    assert main(["predict", str(tmp_path / "song.wav")]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    assert "valence" in printed.out
    assert "composed by rules" in printed.err
