"""Where tensors live, in which precision, and on how many devices."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import torch

from affetti.errors import UsageError
from affetti.execution import Engine, Executor, executor, is_local

Precision = Literal["32", "bf16"]


@dataclass(frozen=True)
class Hardware:
    """What a model is trained on."""

    device: str = "cpu"
    """``cpu``, ``cuda``, ``mps`` or ``auto``."""
    precision: Precision = "32"
    """``bf16`` computes in bfloat16 and keeps weights in float32: faster, and the bytes depend on the device."""
    devices: int = 1
    """How many work on each batch, a share each. With more than one the same command is started once a device."""

    def __post_init__(self) -> None:
        if self.devices < 1:
            raise UsageError(f"{self.devices} devices", where="--devices", hint="give 1 or more")
        place = choose_device(self.device)
        if place == "cuda" and self.devices > torch.cuda.device_count():
            raise UsageError(
                f"{self.devices} devices, {torch.cuda.device_count()} here", where="--devices", hint="give fewer"
            )


def is_main_process(devices: int = 1) -> bool:
    """Whether this process saves what is trained on ``devices``: of several that train together, the first."""
    return devices == 1 or os.environ.get("LOCAL_RANK", "0") == "0"


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
