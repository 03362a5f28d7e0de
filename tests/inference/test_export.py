from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tests.conftest import RATE, music
from tests.material import present

import affetti
from affetti.errors import InputError, MismatchError, MissingDependencyError, StorageError, UsageError
from affetti.inference.export import WaveformRegressor, export_run
from affetti.inference.onnx_model import KEY, OnnxRegressor
from affetti.inference.predictor import predict_files, predict_waveform
from affetti.inference.window_regressors import TorchWindowRegressor, open_regressor
from affetti.presets import mel_front_end
from affetti.signal.mel import MelSpectrogram
from affetti.training import run as runs

onnx = pytest.importorskip("onnx", reason="the optional package onnx is not installed")
pytest.importorskip("onnxscript", reason="the optional package onnxscript is not installed")
pytest.importorskip("onnxruntime", reason="the optional package onnxruntime is not installed")
FRONT = mel_front_end("tiny")


@pytest.fixture(scope="module")
def exported(run_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "student.onnx"
    document = export_run(run_of("student"), path)
    assert document.difference < 1e-4
    assert document.bytes == path.stat().st_size
    return path


def test_its_front_end_is_the_front_end(run_of: Callable[[str], Path]) -> None:
    regressor = WaveformRegressor(FRONT, runs.load(run_of("student")).model)  # type: ignore[arg-type]
    sound = torch.from_numpy(np.stack([music(seed)[: FRONT.samples] for seed in range(2)]))
    torch.testing.assert_close(regressor.log_mel(sound), MelSpectrogram(FRONT)(sound), atol=1e-3, rtol=0)


@pytest.mark.parametrize("extra", [0, 1, RATE // 3, RATE, RATE + 1, 3 * RATE + 7])
def test_it_predicts_what_pytorch_predicts_at_any_length(
    run_of: Callable[[str], Path], exported: Path, extra: int
) -> None:
    sound = music(5, 12.0)[: FRONT.samples + extra]
    result = predict_waveform(TorchWindowRegressor(runs.load(run_of("student"))), sound)
    model = OnnxRegressor(exported)
    curve = model.curve(sound[None])[0]
    assert len(curve) == len(present(result.curve))
    expected = [[present(point.valence), present(point.arousal)] for point in present(result.curve)]
    np.testing.assert_allclose(curve, expected, atol=1e-3)
    mean = [present(result.valence), present(result.arousal)]
    np.testing.assert_allclose(model.predict(sound[None])[0], mean, atol=1e-3)


@pytest.mark.parametrize("extra", [0, 1, RATE // 3, RATE, RATE + 1, 3 * RATE + 7])
def test_windows_begin_a_second_apart_and_the_last_ends_with_the_sound(
    run_of: Callable[[str], Path], extra: int
) -> None:
    regressor = WaveformRegressor(FRONT, runs.load(run_of("student")).model)  # type: ignore[arg-type]
    sound = torch.arange(2.0 * (FRONT.samples + extra)).reshape(2, -1)
    starts = [*range(0, extra, RATE), extra]
    expected = torch.stack([sound[:, start : start + FRONT.samples] for start in starts], dim=1)
    assert torch.equal(regressor._windows(sound), expected)


def test_the_file_is_small_and_names_no_path_of_the_machine(run_of: Callable[[str], Path], exported: Path) -> None:
    # 203 kB of cosines, 203 kB of mel filters, and the graph.
    assert exported.stat().st_size < (run_of("student") / "model.safetensors").stat().st_size + 600_000
    content = exported.read_bytes()
    assert str(Path(torch.__file__).parent).encode() not in content
    assert str(Path(affetti.__file__).parent).encode() not in content


def test_windows_are_copied_by_the_block_not_by_the_sample(exported: Path) -> None:
    # ONNX Runtime takes longer for one GatherND over all samples than for the network.
    operations = {node.op_type for node in onnx.load(exported).graph.node}
    assert "Gather" in operations
    assert not operations & {"GatherND", "GatherElements", "STFT", "DFT"}


def test_silent_windows_are_left_out_as_predict_leaves_them_out(run_of: Callable[[str], Path], exported: Path) -> None:
    regressor = OnnxRegressor(exported)
    pause = np.zeros(8 * 22_050, np.float32)
    waveform = np.concatenate([music(3, 9.0), pause, pause + 0.5])
    emotion, curve = regressor.session.run(None, {"waveform": waveform[None]})
    prediction = predict_waveform(TorchWindowRegressor(runs.load(run_of("student"))), waveform)
    expected = np.array([(point.valence, point.arousal) for point in present(prediction.curve)], dtype=float)
    assert 0 < np.isnan(expected[:, 0]).sum() == present(prediction.silent) < len(expected)
    np.testing.assert_allclose(curve[0], expected, atol=1e-4)
    mean = [present(prediction.valence), present(prediction.arousal)]
    np.testing.assert_allclose(emotion[0], mean, atol=1e-4)
    assert np.isnan(regressor.session.run(["emotion"], {"waveform": pause[None]})[0]).all()


def test_clips_of_a_batch_do_not_touch(exported: Path) -> None:
    model = OnnxRegressor(exported)
    sounds = np.stack([music(seed, 7.0) for seed in range(3)])
    np.testing.assert_allclose(model.curve(sounds)[1], model.curve(sounds[1:2])[0], atol=1e-5)


def test_predict_runs_it_without_a_network_of_pytorch(
    run_of: Callable[[str], Path], exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "long.wav", music(1, 9.3), RATE)
    soundfile.write(tmp_path / "short.wav", music(2, 1.5), RATE)
    expected = predict_files(run_of("student"), [tmp_path])
    monkeypatch.setattr(torch.nn.Module, "__call__", lambda *_: pytest.fail("PyTorch was run"))
    result = predict_files(exported, [tmp_path], runtime="onnx")
    for one, other in zip(result, expected, strict=True):
        assert one.path == other.path
        assert one.scale == other.scale
        assert one.valence == pytest.approx(other.valence, abs=1e-3)
        assert one.arousal_ci == pytest.approx(other.arousal_ci, abs=1e-3)
        assert one.valence_original == pytest.approx(other.valence_original, abs=1e-3)


def test_a_vit_is_exported_too(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    document = export_run(run_of("vit"), tmp_path / "vit.onnx")
    assert document.difference < 1e-3


def test_the_file_says_what_it_is(run_of: Callable[[str], Path], exported: Path) -> None:
    held = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    meta: dict[str, Any] = json.loads(held[KEY])
    trained = runs.load(run_of("student"))
    assert meta["front_end_hash"] == FRONT.hash
    assert meta["weights_sha256"] == trained.meta.weights_sha256
    assert meta["half_width"] == pytest.approx(trained.model.half_width.tolist())  # type: ignore[operator, union-attr]
    assert meta["outputs"] == ["valence", "arousal"]


def altered(exported: Path, out: Path, change: Callable[[Any], None]) -> Path:
    model = onnx.load(exported)
    change(model)
    onnx.save(model, out)
    return out


def test_files_of_others_are_refused(exported: Path, tmp_path: Path) -> None:
    def forget(model: Any) -> None:
        del model.metadata_props[:]

    def another(model: Any) -> None:
        model.metadata_props[0].value = model.metadata_props[0].value.replace('"version": 1', '"version": 99')

    def future(model: Any) -> None:
        model.opset_import[0].version = 99

    with pytest.raises(InputError, match="not a model that affetti exported"):
        OnnxRegressor(altered(exported, tmp_path / "a.onnx", forget))
    with pytest.raises(MismatchError, match="ONNX format 99"):
        OnnxRegressor(altered(exported, tmp_path / "b.onnx", another))
    with pytest.raises(InputError, match="opset") as caught:
        OnnxRegressor(altered(exported, tmp_path / "c.onnx", future))
    assert "\n" not in str(caught.value)
    (tmp_path / "d.onnx").write_bytes(exported.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot run it"):
        OnnxRegressor(tmp_path / "d.onnx")
    with pytest.raises(StorageError, match="no such file"):
        OnnxRegressor(tmp_path / "nowhere.onnx")


def test_a_damaged_file_is_refused_in_one_line(exported: Path, tmp_path: Path) -> None:
    def described(text: str) -> Callable[[Any], None]:
        def change(model: Any) -> None:
            model.metadata_props[0].value = text

        return change

    def no_numbers(model: Any) -> None:
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1:
                tensor.raw_data = np.full(len(tensor.raw_data) // 4, np.nan, np.float32).tobytes()

    for text in ("{", "[]", '{"version": 1}', "[" * 5_000):
        with pytest.raises(InputError, match="what affetti wrote into it is damaged") as caught:
            OnnxRegressor(altered(exported, tmp_path / "a.onnx", described(text)))
        assert "\n" not in str(caught.value)
    regressor = OnnxRegressor(altered(exported, tmp_path / "b.onnx", no_numbers))
    with pytest.raises(InputError, match="gives a value that is not finite"):
        predict_waveform(regressor, music(1, 8.0))
    soundfile.write(tmp_path / "song.wav", music(1, 8.0), RATE)
    with pytest.raises(InputError, match="not finite"):
        predict_files(tmp_path / "b.onnx", [tmp_path / "song.wav"], runtime="onnx")


def test_invalid_input_is_refused(run_of: Callable[[str], Path], exported: Path, tmp_path: Path) -> None:
    for kind, out, says in (
        ("student", tmp_path / "model.pt", r"an ONNX file ends in \.onnx"),
        ("baseline", tmp_path / "x.onnx", "a baseline is not written as ONNX"),
        ("flow", tmp_path / "x.onnx", "a flow is not written as ONNX"),
    ):
        with pytest.raises(UsageError, match=says):
            export_run(run_of(kind), out)
    shutil.copy(exported, tmp_path / "there.onnx")
    with pytest.raises(StorageError, match="exists"):
        export_run(run_of("student"), tmp_path / "there.onnx")
    with pytest.raises(UsageError, match="needs an ONNX file"):
        open_regressor(run_of("student"), "onnx")
    with pytest.raises(UsageError, match="Add --runtime onnx"):
        open_regressor(exported)
    with pytest.raises(UsageError, match="unknown runtime 'tensorrt'"):
        open_regressor(exported, "tensorrt")


def test_without_the_packages_one_line_names_them(
    run_of: Callable[[str], Path], exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"affetti\[onnx\]"):
        OnnxRegressor(exported)
    with pytest.raises(MissingDependencyError, match=r"affetti\[onnx\]"):
        export_run(run_of("student"), tmp_path / "x.onnx")
