from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.material import LEAN, composed, sha

from affetti.errors import UsageError, WorkerError
from affetti.execution import LocalExecutor
from affetti.progress import Progress
from affetti.training.parallel import RunSpec, train_runs
from affetti.training.train import TrainSettings


def spec(kind: str, out: Path, **options: object) -> RunSpec:
    settings: dict[str, Any] = {"steps": 24, "batch_size": 8, "model": LEAN[kind]} | options
    return RunSpec(kind, composed(), 0, out, TrainSettings(**settings))


def test_several_processes_train_the_same_model_as_one(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    reported: set[str] = set()
    specs = [spec("student", tmp_path / "student"), spec("flow", tmp_path / "flow")]
    results = train_runs(specs, LocalExecutor(2), lambda stage, _done, _total: reported.add(stage))
    assert [result.model for result in results] == ["student", "flow"]
    assert reported == {"train student", "train flow"}
    for kind in ("student", "flow"):
        assert sha(tmp_path / kind / "model.safetensors") == sha(run_of(kind) / "model.safetensors")
    assert train_runs(specs, LocalExecutor()) == results, "finished runs are not trained again"


def test_runs_of_one_kind_have_a_progress_stage_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(kind: str, *_: object, progress: Progress, **__: object) -> dict[str, object]:
        progress(f"train {kind}", 1, 1)
        return {"model": kind}

    monkeypatch.setattr("affetti.training.parallel.train_run", trained)
    stages: list[str] = []
    specs = [spec("flow", tmp_path / "a"), spec("flow", tmp_path / "b"), spec("student", tmp_path / "c")]
    train_runs(specs, LocalExecutor(), lambda stage, _done, _total: stages.append(stage))
    assert stages == ["train flow (1 of 2)", "train flow (2 of 2)", "train student"]


def test_one_runs_error_reaches_the_caller_and_stops_the_others(tmp_path: Path) -> None:
    long = spec("flow", tmp_path / "long", steps=100_000)
    before = set(multiprocessing.active_children())  # a server of other tests may have processes of its own
    with pytest.raises(UsageError, match="unknown setting 'widht'"):
        train_runs([long, spec("gan", tmp_path / "wrong", model={"widht": 3})], LocalExecutor(2))
    assert set(multiprocessing.active_children()) <= before
    assert not (tmp_path / "long/model.json").exists()


def test_a_process_that_dies_is_reported(tmp_path: Path) -> None:
    # Terminated from outside, it saves a checkpoint and exits; the parent, which did not cause that, must not wait for
    # it.
    specs = [spec("student", tmp_path / name, steps=100_000, checkpoint_every=1) for name in ("first", "second")]
    before = set(multiprocessing.active_children())

    def strike() -> None:
        for _ in range(1_200):
            if list((tmp_path / "first/checkpoints").glob("*")):
                break
            time.sleep(0.05)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()

    thread = threading.Thread(target=strike)
    thread.start()
    with pytest.raises(WorkerError, match=r"died|killed"):
        train_runs(specs, LocalExecutor(2))
    thread.join()
    assert set(multiprocessing.active_children()) <= before
