"""Where a model lies: a folder here, or a repository of the Hugging Face Hub, fetched because the user named it."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from affetti.errors import InputError, MissingDependencyError, first_line

FILES = ("model.json", "model.safetensors", "MODEL_CARD.md")
"""What is fetched of a repository."""


def resolve_run_folder(model: str | Path) -> Path:
    """The folder of a run.

    ``hf:USER/NAME`` is always a model of the Hub; ``USER/NAME`` is one if there is no folder ``USER`` here. Anything
    else is a path.

    Raises:
        InputError: the Hub has no such model, or cannot be reached.
        MissingDependencyError: ``huggingface_hub`` is not installed.
    """
    text = str(model)
    named = re.fullmatch(r"(?:hf:)?(\w[\w.-]*/\w[\w.-]*)", text)
    path = Path(text)
    if named is None or (not text.startswith("hf:") and (path.exists() or path.parent.exists())):
        return path
    try:
        hub = import_module("huggingface_hub")
    except ImportError as error:
        raise MissingDependencyError(
            f"no such folder, and to fetch it from the Hub needs huggingface_hub ({error})",
            where=text,
            hint="check the path, or pip install 'affetti[hub]'",
        ) from error
    try:
        return Path(hub.snapshot_download(named[1], allow_patterns=list(FILES)))
    except Exception as error:  # of the client and of the network beneath it, of no common root
        raise InputError(
            f"no such folder here, and none to fetch from the Hub ({first_line(error)})",
            where=text,
            hint="check the path",
        ) from error
