"""Levels for listening: a peak that no player clips, and sounds that are equally loud.

Loudness is that of ITU-R BS.1770-4 (K-weighted, gated), by pyloudnorm. Corpora are never levelled: loudness is an
emotion cue. Level what people compare by ear.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyloudnorm
import soxr
import torch
from torch import Tensor

from affetti.errors import InputError
from affetti.signal.audio import is_silent

PEAK_DBFS = -1.0
"""Highest true peak, dBFS (EBU R 128)."""
MIN_SECONDS = 0.4
"""Seconds that a measure of loudness needs: one gating block."""


def true_peak(waveform: Tensor, sample_rate: int) -> float:
    """Largest magnitude of a waveform ``[T]``, between the samples too (4 × oversampled: BS.1770-4, annex 2)."""
    samples = _checked(waveform).numpy()
    between = soxr.resample(samples, sample_rate, 4 * sample_rate, quality="HQ")
    return max(float(np.abs(samples).max(initial=0.0)), float(np.abs(between).max(initial=0.0)))


def normalise_peak(waveform: Tensor, sample_rate: int, peak: float = PEAK_DBFS) -> Tensor:
    """Scale a waveform ``[T]`` to a true peak of ``peak`` dBFS; silence stays as it is.

    Raises:
        InputError: another shape, or values that are not numbers.
    """
    samples = _checked(waveform)
    return (
        samples if is_silent(samples.numpy()) else samples * (10.0 ** (peak / 20.0) / true_peak(samples, sample_rate))
    )


def loudness(waveform: Tensor, sample_rate: int) -> float:
    """Integrated loudness of a waveform ``[T]``, LUFS; -inf for what is below the gate (-70).

    Raises:
        InputError: another shape, shorter than :data:`MIN_SECONDS`, or values that are not numbers.
    """
    samples = _checked(waveform)
    if len(samples) < MIN_SECONDS * sample_rate:
        raise InputError(
            f"a sound of {len(samples) / sample_rate:.2f} s has no loudness", hint=f"give {MIN_SECONDS:g} s or more"
        )
    meter = pyloudnorm.Meter(sample_rate)
    with np.errstate(divide="ignore", invalid="ignore"):  # of silence: log 0
        return float(meter.integrated_loudness(samples.double().numpy()))


def match_loudness(
    waveforms: Sequence[Tensor], sample_rate: int, target: float = -20.0, peak: float = PEAK_DBFS
) -> list[Tensor]:
    """Scale waveforms to one loudness: ``target`` LUFS, or less where one of them would exceed ``peak`` dBFS.

    Silent ones stay as they are.

    Raises:
        InputError: as :func:`loudness`.
    """
    levels = [loudness(waveform, sample_rate) for waveform in waveforms]
    peaks = [true_peak(waveform, sample_rate) for waveform in waveforms]
    audible = [(level, high) for level, high in zip(levels, peaks, strict=True) if np.isfinite(level)]
    room = [peak - 20.0 * np.log10(high) + level for level, high in audible]
    common = min([target, *room])
    return [
        waveform.float() * 10.0 ** ((common - level) / 20.0) if np.isfinite(level) else waveform.float()
        for waveform, level in zip(waveforms, levels, strict=True)
    ]


def _checked(waveform: Tensor) -> Tensor:
    if waveform.ndim != 1 or not len(waveform) or not bool(torch.isfinite(waveform).all()):
        raise InputError(
            f"a waveform of shape {tuple(waveform.shape)}, or with values that are not numbers",
            hint="give samples, [T]",
        )
    return waveform.detach().cpu().float()
