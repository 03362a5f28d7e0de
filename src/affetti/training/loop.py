"""The training loop: explicit, deterministic in its seed, exactly resumable.

Every random draw of step s comes from (seed, s): which clips are in the batch (a permutation an epoch) and torch's
global generator, which is seeded before each step. So a run that was killed and resumed equals the unbroken one,
on the CPU bit for bit at the same thread count. Device and precision belong to Lightning Fabric. Processes that train
together compute what one would with the same batch, but for rounding (:mod:`affetti.models.shared_batch`).

Ctrl-C and SIGTERM end a run after the current step, with a checkpoint; a second one ends it at once.
"""

from __future__ import annotations

import json
import logging
import math
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np
import torch

from affetti.errors import TrainingError, UsageError, first_line
from affetti.models.shared_batch import sharing
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.storage import parse, read_text, storage_error, write_text
from affetti.training import checkpoint
from affetti.training.clips import Clips
from affetti.training.device import Hardware, Precision, choose_device, launcher
from affetti.training.objectives.base import Objective
from affetti.training.tensorboard import tensorboard_writer

if TYPE_CHECKING:
    from lightning_fabric import Fabric


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoopConfig:
    """How long and how."""

    steps: int = 2_000
    """Updates, ≥ 1."""
    batch_size: int = 16
    """Clips a batch, ≥ 2."""
    seed: int = 0
    """Seed of all random numbers."""
    checkpoint_every: int = 500
    """Steps between checkpoints, ≥ 1."""
    log_points: int = 40
    """Lines in ``metrics.jsonl``."""
    tensorboard: bool = False
    """Whether to log for TensorBoard too, see :mod:`affetti.training.tensorboard`."""

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch_size", 2), ("seed", 0), ("checkpoint_every", 1)):
            value = getattr(self, name)
            if value < least:
                flag = f"--{name.replace('_', '-')}"
                raise UsageError(f"{value} is too small", where=flag, hint=f"give {least} or more")


@dataclass
class History:
    """What a run logged, and how long it took."""

    lines: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    """Training time of this session; a resumed run's earlier sessions are in the lines."""


def train(
    objective: Objective,
    clips: Clips,
    config: LoopConfig,
    *,
    run: Path | None = None,
    hardware: Hardware = Hardware(),
    stage: str = "train",
    progress: Progress = silent,
) -> History:
    """Train until ``config.steps``; with ``run`` (a folder) log, checkpoint and resume there.

    Raises:
        TrainingError: the loss is not a number; the last good checkpoint stays.
        KeyboardInterrupt: the process was interrupted; a checkpoint has been saved.
    """
    hardware.share(config.batch_size)
    fabric = make_fabric(hardware.device, hardware.devices, hardware.nodes)
    if hardware.processes > 1:
        fabric.launch()
    objective.setup(fabric)
    folder = None if run is None else run / "checkpoints"
    sums: dict[str, list[float]] = {}
    start = 0
    if folder is not None:
        start, sums = checkpoint.resume(folder, objective.modules, objective.optimizers)
        fabric.barrier()  # no process writes a checkpoint before all have loaded theirs
    if not fabric.is_global_zero:
        run = folder = None
    history = History(_kept_lines(run, start))
    if start and objective.finished:
        return history  # it had ended early
    before = history.lines[-1]["seconds"] if history.lines else 0.0
    every = max(1, config.steps // config.log_points)
    show = tensorboard_writer(run, history.lines) if config.tensorboard and run is not None else None
    began = time.perf_counter()
    with stoppable() as stop:
        progress(stage, start, config.steps)
        for step in range(start, config.steps):
            torch.manual_seed(child_seed("step", config.seed, step))
            batch = clips.batch(config.batch_size, config.seed, step)
            mel, labels = (part[fabric.global_rank :: fabric.world_size] for part in batch)
            with (
                autocast(fabric, hardware.precision),
                sharing(fabric.global_rank, fabric.world_size, hardware.share(config.batch_size)),
            ):
                logged = objective.step(fabric, fabric.to_device(mel), fabric.to_device(labels), step)
            logged, stopping = _agree(fabric, logged, stop.is_set())
            if not all(math.isfinite(value) for value in logged.values()):
                odd = ", ".join(f"{key} {value:g}" for key, value in logged.items() if not math.isfinite(value))
                raise _diverged(f"not a number at step {step}: {odd}", folder)
            for key, value in logged.items():
                sums.setdefault(key, []).append(value)
            done = step + 1
            last = done == config.steps or objective.finished
            if done % every == 0 or last:
                seconds = before + time.perf_counter() - began
                line = {"step": done, "seconds": round(seconds, 3)} | {k: float(np.mean(v)) for k, v in sums.items()}
                history.lines.append(line)
                _append(run, line)
                if show is not None:
                    show(line)
                sums = {}
                progress(stage, done, config.steps)
            if folder is not None and (done % config.checkpoint_every == 0 or last or stopping):
                _require_finite(objective, step, folder)
                checkpoint.save(folder, done, objective.modules, objective.optimizers, sums)
            if stopping:
                raise KeyboardInterrupt
            if last:
                break
    history.seconds = time.perf_counter() - began
    return history


def _agree(fabric: Fabric, logged: dict[str, float], stopping: bool) -> tuple[dict[str, float], bool]:
    """Means over processes of what a step logged, and whether any of them was interrupted: all stop at one step."""
    if fabric.world_size == 1:
        return logged, stopping
    own = torch.tensor([*logged.values(), float(stopping)], dtype=torch.float32, device=fabric.device)
    mean: list[float] = fabric.all_reduce(own, reduce_op="mean").tolist()  # type: ignore[union-attr]
    return dict(zip(logged, mean[:-1], strict=True)), mean[-1] > 0


def make_fabric(device: str, devices: int = 1, nodes: int = 1) -> Fabric:
    """Fabric for ``cpu``, ``cuda``, ``mps`` or ``auto``, for one process or for those that train together.

    Raises:
        UsageError: SLURM has started other tasks.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    # Objectives train their parts in turn: not every weight has a gradient at every step.
    strategy = "auto" if devices * nodes == 1 else "ddp_find_unused_parameters_true"
    # Without a launcher the command starts its own processes. Fabric would ask for srun wherever SLURM is installed.
    environments = {"torchrun": TorchElasticEnvironment, "srun": partial(SLURMEnvironment, auto_requeue=False)}
    try:
        return Fabric(
            accelerator=choose_device(device),
            devices=devices,
            num_nodes=nodes,
            strategy=strategy,
            plugins=environments.get(launcher()[0] if devices * nodes > 1 else "", LightningEnvironment)(),
        )
    except (RuntimeError, ValueError) as error:
        hint = "start as many tasks on each node as it has --devices: srun --ntasks-per-node"
        raise UsageError(f"the processes do not fit ({first_line(error)})", where="--devices", hint=hint) from error


def autocast(fabric: Fabric, precision: Precision) -> torch.autocast:
    """A context that computes in bfloat16 where ``precision`` says so.

    Fabric's own would refuse gradients inside a step, which penalties on gradients take.
    """
    return torch.autocast(fabric.device.type, torch.bfloat16, enabled=precision == "bf16")


def _require_finite(objective: Objective, step: int, folder: Path) -> None:
    """Refuse to save weights that are not numbers: a loss can be finite when its gradient is not."""
    for name, module in objective.modules.items():
        # Of the buffers the means and variances of batch norm: others may hold NaN, which stands for what is not known.
        learnt = [*module.parameters(), *(value for key, value in module.named_buffers() if "running_" in key)]
        if not all(bool(value.isfinite().all()) for value in learnt):
            raise _diverged(f"the weights of the {name} are not numbers after step {step}", folder)


def _diverged(what: str, folder: Path | None) -> TrainingError:
    saved = [] if folder is None else sorted(folder.glob("step-*.safetensors"))
    where = f"the last good weights are in {saved[-1]}" if saved else "no checkpoint had been saved"
    return TrainingError(f"{what}; {where}", hint="try another --seed, or other --set settings of the model")


@contextmanager
def stoppable() -> Generator[threading.Event]:
    """Yield an event that Ctrl-C or SIGTERM sets; a second signal interrupts at once. Main thread only."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's protocol
        if event.is_set():
            raise KeyboardInterrupt
        event.set()
        log.warning("interrupted: finishing this step and saving a checkpoint; Ctrl-C again ends at once")

    # A child process whose parent handles Ctrl-C for both ignores SIGINT; leave it so.
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    old = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield event
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _kept_lines(run: Path | None, step: int) -> list[dict[str, float]]:
    """Log lines up to ``step``; later ones belong to work that was not checkpointed and are dropped from the file."""
    path = None if run is None else run / "metrics.jsonl"
    if path is None or not path.exists():
        return []
    lines: list[dict[str, float]] = []
    for text in read_text(path).splitlines():
        try:
            line = parse(text)
        except ValueError:
            break  # a line cut short by a kill: it and what follows will be logged again
        if line["step"] > step:
            break
        lines.append(line)
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))
    return lines


def _append(run: Path | None, line: dict[str, float]) -> None:
    if run is None:
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
        with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise storage_error(run / "metrics.jsonl", error) from error
