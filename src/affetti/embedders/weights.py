"""Weights from elsewhere: loaded without running code from the file, and identified by their content.

The one place where a foreign file of weights is opened. ``.safetensors`` holds tensors and nothing else; a ``.pth`` is
a pickle, of which torch rebuilds tensors alone (``weights_only``), and refuses all that would call a function.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from affetti.errors import InputError
from affetti.storage import is_file, read_error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors``, ``.pth``, ``.pt`` or ``.ckpt`` file, by name.

    Raises:
        StorageError: it may not be read.
        InputError: it is missing, cut short, holds anything but tensors, or holds values that are not numbers.
    """
    hint = "fetch it again, and give the published .pth or a .safetensors"
    if not is_file(path):
        raise InputError("no such file", where=path, hint="give the path of the weights after the name of the features")
    if path.suffix not in (".safetensors", ".pth", ".pt", ".ckpt"):
        raise InputError(f"weights of a type {path.suffix!r}", where=path, hint="give a .safetensors or .pth file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that torch did not write, before it refuses them
            tensors_read = (
                load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
            )
    except PermissionError as error:
        raise read_error(path, error) from error
    except Exception as error:  # a file cut short or altered fails in any way, of no common root
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"cut short, or holds more than tensors ({reason})", where=path, hint=hint) from error
    if not isinstance(tensors_read, Mapping) or not all(isinstance(value, Tensor) for value in tensors_read.values()):
        raise InputError("not a plain state dict", where=path, hint=hint)
    broken = [name for name, value in tensors_read.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise InputError(f"{broken[0]!r} holds values that are not numbers", where=path, hint=hint)
    return {str(name): value for name, value in tensors_read.items()}


def fingerprint(tensors: Mapping[str, Tensor], *settings: object) -> str:
    """Twelve hexadecimal digits that name tensors, whatever file held them, and the settings they are used with."""
    digest = hashlib.sha256(repr(settings).encode())
    for name, value in sorted(tensors.items()):
        whole = value.detach().cpu().contiguous()
        digest.update(f"{name} {whole.dtype} {tuple(whole.shape)}".encode())
        digest.update(whole.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:12]
