"""What each representation keeps of one recording: bits, onsets, the sound that comes back, and where it is put.

The steps, their bits and the measures of what comes back are those of the audit's question ``information``
(:mod:`affetti.studies.audit.codec`), without the two latents, which have to be fitted to other songs. All numbers are
of one excerpt: they describe it, and have no interval.

When not to use: for statements about music in general; audit a corpus.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from affetti.inference.window_regressors import WindowRegressor
from affetti.presets import FrontEnd
from affetti.signal import audio
from affetti.signal.fidelity import onsets
from affetti.storage import atomic_write
from affetti.studies.audit.codec.round_trips import round_trip
from affetti.studies.audit.codec.stages import STAGES, Stage, mel_stages, numbers_per_second, spectral_stages
from affetti.studies.audit.recordings.excerpt import Excerpt, predict_emotion
from affetti.studies.audit.recordings.result import RecordingAudit, RecordingStage

SOUNDS = "sounds"
"""Folder of the sounds."""


@torch.inference_mode()
def audit_excerpt(
    excerpt: Excerpt,
    front: FrontEnd,
    regressor: WindowRegressor | None = None,
    folder: Path | None = None,
    prefix: str = "",
) -> RecordingAudit:
    """Measure every stage of an excerpt.

    Args:
        excerpt: see :func:`~affetti.studies.audit.recordings.excerpt.load_excerpt`.
        front: the front-end; its hop is at most a quarter of the window.
        regressor: predicts the emotion of what comes back of each stage.
        folder: receives the sounds, in ``sounds/``.
        prefix: of their names.

    Example:
        >>> from pathlib import Path
        >>> from affetti.presets import front_end
        >>> noise = 0.1 * torch.randn(44_032, generator=torch.Generator().manual_seed(0))
        >>> audited = audit_excerpt(Excerpt(Path("noise.wav"), noise, 0.0, 2.0, 22_050, None), front_end("paper"))
        >>> [stage.name for stage in audited.stages][:4], round(audited.stages[0].retention)
        (['waveform', 'stft', 'magnitude', 'mel'], 100)
    """
    wave, rate = excerpt.waveform, front.sample_rate
    measured: list[RecordingStage] = []
    for step in (*spectral_stages(wave, front), *mel_stages(wave, front, {})):
        sound = None if folder is None else save_sound(folder, f"{prefix}{step.name}", step.sound, rate)
        whole = measured[0].bits if measured else None
        measured.append(_measure(step, wave, front, whole, regressor, sound))
    return RecordingAudit(
        path=str(excerpt.path),
        file_rate=excerpt.file_rate,
        recording_seconds=excerpt.recording_seconds,
        start=excerpt.start,
        seconds=len(wave) / rate,
        loudness=excerpt.loudness,
        onsets=len(onsets(wave, rate)),
        stages=tuple(measured),
    )


def _measure(
    step: Stage,
    wave: Tensor,
    front: FrontEnd,
    whole: float | None,
    regressor: WindowRegressor | None,
    sound: str | None,
) -> RecordingStage:
    """One stage; ``whole`` is the bits of the waveform, None where the stage is the waveform itself."""
    trip = round_trip(step, wave, front)
    return RecordingStage(
        name=step.name,
        label=STAGES[step.name],
        numbers=numbers_per_second(step.name, front),
        bits=trip.coded,
        retention=100.0 * trip.coded / (whole or trip.coded),
        entropy=_or_none(trip.entropy),
        si_sdr=trip.si_sdr,
        convergence=trip.convergence,
        log_distance=trip.log_distance,
        sharpness=_or_none(trip.sharpness),
        emotion=predict_emotion(regressor, step.sound, front.sample_rate),
        sound=sound,
    )


def save_sound(folder: Path, name: str, waveform: Tensor, sample_rate: int) -> str:
    """File a sound ``[T]`` as FLAC; returns its path relative to ``folder``."""
    file = Path(SOUNDS) / f"{name}.flac"
    with atomic_write(folder / file) as temporary:
        audio.save(temporary, waveform.numpy(), sample_rate)
    return str(file)


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
