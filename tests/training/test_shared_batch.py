"""Two processes that train together compute what one does with the same batch."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.training import two_processes

from affetti.errors import UsageError
from affetti.models.shared_batch import SharedBatchNorm2d, mean_over_devices, on_whole_batch, whole_batch
from affetti.training.device import Hardware, is_main_process, launcher, process_rank
from affetti.training.loop import make_fabric

ROUNDING = 2e-6
"""Greatest difference of a weight; 3e-7 is seen, and a step of Adam is 1e-3."""


def test_two_processes_have_the_weights_of_one_within_rounding(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    two_processes.train_all(tmp_path / "one")
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), str(root / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ran = subprocess.run(
        [*command, two_processes.__file__, str(tmp_path / "two")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    for kind in two_processes.KINDS:
        one, two = (load_file(tmp_path / name / f"{kind}.safetensors") for name in ("one", "two"))
        names = [key for key in one if key.startswith("after/") and one[key].is_floating_point()]
        befores = {key: f"before/{key.removeprefix('after/')}" for key in names}
        moved = max(float((one[key] - one[befores[key]]).abs().nan_to_num().max()) for key in names)
        assert moved > 1e-4, kind
        for key in names:
            torch.testing.assert_close(two[key], one[key], rtol=0, atol=ROUNDING, equal_nan=True, msg=f"{kind} {key}")


def test_alone_a_batch_is_whole() -> None:
    x = torch.randn(4, 3, 5, 5)
    assert whole_batch(x) is x
    assert mean_over_devices(x) is x
    assert on_whole_batch(lambda x: x.flip(0), x).equal(x.flip(0))
    torch.manual_seed(0)
    ours, torchs = SharedBatchNorm2d(3), torch.nn.BatchNorm2d(3)
    assert ours(x).equal(torchs(x))
    assert ours.state_dict().keys() == torchs.state_dict().keys()


def test_the_first_of_several_processes_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launcher() == ("", 1)
    assert is_main_process(2, 1)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not is_main_process(2, 1)
    assert is_main_process()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    monkeypatch.setenv("SLURM_PROCID", "2")
    assert (launcher(), process_rank()) == (("srun", 4), 2)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "6")
    monkeypatch.setenv("RANK", "0")
    assert (launcher(), process_rank()) == (("torchrun", 6), 0)
    assert is_main_process(3, 2), "the first of the first node, whatever LOCAL_RANK it has"


def test_processes_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"--batch-size: 9 clips for 2 processes\. Give a multiple of 2"):
        Hardware(devices=2).share(9)
    with pytest.raises(UsageError, match="--nodes: 0 nodes"):
        Hardware(nodes=0)
    with pytest.raises(UsageError, match=r"--nodes: 2 nodes, and this is the only process.*torchrun --nnodes"):
        Hardware(nodes=2).require_launched()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    message = "srun has started 4 processes, --devices 1 × --nodes 1 are 1. Start 1"
    with pytest.raises(UsageError, match=re.escape(message)):
        Hardware().require_launched()
    Hardware(devices=2, nodes=2).require_launched()
    monkeypatch.setenv("SLURM_NTASKS", "4")
    with pytest.raises(UsageError, match=r"--devices: the processes do not fit.*srun --ntasks-per-node"):
        make_fabric("cpu", 2, 2)
