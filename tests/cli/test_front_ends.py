"""A corpus of constant-Q spectrograms through every verb; what does not belong together is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.conftest import Ran

import affetti as library
from affetti import presets
from affetti.corpus import Corpus
from affetti.embedders.silent_rows import silent_rows
from affetti.signal import audio
from affetti.signal.front_ends import spectrogram

CQT = presets.front_end("cqt-tiny")
Command = Callable[..., Ran]


def ran(run: Ran) -> Ran:
    assert run.code == 0, run.err
    return run


def refused(run: Ran) -> str:
    assert run.code == 2
    lines = [line for line in run.err.splitlines() if line.startswith("affetti:")]
    assert len(lines) == 1, run.err
    return lines[0]


@pytest.fixture
def songs(make_folder: Callable[..., Path]) -> Path:
    return make_folder(20)


def test_everything_takes_a_constant_q_corpus(affetti: Command, songs: Path, tmp_path: Path) -> None:
    at = {name: tmp_path / name for name in ("corpus", "flow", "gan", "student", "made", "card")}
    ran(
        affetti(
            "prepare", f"folder:{songs}", "--front-end", "cqt-tiny", "--folds", 2, "--keep-audio", "--out", at["corpus"]
        )
    )
    corpus = Corpus.open(at["corpus"])
    assert (corpus.mel.shape[1:], corpus.front_end, corpus.meta["preset"]) == ((80, 128), CQT, "cqt-tiny")

    for kind in ("flow", "gan", "student"):
        few = ("--steps", 2, "--batch-size", 4)
        ran(affetti("train", kind, "--corpus", at["corpus"], "--fold", 0, "--out", at[kind], *few))
        described = json.loads((at[kind] / "model.json").read_text())
        assert described["front_end_hash"] == CQT.hash
        assert described["front_end"]["n_bins"] == 80
    ran(affetti("generate", "--model", at["flow"], "--n", 10, "--audio", "--out", at["made"]))
    made = Corpus.open(at["made"])
    assert made.front_end == CQT
    sound = audio.load(at["made"] / "audio" / "flow-000000.flac", 22_050)
    assert len(sound) == 1_024 * 127

    arguments = ("--fold", 0, "--regressor", at["student"], "--out", at["card"])
    ran(affetti("score", at["corpus"], at["made"], *arguments))
    bands = json.loads((at["card"] / "result.json").read_text())["spectrogram"]["bands"]
    assert list(bands)[:3] == ["55 Hz", "58 Hz", "62 Hz"]
    predicted = json.loads(ran(affetti("predict", songs / "song0.wav", "--model", at["student"], "--json")).out)
    assert len(predicted[0]["curve"]) == 2

    page = tmp_path / "page.html"
    ran(affetti("report", at["corpus"], at["flow"], at["student"], at["made"], at["card"], "--out", page))
    text = page.read_text()
    assert "80 constant-Q bins from 55 to 5,274 Hz" in text
    assert "Constant-Q spectrogram, " in text
    assert ">C4</text>" in text  # the axis is in notes
    assert "Log-mel spectrogram, " not in text


def test_an_exported_student_predicts_the_same(affetti: Command, songs: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    ran(affetti("prepare", f"folder:{songs}", "--preset", "cqt-tiny", "--folds", 2, "--out", tmp_path / "corpus"))
    training = ("--corpus", tmp_path / "corpus", "--fold", 0, "--steps", 2, "--batch-size", 4)
    ran(affetti("train", "student", *training, "--out", tmp_path / "student"))
    exported = json.loads(
        ran(affetti("export", "--model", tmp_path / "student", "--out", tmp_path / "s.onnx", "--json")).out
    )
    assert exported["difference"] < 1e-3
    song = songs / "song1.wav"
    by_torch = library.predict(tmp_path / "student", song)[0]
    by_onnx = library.predict(tmp_path / "s.onnx", song, runtime="onnx")[0]
    assert by_onnx.valence == pytest.approx(by_torch.valence, abs=1e-3)


def test_what_is_of_another_front_end_is_refused(affetti: Command, songs: Path, tmp_path: Path) -> None:
    for preset in ("tiny", "cqt-tiny"):
        ran(affetti("prepare", f"folder:{songs}", "--preset", preset, "--folds", 2, "--out", tmp_path / preset))
    mel, constant_q = tmp_path / "tiny", tmp_path / "cqt-tiny"
    hashes = f"made with front-end {CQT.hash} .80, 128., but --front-end tiny has"
    training = ("--fold", 0, "--steps", 1, "--out", tmp_path / "run")
    assert hashes.replace(".80, 128.", "(80, 128)") in refused(
        affetti("train", "flow", "--corpus", constant_q, "--front-end", "tiny", *training)
    )
    assert "front-end" in refused(affetti("score", mel, constant_q))
    few = ("--fold", 0, "--steps", 1, "--batch-size", 4, "--out", tmp_path / "flow")
    ran(affetti("train", "flow", "--corpus", mel, *few))
    generating = ("--model", tmp_path / "flow", "--n", 2, "--out", tmp_path / "made")
    assert "front-end" in refused(affetti("generate", *generating, "--filter", constant_q))
    assert not (tmp_path / "made").exists()


def test_silent_and_short_songs_are_left_out_and_one_window_is_enough(
    affetti: Command, songs: Path, tmp_path: Path
) -> None:
    soundfile.write(songs / "song0.wav", np.zeros(6 * 22_050), 22_050)
    soundfile.write(songs / "song1.wav", np.random.default_rng(0).normal(0, 0.1, 4_000), 22_050)
    soundfile.write(songs / "song2.wav", np.random.default_rng(0).normal(0, 0.1, CQT.samples), 22_050)
    made = ran(
        affetti("prepare", f"folder:{songs}", "--front-end", "cqt-tiny", "--folds", 2, "--out", tmp_path / "corpus")
    )
    assert "song0.wav: silent" in made.err
    assert "song1.wav: too short: 0.2 s, a clip is 5.9 s" in made.err
    assert len(Corpus.open(tmp_path / "corpus")) == 18


def test_silent_rows_of_constant_q_spectrograms_are_recognised() -> None:
    analyse = spectrogram(CQT)
    noise = np.random.default_rng(0).uniform(-1, 1, CQT.samples).astype(np.float32)
    levels = [0.0, 0.5 * audio.SILENCE, 0.003, 0.1]
    mel = torch.stack([analyse(torch.from_numpy(level * noise)) for level in levels]).numpy()
    assert silent_rows(mel, CQT).tolist() == [0, 1]
