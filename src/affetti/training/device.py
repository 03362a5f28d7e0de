"""Where tensors live, in which precision, and on how many devices."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from affetti.errors import UsageError, WorkerError
from affetti.execution import Engine, Executor, executor, is_local

Precision = Literal["32", "bf16"]
AWAIT_SECONDS = 600.0
"""How long processes wait for the first, which reads the corpus as they do."""


@dataclass(frozen=True)
class Hardware:
    """What a model is trained on."""

    device: str = "cpu"
    """``cpu``, ``cuda``, ``mps`` or ``auto``."""
    precision: Precision = "32"
    """``bf16`` computes in bfloat16 and keeps weights in float32: faster, and the bytes depend on the device."""
    devices: int = 1
    """How many of each node work on each batch, a share each. With more than one the same command is started once a
    device: by itself on one node, by torchrun or srun on several."""
    nodes: int = 1
    """Machines that train together."""

    def __post_init__(self) -> None:
        for name, count in (("devices", self.devices), ("nodes", self.nodes)):
            if count < 1:
                raise UsageError(f"{count} {name}", where=f"--{name}", hint="give 1 or more")
        place = choose_device(self.device)
        if place == "cuda" and self.devices > torch.cuda.device_count():
            raise UsageError(
                f"{self.devices} devices, {torch.cuda.device_count()} here", where="--devices", hint="give fewer"
            )

    @property
    def processes(self) -> int:
        """How many train together."""
        return self.devices * self.nodes

    def require_launched(self) -> None:
        """Check that as many processes were started as are to train together.

        Raises:
            UsageError: torchrun or srun has started another number, or several nodes have no launcher.
        """
        name, started = launcher()
        together = f"--devices {self.devices} × --nodes {self.nodes}"
        if started not in (1, self.processes):
            hint = f"start {self.processes}, or give another --devices or --nodes"
            raise UsageError(f"{name} has started {started} processes, {together} are {self.processes}", hint=hint)
        if self.nodes > 1 and started == 1:
            hint = "start the command on all nodes by torchrun --nnodes or by srun --ntasks-per-node"
            raise UsageError(f"{self.nodes} nodes, and this is the only process", where="--nodes", hint=hint)

    def join(self, file: Path) -> bool:
        """Join the processes that train together, after the first has written ``file``; whether this is the first.

        Raises:
            UsageError: another number was started.
            WorkerError: the first does not begin.
        """
        self.require_launched()
        first = is_main_process(self.devices, self.nodes)
        if not first:
            await_main_process(file)
        return first

    def batch_size(self, given: int | None, default: int) -> int:
        """Clips a batch: those ``given``, or the most up to ``default`` of which all have equal shares.

        Raises:
            UsageError: those given have no equal shares.
        """
        if given is None:
            return max(2, self.processes, default - default % self.processes)
        self.share(given)
        return given

    def share(self, batch_size: int) -> int:
        """Clips of a batch that each process takes.

        Raises:
            UsageError: they cannot have equal shares.
        """
        if batch_size % self.processes:
            hint = f"give a multiple of {self.processes}"
            raise UsageError(f"{batch_size} clips for {self.processes} processes", where="--batch-size", hint=hint)
        return batch_size // self.processes


def launcher() -> tuple[str, int]:
    """What started this process together with others, ``torchrun`` or ``srun``, and how many; a command alone: 1."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return "torchrun", int(os.environ["WORLD_SIZE"])
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return "srun", int(os.environ["SLURM_STEP_NUM_TASKS"])
    return "", 1


def process_rank() -> int:
    """The number of this process among those that train together, from 0."""
    return int(os.environ.get({"torchrun": "RANK", "srun": "SLURM_PROCID"}.get(launcher()[0], "LOCAL_RANK"), "0"))


def is_main_process(devices: int = 1, nodes: int = 1) -> bool:
    """Whether this process saves what is trained: of several that train together, the first."""
    return devices * nodes == 1 or process_rank() == 0


def await_main_process(file: Path) -> None:
    """In another process than the first: wait until that has written ``file``, and share its lock of the folder.

    Raises:
        WorkerError: it does not, within :data:`AWAIT_SECONDS`.
    """
    os.environ.setdefault("RANK", str(process_rank()))  # see affetti.output_lock
    until = time.monotonic() + AWAIT_SECONDS
    while not file.exists():
        if time.monotonic() > until:
            hint = "see what the first process says, and put --out on a path that all nodes share"
            raise WorkerError("the first process has not begun", where=file.parent, hint=hint)
        time.sleep(0.1)


def choose_device(name: str) -> str:
    """``cpu``, ``cuda`` or ``mps``; for ``auto`` the best there is.

    Raises:
        UsageError: there is no such device, or none here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(name for name, works in here.items() if works)
    if name not in here:
        raise UsageError(f"unknown device {name!r}", where="--device", hint=f"choose from {', '.join(here)}, auto")
    if not here[name]:
        raise UsageError(f"there is no {name} device here", where="--device", hint="leave it out: the CPU does it all")
    return name


def executor_on(device: str, engine: str | Engine = "local", workers: int | None = None) -> Executor:
    """The executor for networks that run on ``device``.

    As :func:`affetti.execution.executor`, but on a GPU of this machine there is one worker by default: all share its
    memory.

    Raises:
        UsageError: there is no such engine or device, or ``workers`` is less than 1.
    """
    on_cpu = choose_device(device) == "cpu"
    return executor(engine, 1 if workers is None and is_local(engine) and not on_cpu else workers)
