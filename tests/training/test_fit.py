from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.material import LEAN, composed, flags, present, sha, write_corpus

from affetti import metrics
from affetti.corpus import Corpus, splits
from affetti.errors import InputError, StorageError, TrainingError, UsageError
from affetti.presets import FRONT_ENDS
from affetti.training import checkpoint
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.evaluation import predict
from affetti.training.fit import clips_hash
from affetti.training.result import TrainResult
from affetti.training.train import TrainSettings, train_run

SHORT = TrainSettings(steps=24, batch_size=8)


def log(run: Path) -> list[dict[str, float]]:
    result = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in result]


def same(one: Path, other: Path) -> None:
    assert sha(one / "model.safetensors") == sha(other / "model.safetensors")
    assert (one / "model.json").read_bytes() == (other / "model.json").read_bytes()
    assert log(one) == log(other)
    results = [json.loads((run / "result.json").read_text()) for run in (one, other)]
    assert [result | {"seconds": 0} for result in results[:1]] == [result | {"seconds": 0} for result in results[1:]]


@pytest.mark.parametrize("kind", ["flow", "gan", "vit", "student"])
def test_a_run_cut_in_the_middle_equals_the_unbroken_one(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    out = tmp_path / "run"
    for cut in (3, 8, 13) if kind == "vit" else (3, 13, 23):  # a vit may end before its last step
        batch = Clips.batch

        def fail(self: Clips, size: int, seed: int, step: int, cut: int = cut, batch: Any = batch) -> Any:
            if step == cut:
                raise OSError("power cut")
            return batch(self, size, seed, step)

        monkeypatch.setattr(Clips, "batch", fail)
        with pytest.raises(OSError, match="power cut"):
            train_run(kind, corpus, 0, out, replace(SHORT, model=LEAN[kind], checkpoint_every=5))
        assert not (out / "model.json").exists()
        monkeypatch.undo()
    torch.rand(5)  # the global generator's state has no say
    train_run(kind, corpus, 0, out, replace(SHORT, model=LEAN[kind], checkpoint_every=5))
    same(out, run_of(kind))


def test_a_killed_run_resumes_to_the_same_weights(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path]
) -> None:
    out = tmp_path / "run"
    settings = flags("flow")
    command = [sys.executable, "-c", "import sys, torch; torch.set_num_threads(1)\n"]
    command[2] += "from affetti.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command += ["train", "flow", "--corpus", str(corpus.path), "--out", str(out), "--steps", "24"]
    command += ["--batch-size", "8", "--checkpoint-every", "1", "--set", *settings]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(out.glob("checkpoints/step-0000000[4-9]*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "model.json").exists(), "too late to kill it"
    assert list(out.glob("checkpoints/*"))
    train_run("flow", corpus, 0, out, replace(SHORT, model=LEAN["flow"]))
    same(out, run_of("flow"))
    assert not list(out.rglob(".unfinished-*"))


@pytest.mark.parametrize("kind", ["flow", "gan", "student", "baseline"])
def test_the_same_command_makes_the_same_bytes(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], kind: str
) -> None:
    train_run(kind, corpus, 0, tmp_path / "again", replace(SHORT, model=LEAN[kind]))
    assert sha(tmp_path / "again/model.safetensors") == sha(run_of(kind) / "model.safetensors")
    if kind == "student":
        train_run(kind, corpus, 0, tmp_path / "other", replace(SHORT, model=LEAN[kind], seed=1))
        assert sha(tmp_path / "other/model.safetensors") != sha(run_of(kind) / "model.safetensors")


def test_a_finished_run_is_returned_and_a_damaged_one_saved_again(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(run_of("flow"), out)
    before = (out / "model.safetensors").stat().st_mtime_ns
    document = train_run("flow", corpus, 0, out, replace(SHORT, model=LEAN["flow"]))
    assert document == TrainResult.open(out)
    assert (out / "model.safetensors").stat().st_mtime_ns == before
    (out / "model.safetensors").write_bytes(b"cut short")
    train_run("flow", corpus, 0, out, replace(SHORT, model=LEAN["flow"]))
    same(out, run_of("flow"))


def test_a_truncated_checkpoint_is_skipped(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    save = checkpoint.save

    def die(folder: Path, step: int, *rest: Any) -> Path:
        path = save(folder, step, *rest)
        if step == 16:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            raise OSError("power cut")
        return path

    monkeypatch.setattr(checkpoint, "save", die)
    with pytest.raises(OSError, match="power cut"):
        train_run("student", corpus, 0, out, replace(SHORT, model=LEAN["student"], checkpoint_every=4))
    monkeypatch.undo()
    train_run("student", corpus, 0, out, replace(SHORT, model=LEAN["student"], checkpoint_every=4))
    same(out, run_of("student"))


def test_a_loss_that_is_not_a_number_leaves_no_model(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Spoilt(Clips):
        def batch(self, size: int, seed: int, step: int) -> Any:
            mel, labels = super().batch(size, seed, step)
            return (mel * float("nan"), labels) if step == 7 else (mel, labels)

    monkeypatch.setattr("affetti.training.train.Clips", Spoilt)
    out = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"step 7: loss nan.*step-00000005\.safetensors"):
        train_run("student", corpus, 0, out, replace(SHORT, model=LEAN["student"], checkpoint_every=5))
    assert not (out / "model.json").exists()


def test_a_result_says_what_was_done(run_of: Callable[[str], Path], corpus: Corpus) -> None:
    for kind in ("flow", "gan", "student", "baseline"):
        document = json.loads((run_of(kind) / "result.json").read_text())
        part = splits.fold(corpus.clips, 0)
        assert document["n"] == {"train": len(part.train), "validation": len(part.validation), "test": 80}
        assert (document["verb"], document["model"], document["fold"], document["seed"]) == ("train", kind, 0, 0)
        assert document["corpus_hash"] == corpus.hash
        assert (document["test"] is not None) == (kind in runs.REGRESSORS)
        assert (document["alarms"] is not None) == (kind in runs.GENERATORS)
        assert (run_of(kind) / "MODEL_CARD.md").read_text().startswith("---")
        if kind != "baseline":
            assert len(log(run_of(kind))) >= 20


def test_the_result_of_a_regressor_is_of_its_test_songs(run_of: Callable[[str], Path], corpus: Corpus) -> None:
    trained = runs.load(run_of("baseline"))
    part = splits.fold(corpus.clips, 0)
    prediction = trained.regressor.predict(torch.from_numpy(corpus.mel[part.test].astype(np.float32)))[0].numpy()
    document = json.loads((run_of("baseline") / "result.json").read_text())
    for axis, name in enumerate(("valence", "arousal")):
        expected = metrics.concordance(prediction[:, axis], corpus.labels[part.test, axis])
        assert document["test"][name]["ccc"]["value"] == pytest.approx(expected, abs=1e-6)
        low, high = document["test"][name]["ccc"]["ci"]
        assert low < expected < high
    errors = np.abs(predict(trained.model, corpus.mel, part.validation) - corpus.labels[part.validation])
    assert len(part.validation) == 8
    assert document["calibration"]["coverage"] == 1 / 2, "one song is too few to promise 90 %"
    half = document["calibration"]["half_width"]
    assert half["valence"] == pytest.approx(errors[:, 0].max(), abs=1e-6)
    assert half["arousal"] == pytest.approx(errors[:, 1].max(), abs=1e-6)


def test_predictions_do_not_depend_on_the_batch(run_of: Callable[[str], Path], corpus: Corpus) -> None:
    model, rows = runs.load(run_of("student")).model, np.array([5, 3, 150])
    np.testing.assert_allclose(predict(model, corpus.mel, rows), predict(model, corpus.mel, rows, 1), atol=1e-5)
    assert predict(model, corpus.mel, rows[:0]).shape == (0, 2)


def test_a_set_of_clips_has_a_name(corpus: Corpus) -> None:
    assert clips_hash(corpus, np.array([1, 2])) == clips_hash(corpus, np.array([2, 1]))
    assert clips_hash(corpus, np.array([1, 2])) != clips_hash(corpus, np.array([1, 3]))


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("vgg", {}, r"unknown model 'vgg'\. Choose from gan, waveform, flow"),
        ("vit", {"model": {"width": 30, "heads": 4}}, "width 30 is invalid"),
        ("flow", {"teacher": Path("run")}, "--teacher: a flow has no teacher"),
        ("baseline", {"model": {"method": "knn"}}, "wrong setting"),
        ("baseline", {"model": {"penalty": 0}}, "penalty 0 is invalid"),
        ("flow", {"steps": 0}, "--steps: 0 is too small"),
        ("flow", {"steps": -3}, "--steps: -3 is too small"),
        ("student", {"batch_size": 1}, "--batch-size: 1 is too small"),
        ("flow", {"checkpoint_every": 0}, "--checkpoint-every: 0 is too small"),
        ("flow", {"seed": -1}, "--seed: -1 is too small"),
        ("flow", {"device": "gpu"}, "--device: unknown device 'gpu'"),
        ("flow", {"model": {"with": 8}}, r"unknown setting 'with'\. Did you mean width"),
        ("student", {"model": {"width": "8"}}, "wrong setting"),
        ("baseline", {"model": {"width": 8}}, "unknown setting 'width'"),
        ("student", {"batch_size": 10_000}, "72 training clips, fewer than one batch of 10000|fewer than one batch"),
    ],
)
def test_invalid_input_is_refused_and_nothing_saved(
    tmp_path: Path, corpus: Corpus, kind: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises((UsageError, InputError), match=says):
        train_run(kind, corpus, 0, tmp_path / "run", TrainSettings(**options))
    assert not (tmp_path / "run").exists()


def test_a_missing_fold_is_refused(tmp_path: Path, corpus: Corpus) -> None:
    with pytest.raises(UsageError, match=r"there is no fold 7\. Choose from 0, 1"):
        train_run("flow", corpus, 7, tmp_path / "run")


def test_labels_that_never_differ_are_refused(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).uniform(-1, 1, (24, 2))
    labels[:, 1] = 0.25
    corpus = write_corpus(tmp_path / "corpus", labels=labels)
    with pytest.raises(InputError, match=r"arousal is 0\.25 in all 10 training clips"):
        train_run("baseline", corpus, 0, tmp_path / "run")


def test_a_fold_of_one_test_song_is_refused_before_training(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", songs=6, fold=np.repeat([0, 1, 1, 1, 1, 1], 2))
    with pytest.raises(InputError, match="fold 0 holds one test song"):
        train_run("student", corpus, 0, tmp_path / "run", TrainSettings(steps=1, batch_size=2))
    assert not (tmp_path / "run").exists()
    train_run("flow", corpus, 0, tmp_path / "flow", TrainSettings(steps=1, batch_size=2, model=LEAN["flow"]))


@pytest.mark.parametrize("there", ["file", "folder", "corpus", "list"])
def test_a_folder_in_use_is_refused(tmp_path: Path, corpus: Corpus, there: str) -> None:
    out = tmp_path / "run"
    if there == "file":
        out.write_text("mine")
    elif there == "corpus":
        out = composed()
    else:
        out.mkdir()
        (out / ("config.json" if there == "list" else "thesis.txt")).write_text("[1]")
    with pytest.raises(StorageError, match=r"is not a run|choose another --out|Choose"):
        train_run("flow", corpus, 0, out, SHORT)


def test_another_runs_folder_is_refused(corpus: Corpus, run_of: Callable[[str], Path]) -> None:
    for options in ({"steps": 25}, {"seed": 1}, {"batch_size": 9}, {"model": {}}):
        with pytest.raises(StorageError, match="holds other work"):
            train_run("flow", corpus, 0, run_of("flow"), replace(SHORT, **{"model": LEAN["flow"]} | options))
    with pytest.raises(StorageError, match=r"holds other work \(fold was 0, is 1\)"):
        train_run("flow", corpus, 1, run_of("flow"), replace(SHORT, model=LEAN["flow"]))
    with pytest.raises(StorageError, match=r"holds other work \(model was 'flow', is 'gan'\)"):
        train_run("gan", corpus, 0, run_of("flow"), SHORT)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("paper") / "corpus"
    return write_corpus(folder, songs=12, each=1, front=FRONT_ENDS["paper"], preset="paper")


@pytest.mark.parametrize("kind", ["flow", "gan", "student", "baseline"])
def test_every_model_takes_a_step_at_the_size_of_the_paper(tmp_path: Path, paper: Corpus, kind: str) -> None:
    assert paper.front_end.shape == (128, 1292)
    # A batch of two keeps this within seconds.
    result = train_run(
        kind, paper, 0, tmp_path / "run", TrainSettings(steps=1, batch_size=2, model=lean_at_paper(kind))
    )
    model = runs.load(tmp_path / "run").model
    if kind in runs.GENERATORS:
        assert np.isfinite(present(result.loss))
        sampled = model.sample(torch.tensor([[0.5, -0.5]]), 0)  # type: ignore[operator]
        assert sampled.shape == (1, 128, 1292)
        assert sampled.isfinite().all()
    else:
        assert result.n.test == 6
        assert (tmp_path / "run/model.safetensors").stat().st_size > 1000


def lean_at_paper(kind: str) -> dict[str, Any]:
    return {"steps": 1} if kind == "flow" else {}
