"""The part of a recording that is audited: its middle, mono, at the front-end's rate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from affetti.errors import InputError, UsageError
from affetti.inference.predictor import SongPrediction, predict_waveform
from affetti.inference.window_regressors import WindowRegressor
from affetti.presets import FrontEnd, front_end
from affetti.signal import audio
from affetti.signal.loudness import loudness
from affetti.studies.audit.recordings.result import PredictedEmotion

SECONDS = 30.0
"""Seconds of a recording that are audited where nothing else is requested: a clip of the preset ``paper``."""
MIN_SECONDS = 1.1
"""Shortest excerpt: cut to whole frames it still has the second that a regressor needs."""


@dataclass(frozen=True)
class Excerpt:
    """The middle of a recording."""

    path: Path
    waveform: Tensor
    """Mono, ``[T]`` at the front-end's rate, T a multiple of its hop."""
    start: float
    """Where it begins in the recording, seconds."""
    recording_seconds: float
    """Length of the whole recording."""
    file_rate: int
    """Sample rate of the file."""
    loudness: float | None
    """Of the excerpt, LUFS; None: below the gate of -70."""


def check_settings(preset: str, seconds: float) -> FrontEnd:
    """The front-end of an audit of recordings.

    Raises:
        UsageError: an unknown preset, or an excerpt shorter than :data:`MIN_SECONDS`.
    """
    front = front_end(preset)
    if not MIN_SECONDS <= seconds < float("inf"):
        raise UsageError(f"{seconds:g} s of a recording", where="--seconds", hint=f"give {MIN_SECONDS:g} s or more")
    return front


@dataclass(frozen=True)
class Recording:
    """A whole recording."""

    path: Path
    waveform: Tensor
    """Mono, ``[T]`` at the front-end's rate."""
    file_rate: int
    """Sample rate of the file."""


def load_recording(path: Path, front: FrontEnd) -> Recording:
    """Decode a recording.

    Raises:
        InputError: the file cannot be read, or is shorter than :data:`MIN_SECONDS`.
    """
    whole, file_rate = audio.load_with_rate(path, front.sample_rate)
    if len(whole) < round(MIN_SECONDS * front.sample_rate):
        raise InputError(
            f"{len(whole) / front.sample_rate:.2f} s is too short",
            where=path,
            hint=f"give a recording of {MIN_SECONDS:g} s or more",
        )
    return Recording(path, whole, file_rate)


def middle(recording: Recording, front: FrontEnd, seconds: float = SECONDS, length: int | None = None) -> Excerpt:
    """The middle ``seconds`` of a recording, or all of one that is shorter.

    Args:
        recording: of :data:`MIN_SECONDS` or longer.
        front: the front-end.
        seconds: length of the excerpt.
        length: samples from the beginning whose middle is taken, instead of all.

    Raises:
        InputError: the excerpt is silent.
    """
    whole, rate = recording.waveform, front.sample_rate
    used = len(whole) if length is None else min(length, len(whole))
    size = min(used, round(seconds * rate)) // front.hop_length * front.hop_length
    first = (used - size) // 2
    part = whole[first : first + size].clone()
    if audio.is_silent(part.numpy()):
        all_of_it = len(whole) - size < front.hop_length
        raise InputError(
            "silent (no sample above -80 dBFS)"
            if all_of_it
            else f"silent from {first / rate:.1f} s for {size / rate:.1f} s, the part that is audited",
            where=recording.path,
            hint="give a recording of music" if all_of_it else "give more --seconds of it, or cut the silence off",
        )
    level = loudness(part, rate)
    return Excerpt(
        path=recording.path,
        waveform=part,
        start=first / rate,
        recording_seconds=len(whole) / rate,
        file_rate=recording.file_rate,
        loudness=float(level) if level > float("-inf") else None,
    )


def predict_emotion(regressor: WindowRegressor | None, waveform: Tensor, sample_rate: int) -> PredictedEmotion | None:
    """Where a regressor puts a sound ``[T]``; None without a regressor, and of silence."""
    if regressor is None or audio.is_silent(waveform.numpy()):
        return None
    prediction = _predict(regressor, waveform, sample_rate)
    if prediction.valence is None or prediction.arousal is None:
        return None
    return PredictedEmotion(prediction.valence, prediction.arousal, prediction.valence_ci, prediction.arousal_ci)


def _predict(regressor: WindowRegressor, waveform: Tensor, sample_rate: int) -> SongPrediction:
    return predict_waveform(regressor, audio.resample(waveform.numpy(), sample_rate, regressor.sample_rate))
