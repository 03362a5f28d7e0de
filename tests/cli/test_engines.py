"""What is wrong with an engine or its options is one line on the command line."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Ran

from affetti.execution import remote
from affetti.output_lock import open_locked

Command = Callable[..., Ran]


@pytest.fixture
def prepare(affetti: Command, tmp_path: Path) -> Command:
    """``prepare(*flags)`` of a few composed clips."""

    def run(*flags: object) -> Ran:
        return affetti("prepare", "composed", "--clips", 16, "--out", tmp_path / "out", *flags)

    return run


def refused(ran: Ran) -> str:
    """The one line of a command that was refused."""
    assert ran.code == 2
    assert ran.out == ""
    return ran.complaint


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--engine", "moon"], "--engine: there is no engine 'moon'"),
        (["--engine", "ray", "--slurm", "time=5"], "--slurm: is for the engine slurm, not ray"),
        (["--address", "auto"], "--address: is for the engine ray, not local"),
        (["--engine", "ray", "--resources", "cpus=many"], "--resources: cpus=many"),
        (["--engine", "slurm", "--slurm", "queue=long"], "--slurm: 'queue=long' is no option"),
        (["--engine", "slurm", "--slurm", "time=soon"], "--slurm: time=soon"),
        (["--engine", "ray", "--workers", "0"], "--workers: 0 workers"),
    ],
)
def test_options_that_make_no_sense(prepare: Command, flags: list[str], says: str) -> None:
    assert says in refused(prepare(*flags))


def test_a_library_that_is_missing(prepare: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(remote, "import_module", absent)
    for engine in ("ray", "slurm"):
        assert f"pip install 'affetti[{engine}]'" in refused(prepare("--engine", engine))


def test_an_address_that_answers_nothing(prepare: Command) -> None:
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"  # taken, and nobody listens
        assert f"no Ray cluster answers at {address}" in refused(prepare("--engine", "ray", "--address", address))


def test_a_partition_that_is_unknown_or_a_quota_that_is_exceeded(
    prepare: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit")
    said = ("invalid partition specified: moon", "QOSMaxSubmitJobPerUserLimit")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for words in said:
        for program, script in (("srun", "exit 0"), ("sbatch", f'echo "sbatch: error: {words}" >&2; exit 1')):
            (tmp_path / program).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (tmp_path / program).chmod(0o755)
        assert f"SLURM refuses the job ({words})" in refused(prepare("--engine", "slurm", "--slurm", "partition=moon"))


def test_two_commands_on_one_output_folder(prepare: Command, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    (tmp_path / "out").mkdir()
    handle = open_locked(tmp_path / "out")
    assert handle is not None
    try:
        said = refused(prepare("--engine", "slurm", "--slurm", "cluster=debug"))
    finally:
        os.close(handle)
    assert f"process {os.getpid()} of affetti works here" in said
