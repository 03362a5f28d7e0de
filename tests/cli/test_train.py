from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import RATE, music
from tests.material import flags, sha, write_rated_corpus

from affetti import api
from affetti.corpus import Corpus
from affetti.signal import audio
from affetti.training import run as runs

Affetti = Callable[..., Any]
LEAN_FLOW = flags("flow")


def test_a_run_is_trained_and_printed(affetti: Affetti, corpus: Corpus, tmp_path: Path) -> None:
    train = ("train", "student", "--corpus", corpus.path, "--steps", 20, "--batch-size", 8, "--set", "width=4")
    ran = affetti(*train, "--out", tmp_path / "run")
    assert ran.code == 0
    assert "20 steps on" in ran.out
    assert "intervals: valence ±" in ran.out
    assert "arousal: CCC" in ran.out
    assert "train student: 20/20" in ran.err
    again = affetti(*train, "--out", tmp_path / "run", "--json")
    assert json.loads(again.out) == json.loads((tmp_path / "run/result.json").read_text())


def test_the_recipe_is_the_default_and_augment_none_is_the_training_of_before(
    affetti: Affetti, corpus: Corpus, tmp_path: Path
) -> None:
    train = ("train", "student", "--corpus", corpus.path, "--steps", 2, "--batch-size", 8, "--set", "width=4")
    named = {"default": (), "named": ("--augment", "specaugment"), "plain": ("--augment", "none")}
    for name, arguments in named.items():
        assert affetti(*train, *arguments, "--out", tmp_path / name).code == 0
    filed = {name: json.loads((tmp_path / name / "config.json").read_text())["augment"] for name in named}
    assert filed == {"default": "specaugment", "named": "specaugment", "plain": "none"}
    assert sha(tmp_path / "default/model.safetensors") == sha(tmp_path / "named/model.safetensors")
    assert sha(tmp_path / "default/model.safetensors") != sha(tmp_path / "plain/model.safetensors")
    logged = {name: (tmp_path / name / "metrics.jsonl").read_text() for name in named}
    assert "validation_ccc" in logged["default"]
    assert "validation_ccc" not in logged["plain"]
    ran = affetti(*train, "--augment", "specaug", "--out", tmp_path / "wrong", "--dry-run")
    assert ran.code == 2
    assert "unknown augmentation 'specaug'" in ran.complaint


def test_a_generator_is_trained_with_and_without_conditions(affetti: Affetti, corpus: Corpus, tmp_path: Path) -> None:
    train = ("train", "gan", "--corpus", corpus.path, "--steps", 2, "--batch-size", 4, "--set", *flags("gan"))
    for name, arguments, kept in (
        ("some", ("--fields", "emotion,genre"), ["emotion", "genre"]),
        ("none", ("--fields", "emotion"), ["emotion"]),
        ("blind", ("--without", "genre,lyrics"), ["emotion", "spread", "mode", "instruments", "section", "position"]),
    ):
        assert affetti(*train, *arguments, "--out", tmp_path / name).code == 0
        model = runs.load(tmp_path / name)
        assert list(model.fields.columns) == kept
        assert list(model.generator.followed_fields) == kept
        assert affetti(*train, *arguments, "--out", tmp_path / name).code == 0, "the same command again returns it"
    again = affetti("train", "gan", "--config", tmp_path / "blind/config.json", "--out", tmp_path / "again")
    assert again.code == 0, again.err
    assert sha(tmp_path / "blind/model.safetensors") == sha(tmp_path / "again/model.safetensors")
    ran = affetti(*train, "--out", tmp_path / "some")
    assert ran.code == 2
    assert "holds other work (fields was" in ran.complaint
    ran = affetti("generate", "--model", tmp_path / "blind", "--n", 2, "--genre", "rock", "--out", tmp_path / "made")
    assert ran.code == 2
    assert "the model was not trained with genre" in ran.complaint
    ran = affetti("train", "student", "--corpus", corpus.path, "--fields", "emotion", "--out", tmp_path / "wrong")
    assert ran.code == 2
    assert "a student has no condition" in ran.complaint


def test_a_runs_configuration_makes_the_same_weights(
    affetti: Affetti, corpus: Corpus, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    ran = affetti("train", "flow", "--config", run_of("flow") / "config.json", "--out", tmp_path / "again")
    assert ran.code == 0, ran.err
    assert sha(tmp_path / "again/model.safetensors") == sha(run_of("flow") / "model.safetensors")
    first, second = (json.loads((run / "config.json").read_text()) for run in (run_of("flow"), tmp_path / "again"))
    assert first == second
    assert first["corpus"] == str(corpus.path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "width"], "'width' is not a setting"),
        (["--set", "widths=wide,16"], "wrong setting"),
        (["--set", "width="], "'width=' is not a setting"),
        (["--teacher", "run"], "a flow has no teacher"),
        (["--augment", "none"], "a flow takes no augmentation"),
        (["--features", "statistics"], "a flow is trained on log-mels alone"),
        (["--set", "widht=8"], "Did you mean widths?"),
        (["--set", "widths=20,32"], "widths 20 is invalid"),
        (["--set", "widths=16.5,32"], "wrong setting"),
        (["--steps", "0"], "--steps: 0 is too small"),
        (["--preset", "paper"], "made with front-end"),
        (["--preset", "papr"], "Did you mean paper?"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--fold", "9"], "there is no fold 9"),
        (["--seed", "-1"], "--seed: -1 is too small"),
        (["--batch-size", "5000"], "fewer than one batch of 5000"),
        (["--fields", "emotion,genres"], "there is no field 'genres'"),
        (["--without", "genre,emotion"], "always conditioned on emotion"),
        (["--fields", "genre", "--without", "mode"], "both --fields and --without"),
    ],
)
def test_invalid_input_is_refused(
    affetti: Affetti, corpus: Corpus, tmp_path: Path, arguments: list[str], says: str
) -> None:
    ran = affetti("train", "flow", "--corpus", corpus.path, "--out", tmp_path / "run", *arguments)
    assert ran.code == 2
    assert says in ran.complaint
    assert not (tmp_path / "run").exists()


def test_ctrl_c_ends_with_130_after_saving_and_the_same_command_resumes(
    affetti: Affetti, corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = ["train", "flow", "--corpus", str(corpus.path), "--out", str(out), "--steps", "120"]
    arguments += ["--batch-size", "4", "--set", *LEAN_FLOW]
    process = subprocess.Popen(
        [sys.executable, "-m", "affetti.cli.main", *arguments], stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not (out / "metrics.jsonl").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, reported = process.communicate()
    assert process.returncode == 130, reported
    assert "interrupted; run the same command again to continue" in reported
    assert "Traceback" not in reported
    (saved,) = (out / "checkpoints").iterdir()
    step = int(saved.stem.removeprefix("step-"))
    assert 0 < step < 120
    ran = affetti(*arguments)
    assert ran.code == 0
    steps = [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(3, 121, 3))


def test_a_baseline_may_use_an_embedding_that_was_not_trained_on_the_test_songs(
    affetti: Affetti, corpus: Corpus, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    features = f"regressor:{run_of('student')}"
    train = ("train", "baseline", "--corpus", corpus.path, "--features", features)
    ran = affetti(*train, "--out", tmp_path / "run")
    assert ran.code == 0, ran.err
    assert json.loads((tmp_path / "run/model.json").read_text())["config"]["features"] == features
    audio.save(tmp_path / "song.wav", music(1), RATE)
    (result,) = json.loads(affetti("predict", tmp_path / "song.wav", "--model", tmp_path / "run", "--json").out)
    assert -1 <= result["arousal"] <= 1
    ran = affetti(*train, "--out", tmp_path / "other", "--fold", 1)
    assert ran.code == 2
    assert "of the test songs" in ran.complaint


@pytest.fixture(scope="module")
def sounding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus that keeps its audio."""
    folder = tmp_path_factory.mktemp("sounding") / "corpus"
    api.prepare.run("composed", folder, clips=48, folds=2, workers=1, keep_audio=True)
    return folder


def test_a_baselines_features_are_chosen_on_validation_songs_and_the_choice_is_reported(
    affetti: Affetti, sounding: Path, tmp_path: Path
) -> None:
    train = ("train", "baseline", "--corpus", sounding)
    ran = affetti(*train, "--out", tmp_path / "run")
    assert ran.code == 0, ran.err
    result = json.loads((tmp_path / "run/result.json").read_text())
    scores = result["feature_ccc"]
    assert list(scores) == ["statistics", "handcrafted", "harmony", "statistics+harmony", "statistics+handcrafted"]
    assert result["features"] == max(scores, key=scores.get)
    assert f"predicts from {result['features']}, chosen by CCC on validation songs: statistics " in ran.out
    for features in sorted({"statistics", "harmony", "statistics+handcrafted", result["features"]}):
        ran = affetti(*train, "--features", features, "--out", tmp_path / features)
        assert ran.code == 0, ran.err
        filed = json.loads((tmp_path / features / "result.json").read_text())
        assert (filed["features"], filed["feature_ccc"]) == (features, None)
        song = next((sounding / "audio").glob("*.flac"))
        (prediction,) = json.loads(affetti("predict", song, "--model", tmp_path / features, "--json").out)
        assert -1 <= prediction["valence"] <= 1
    assert sha(tmp_path / "run/model.safetensors") == sha(tmp_path / result["features"] / "model.safetensors")


def test_without_audio_a_baseline_predicts_from_statistics(affetti: Affetti, corpus: Corpus, tmp_path: Path) -> None:
    train = ("train", "baseline", "--corpus", corpus.path)
    assert affetti(*train, "--out", tmp_path / "run").code == 0
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert (result["features"], result["feature_ccc"]) == ("statistics", None)
    ran = affetti(*train, "--features", "statistics+harmony", "--out", tmp_path / "other")
    assert ran.code == 2
    assert "holds no audio, and the features harmony take waveforms" in ran.complaint
    ran = affetti(*train, "--features", "statistics+harmoni", "--out", tmp_path / "other")
    assert ran.code == 2
    assert "no features 'harmoni'. Write harmony" in ran.complaint


@pytest.mark.parametrize("model", ["baseline", "student"])
def test_windows_have_labels_of_their_own(affetti: Affetti, tmp_path: Path, model: str) -> None:
    corpus = write_rated_corpus(tmp_path / "corpus")
    train = ("train", model, "--corpus", corpus.path, "--labels", "window")
    train += ("--steps", 2, "--batch-size", 4) if model == "student" else ()
    ran = affetti(*train, "--out", tmp_path / "run")
    assert ran.code == 0, ran.err
    result = json.loads((tmp_path / "run/result.json").read_text())
    rated, whole = Corpus.open(corpus.path, labels="window").fold(0), corpus.fold(0)
    assert (result["labels"], result["n"]["test"]) == ("window", len(rated.test))
    assert len(rated.test) == len(whole.test) * 3 // 4
    assert result["test"]["valence"]["ccc"]["ceiling"] is None
    assert result["test_by_song"]["valence"]["mae"]["value"] >= 0
    assert set(result["within_songs"]) == {"valence", "arousal"}
    assert (result["curves"]["valence"]["songs"], result["curves"]["valence"]["rmse"]["value"] > 0) == (6, True)
    assert "valence, curves of 6 songs: CCC " in ran.out
    assert "valence, means of songs: " in ran.out
    assert "Labels: of windows" in (tmp_path / "run/MODEL_CARD.md").read_text()
    assert json.loads((tmp_path / "run/model.json").read_text())["labels"] == "window"
    of_songs = tuple(word for word in train if word not in ("--labels", "window"))
    ran = affetti(*of_songs, "--out", tmp_path / "run")
    assert ran.code == 2
    assert "labels was 'window', is 'song'" in ran.complaint


def test_a_corpus_without_ratings_over_time_has_no_labels_of_windows(
    affetti: Affetti, corpus: Corpus, tmp_path: Path
) -> None:
    for extra in ((), ("--dry-run",)):
        ran = affetti(
            "train", "student", "--corpus", corpus.path, "--labels", "window", "--out", tmp_path / "run", *extra
        )
        assert ran.code == 2
        assert "has no ratings over time" in ran.complaint
    assert not (tmp_path / "run").exists()
