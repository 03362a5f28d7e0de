"""Checkpoints: everything a training run needs to resume exactly, in one safetensors file, written atomically.

Nothing is pickled: tensors go into the file by name, the few scalars into its header as JSON. The newest checkpoint
that is whole is the one that resumes; one that is cut short is skipped.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from affetti.errors import StorageError
from affetti.storage import atomic_write, parse, reading

KEEP = 2
"""Checkpoints kept: the newest, and one more in case the newest is cut short."""

log = logging.getLogger(__name__)


def save(
    folder: Path,
    step: int,
    modules: dict[str, nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
    unlogged: dict[str, list[float]] | None = None,
) -> Path:
    """File the state after ``step`` steps, then remove all but the newest :data:`KEEP`.

    ``unlogged`` are the values that wait for the next line of the log.
    """
    tensors: dict[str, Tensor] = {}
    header: dict[str, Any] = {"step": step, "unlogged": unlogged or {}}
    for name, module in modules.items():
        tensors |= {f"module/{name}/{key}": value for key, value in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        state = optimizer.state_dict()
        header[f"groups/{name}"] = state["param_groups"]
        for number, slots in state["state"].items():
            tensors |= {f"optimizer/{name}/{number}/{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    path = folder / f"step-{step:08d}.safetensors"
    write_tensors(path, tensors, header)
    for old in sorted(folder.glob("step-*.safetensors"))[:-KEEP]:
        old.unlink()
    return path


def resume(
    folder: Path, modules: dict[str, nn.Module], optimizers: dict[str, torch.optim.Optimizer]
) -> tuple[int, dict[str, list[float]]]:
    """Load the newest whole checkpoint and return its step and unlogged values; 0 and none where there is none.

    Raises:
        StorageError: a whole checkpoint does not fit the modules.
    """
    for path in sorted(folder.glob("step-*.safetensors"), reverse=True):
        try:
            tensors, header = read_tensors(path)
        except StorageError:
            log.warning("%s is cut short: going on from the one before", path)
            continue
        try:
            for name, module in modules.items():
                prefix = f"module/{name}/"
                module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
            for name, optimizer in optimizers.items():
                state: dict[int, dict[str, Tensor]] = {}
                for key, value in tensors.items():
                    if key.startswith(f"optimizer/{name}/"):
                        _, _, number, slot = key.split("/")
                        state.setdefault(int(number), {})[slot] = value
                optimizer.load_state_dict({"state": state, "param_groups": header[f"groups/{name}"]})
            return int(header["step"]), header["unlogged"]
        except (RuntimeError, KeyError, ValueError) as error:
            raise StorageError(
                "does not fit this model", where=path, hint="it is another configuration's: choose another --out"
            ) from error
    return 0, {}


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write a safetensors file atomically; ``header`` is JSON in its metadata."""
    with atomic_write(path) as temporary:
        try:
            contiguous = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
            save_file(contiguous, temporary, {"affetti": json.dumps(header, sort_keys=True)})
        except SafetensorError as error:
            raise StorageError(f"cannot be written ({error})", where=path, hint="is the disk full?") from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_tensors` wrote.

    Raises:
        StorageError: the file is missing, cut short or not safetensors, or cannot be read.
    """
    again = "train again: training resumes from the last complete checkpoint"
    try:
        with reading(path, again), safe_open(path, framework="pt") as file:
            header = parse((file.metadata() or {}).get("affetti", "{}"))
            return {key: file.get_tensor(key) for key in file.keys()}, header  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise StorageError(f"cut short or not safetensors ({error})", where=path, hint=again) from error
    except ValueError as error:
        raise StorageError(f"its header is damaged ({error})", where=path, hint=again) from error
