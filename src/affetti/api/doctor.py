"""``affetti doctor``: what works on this machine, what is missing, and the command that fixes it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from affetti.api.doctor_engine import check_engine
from affetti.errors import AffettiError
from affetti.execution import Engine
from affetti.results import BaseResult

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


@dataclass(frozen=True)
class DoctorCheck:
    """One thing that was checked."""

    name: str
    needed: bool
    """Whether affetti needs it; otherwise it adds something."""
    ok: bool
    detail: str
    """What was found, or the error."""
    fix: str
    """The command or step that fixes it."""


@dataclass(frozen=True)
class DoctorVersions:
    """Python and the machine."""

    python: str
    platform: str
    cores: int | None


@dataclass(frozen=True)
class DoctorResult(BaseResult):
    """What works on this machine."""

    ok: bool
    """Whether all that is needed works."""
    checks: tuple[DoctorCheck, ...]
    versions: DoctorVersions


def run(engine: str | Engine = "local") -> DoctorResult:
    """Check packages, soundfont, audio codecs, the log-mel, devices and disk; of another ``engine`` its nodes too."""
    checks = [_package(name, needed=True, fix=f"pip install {name}") for name in PACKAGES]
    checks += [_package(name, needed=False, fix=fix) for name, fix in OPTIONAL.items()]
    checks += [
        _try("soundfont", _soundfont, "pip install pretty-midi, or give --soundfont FILE.sf2"),
        _try("audio codecs", _codecs, "pip install --force-reinstall soundfile"),
        _try("log-mel", _log_mel, "pip install --force-reinstall torch"),
        _device(),
        _disk(),
    ]
    checks += [_check(*line) for line in check_engine(engine)]
    return DoctorResult(
        ok=all(check.ok for check in checks if check.needed),
        checks=tuple(checks),
        versions=DoctorVersions(platform.python_version(), platform.platform(), os.cpu_count()),
    )


def _check(name: str, ok: bool, detail: str, fix: str, *, needed: bool = True) -> DoctorCheck:
    return DoctorCheck(name, needed, ok, detail, fix)


def _package(name: str, *, needed: bool, fix: str) -> DoctorCheck:
    try:
        import_module(MODULES.get(name, name))
        return _check(name, True, version(name), fix, needed=needed)
    except (ImportError, PackageNotFoundError, OSError) as error:
        return _check(name, False, str(error).splitlines()[0], fix, needed=needed)


def _try(name: str, check: Callable[[], str], fix: str) -> DoctorCheck:
    try:
        return _check(name, True, check(), fix)
    except (AffettiError, ImportError, OSError) as error:
        return _check(name, False, str(error).splitlines()[0], fix)


def _soundfont() -> str:
    from affetti.compose.renderer import find_soundfont

    path = find_soundfont()
    # What is composed is CC0; sound rendered with a soundfont inherits what that asks for.
    return f"{path} (GPL-2.0; scores are CC0)" if path.name == "TimGM6mb.sf2" else f"{path} (check its licence)"


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


def _device() -> DoctorCheck:
    try:
        import torch
    except ImportError:
        return _check("GPU", False, "torch is missing", "pip install torch", needed=False)
    if torch.cuda.is_available():
        return _check("GPU", True, torch.cuda.get_device_name(0) + " (use --device cuda)", "", needed=False)
    if torch.backends.mps.is_available():
        return _check("GPU", True, "Apple (use --device mps)", "", needed=False)
    return _check("GPU", False, "none: everything runs on the CPU", "none needed for the preset tiny", needed=False)


def _disk() -> DoctorCheck:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    writable = os.access(Path.cwd(), os.W_OK)
    detail = f"{free:.0f} GB free here" + ("" if writable else ", but this folder cannot be written")
    return _check("disk", writable and free > 1, detail, "change to a folder with 1 GB free that you may write")
