from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import RATE, music

from affetti.signal import audio

Affetti = Callable[..., Any]


def test_a_run_is_exported_and_predicted_with(affetti: Affetti, run_of: Callable[[str], Path], tmp_path: Path) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason=f"the optional package {name} is not installed")
    out, song = tmp_path / "student.onnx", tmp_path / "song.wav"
    audio.save(song, music(1, 8.0), RATE)
    ran = affetti("export", "--model", run_of("student"), "--out", out)
    assert ran.code == 0, ran.err
    assert f"affetti predict --runtime onnx --model {out}" in ran.out
    (one,) = json.loads(affetti("predict", song, "--model", out, "--runtime", "onnx", "--json").out)
    (other,) = json.loads(affetti("predict", song, "--model", run_of("student"), "--json").out)
    assert one["arousal"] == pytest.approx(other["arousal"], abs=1e-3)
    assert one["curve"][1]["valence"] == pytest.approx(other["curve"][1]["valence"], abs=1e-3)


def test_invalid_input_is_refused(affetti: Affetti, run_of: Callable[[str], Path], tmp_path: Path) -> None:
    for arguments, says in (
        (["--model", run_of("student"), "--out", tmp_path / "model.bin"], "an ONNX file ends in .onnx"),
        (["--model", run_of("student")], "out"),
        (["--model", "nowhere", "--out", tmp_path / "m.onnx"], "nowhere: no such folder"),
        (["--model", run_of("gan"), "--out", tmp_path / "m.onnx"], "a gan is not written as ONNX"),
    ):
        ran = affetti("export", *arguments)
        assert ran.code == 2
        assert says in ran.complaint
    assert not list(tmp_path.iterdir())
