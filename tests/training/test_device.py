from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.material import LEAN

from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.execution import cpu_count
from affetti.training import run as runs
from affetti.training.device import Hardware, choose_device, executor_on
from affetti.training.loop import autocast, make_fabric
from affetti.training.train import TrainSettings, train_run


def test_the_best_device_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("cpu") == "cpu"
    for there, best in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        assert choose_device("auto") == best


def test_missing_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="--device: there is no cuda device here"):
        choose_device("cuda")
    with pytest.raises(UsageError, match="--device: unknown device 'gpu'"):
        choose_device("gpu")


def test_a_gpu_has_one_worker_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert executor_on("cpu").workers == cpu_count()
    assert (executor_on("cuda").workers, executor_on("cuda", workers=3).workers) == (1, 3)
    with pytest.raises(UsageError, match="--engine: there is no engine 'moon'"):
        executor_on("cuda", "moon")


def test_missing_hardware_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--devices: 0 devices"):
        Hardware(devices=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Hardware("cuda", devices=2).devices == 2
    with pytest.raises(UsageError, match="--devices: 3 devices, 2 here"):
        Hardware("cuda", devices=3)


def test_bfloat16_computes_in_bfloat16_and_keeps_weights_as_they_are() -> None:
    fabric, linear = make_fabric("cpu"), torch.nn.Linear(4, 4)
    with autocast(fabric, "bf16"):
        assert linear(torch.ones(2, 4)).dtype == torch.bfloat16
    with autocast(fabric, "32"):
        assert linear(torch.ones(2, 4)).dtype == torch.float32
    assert linear.weight.dtype == torch.float32


@pytest.mark.parametrize("kind", ["flow", "gan"])
def test_generators_train_in_bfloat16(tmp_path: Path, corpus: Corpus, kind: str) -> None:
    train_run(
        kind, corpus, 0, tmp_path / kind, TrainSettings(steps=2, batch_size=4, precision="bf16", model=LEAN[kind])
    )
    assert runs.load(tmp_path / kind).model.bandwidth.dtype == torch.float32


def test_two_processes_share_a_batch(tmp_path: Path, corpus: Corpus) -> None:
    command = [sys.executable, "-m", "affetti", "train", "flow", "--corpus", str(corpus.path), "--out"]
    lean = ["--steps", "4", "--batch-size", "8", "--seed", "0", "--set", "widths=16,32", "embedding=32", "components=8"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [*command, str(tmp_path / "two"), *lean, "--devices", "2", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=env,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["steps"] == 4, "one document, of the first process"
    lines = [json.loads(line) for line in (tmp_path / "two/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert runs.load(tmp_path / "two").kind == "flow"


def test_a_machine_with_slurm_trains_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    srun = tmp_path / "srun"
    srun.write_text("#!/bin/sh\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert make_fabric("cpu").world_size == 1  # and no warning, which is an error here
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert make_fabric("cpu").world_size == 1
