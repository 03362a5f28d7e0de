"""What works on this machine, what is missing, and the command that mends it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from affetti.errors import AffettiError

PACKAGES = (
    "torch", "numpy", "scipy", "pandas", "pyarrow", "soundfile", "soxr", "av", "symusic", "scikit-learn", "safetensors",
    "lightning-fabric", "matplotlib", "jinja2", "tyro", "cattrs", "rich",
)  # fmt: skip
MODULES = {"scikit-learn": "sklearn", "lightning-fabric": "lightning_fabric"}
OPTIONAL = {
    "librosa": "pip install librosa",
    "datasets": "pip install 'affetti[hub]'",
    "transformers": "pip install 'affetti[encoders]'",
    "onnxruntime": "pip install 'affetti[onnx]'",
}


def run() -> dict[str, Any]:
    """Check packages, soundfont, rendering, decoding, devices, memory and disk.

    Returns:
        ``{"ok", "checks": [{"name", "needed", "ok", "detail", "mend"}], "versions"}``; ``ok`` is over the needed ones.
    """
    checks = [_package(name, needed=True, mend=f"pip install {name}") for name in PACKAGES]
    checks += [_package(name, needed=False, mend=mend) for name, mend in OPTIONAL.items()]
    checks += [
        _trial("soundfont", _soundfont, "pip install pretty-midi, or give --soundfont FILE.sf2"),
        _trial("audio codecs", _codecs, "pip install --force-reinstall soundfile"),
        _trial("log-mel", _log_mel, "pip install --force-reinstall torch"),
        _device(),
        _disk(),
    ]
    return {
        "ok": all(check["ok"] for check in checks if check["needed"]),
        "checks": checks,
        "versions": {"python": platform.python_version(), "platform": platform.platform(), "cores": os.cpu_count()},
    }


def _check(name: str, ok: bool, detail: str, mend: str, *, needed: bool = True) -> dict[str, Any]:
    return {"name": name, "needed": needed, "ok": ok, "detail": detail, "mend": mend}


def _package(name: str, *, needed: bool, mend: str) -> dict[str, Any]:
    try:
        import_module(MODULES.get(name, name))
        return _check(name, True, version(name), mend, needed=needed)
    except (ImportError, PackageNotFoundError, OSError) as error:
        return _check(name, False, str(error).splitlines()[0], mend, needed=needed)


def _trial(name: str, trial: Callable[[], str], mend: str) -> dict[str, Any]:
    try:
        return _check(name, True, trial(), mend)
    except (AffettiError, ImportError, OSError) as error:
        return _check(name, False, str(error).splitlines()[0], mend)


def _soundfont() -> str:
    from affetti.compose.render import find_soundfont

    return str(find_soundfont())


def _codecs() -> str:
    import numpy as np

    from affetti.signal import audio

    tone = (0.1 * np.sin(np.arange(22_050) * 0.06)).astype(np.float32)
    works: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".wav", ".flac", ".ogg", ".mp3"):
            path = Path(folder) / f"tone{suffix}"
            audio.save(path, tone, 22_050)
            audio.load(path, 22_050)
            works.append(suffix.removeprefix("."))
    return "reads and writes " + ", ".join(works)


def _log_mel() -> str:
    import torch

    from affetti.signal.mel import MelSpectrogram

    shape = tuple(MelSpectrogram.from_preset("tiny")(torch.zeros(22_050)).shape)
    return f"one second becomes {shape[0]} bands × {shape[1]} frames"


def _device() -> dict[str, Any]:
    try:
        import torch
    except ImportError:
        return _check("GPU", False, "torch is missing", "pip install torch", needed=False)
    if torch.cuda.is_available():
        return _check("GPU", True, torch.cuda.get_device_name(0) + " (use --device cuda)", "", needed=False)
    if torch.backends.mps.is_available():
        return _check("GPU", True, "Apple (use --device mps)", "", needed=False)
    return _check("GPU", False, "none: everything runs on the CPU", "none needed for the preset tiny", needed=False)


def _disk() -> dict[str, Any]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    writable = os.access(Path.cwd(), os.W_OK)
    detail = f"{free:.0f} GB free here" + ("" if writable else ", but this folder cannot be written")
    return _check("disk", writable and free > 1, detail, "change to a folder with 1 GB free that you may write")
