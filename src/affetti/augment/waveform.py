"""Stretch in time and shift in pitch on sound, by audiomentations (the extra ``augment``).

The changes of :mod:`affetti.augment.warp`, applied to the waveform, where they are exact: a library for this purpose
handles formants and attacks. Tempo and register are emotion cues, so the changes keep to the limits within which labels
hold.

Conventions: float32 waveforms ``[T]`` in [-1, 1]; a stretched clip is cut or padded to its length. The amount is drawn
here from the given generator, so that a copy depends on its seed alone. When not to use: inside a training loop (a
clip takes tens of milliseconds); make copies once.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.augment.warp import SAFE_RATE, SAFE_SEMITONES
from affetti.errors import MissingDependencyError, UsageError

KINDS = ("stretch", "shift")


def is_available() -> bool:
    """Whether audiomentations is installed."""
    return importlib.util.find_spec("audiomentations") is not None


def require_installed() -> None:
    """Check that audiomentations is installed, before work begins.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if not is_available():
        raise MissingDependencyError("audiomentations is not installed", hint="run: pip install 'affetti[augment]'")


def load_audiomentations() -> Any:
    """Audiomentations.

    Raises:
        MissingDependencyError: it is not installed.
    """
    require_installed()
    return importlib.import_module("audiomentations")


def draw_amount(kind: str, rng: np.random.Generator) -> float:
    """A speed (log-uniform, within 1 / 1.05 to 1.05) or a shift in semitones (uniform, within ±1).

    Raises:
        UsageError: an unknown kind.
    """
    if kind == "stretch":
        return float(SAFE_RATE ** rng.uniform(-1.0, 1.0))
    if kind == "shift":
        return float(rng.uniform(-SAFE_SEMITONES, SAFE_SEMITONES))
    raise UsageError(f"unknown change {kind!r}", where="augment", hint=f"choose from {', '.join(KINDS)}")


def augment_waveform(waveform: NDArray[np.float32], sample_rate: int, kind: str, amount: float) -> NDArray[np.float32]:
    """A changed copy of ``waveform`` ``[T]``, as long as it was.

    Args:
        waveform: in [-1, 1].
        sample_rate: samples a second.
        kind: ``stretch`` or ``shift``.
        amount: speed, or semitones.

    Raises:
        MissingDependencyError: audiomentations is not installed.
        UsageError: an unknown kind.
    """
    library = load_audiomentations()
    if kind == "stretch":
        turn = library.TimeStretch(min_rate=amount, max_rate=amount, leave_length_unchanged=True, p=1.0)
    elif kind == "shift":
        turn = library.PitchShift(min_semitones=amount, max_semitones=amount, p=1.0)
    else:
        raise UsageError(f"unknown change {kind!r}", where="augment", hint=f"choose from {', '.join(KINDS)}")
    return np.asarray(turn(np.ascontiguousarray(waveform, dtype=np.float32), sample_rate), dtype=np.float32)
