"""A trained regressor and audio in; valence, arousal, their intervals and the emotion curve out.

The recording is cut into windows of the model's clip length, a second apart; each window gives a point of the curve,
at its centre, and the song's value is their mean. A recording shorter than a window is repeated to fill it. The
interval is that of one clip, calibrated on songs like those the model was trained on; on other music it may be too
narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.errors import InputError, UsageError
from affetti.progress import Progress, silent
from affetti.signal import audio
from affetti.signal.mel import MelSpectrogram
from affetti.training import run as runs

SHORTEST = 1.0
"""Seconds of sound that the least prediction needs."""


def find_audio(paths: Sequence[Path]) -> list[Path]:
    """The audio files among ``paths`` and, for folders, inside them; sorted within a folder.

    Raises:
        InputError: a path does not exist, or a folder holds no audio.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in audio.AUDIO_SUFFIXES)
            if not inside:
                kinds = ", ".join(sorted(audio.AUDIO_SUFFIXES))
                raise InputError("no audio files in this folder", where=path, hint=f"it should hold {kinds}")
            found += inside
        else:
            found.append(path)
    return found


def predict_files(
    model: Path, paths: Sequence[Path], *, hop: float = 1.0, device: str = "cpu", progress: Progress = silent
) -> list[dict[str, Any]]:
    """Predict each file; see docs/reference.md for the keys.

    Raises:
        UsageError: the model is not a regressor, or no file was named.
        InputError: a file cannot be used.
    """
    trained = runs.load(model, device)
    if trained.kind not in runs.REGRESSORS:
        raise UsageError(
            f"a {trained.kind} does not predict", where=model, hint=f"give a run of {' or '.join(runs.REGRESSORS)}"
        )
    if not 0 < hop < float("inf"):
        raise UsageError(f"a hop of {hop:g} s", where="--hop", hint="give a positive number of seconds")
    files = find_audio(paths)
    if not files:
        raise UsageError("no audio given", where="AUDIO", hint="name files or folders")
    results: list[dict[str, Any]] = []
    for number, path in enumerate(files):
        waveform = audio.load(path, trained.front_end.sample_rate).numpy()
        results.append({"path": str(path), **predict_waveform(trained, waveform, hop, where=path)})
        progress("predict", number + 1, len(files))
    return results


def predict_waveform(
    trained: runs.TrainedModel, waveform: NDArray[np.float32], hop: float = 1.0, where: Path | None = None
) -> dict[str, Any]:
    """Predict one waveform ``[T]`` at the model's sample rate."""
    front = trained.front_end
    if len(waveform) < SHORTEST * front.sample_rate:
        raise InputError(
            f"{len(waveform) / front.sample_rate:.2f} s is too short", where=where, hint=f"give at least {SHORTEST:g} s"
        )
    if audio.is_silent(waveform):
        raise InputError(
            "silent (no sample above -80 dBFS)", where=where, hint="there is no music to read an emotion from"
        )
    length = front.samples
    if len(waveform) < length:
        waveform = np.resize(waveform, length)
    last = len(waveform) - length
    starts = np.unique(
        np.append(np.arange(0, last + 1, max(1, round(hop * front.sample_rate))), last if last > 0 else 0)
    )
    to_mel = MelSpectrogram(front)
    points: list[NDArray[np.float32]] = []
    half: torch.Tensor | None = None
    with torch.inference_mode():
        for at in range(0, len(starts), 32):
            batch = np.stack([waveform[s : s + length] for s in starts[at : at + 32]])
            mel = to_mel(torch.from_numpy(batch)).to(trained.device)
            emotion, half_width = trained.model.predict(mel)  # type: ignore[operator]
            points.append(emotion.cpu().numpy())
            half = half_width[0].cpu()
    curve = np.concatenate(points)
    value = curve.mean(axis=0)
    width = half.tolist() if half is not None else [float("nan")] * 2
    times = (starts + length / 2) / front.sample_rate
    return {
        "valence": float(value[0]),
        "arousal": float(value[1]),
        "valence_ci": _interval(float(value[0]), width[0]),
        "arousal_ci": _interval(float(value[1]), width[1]),
        "curve": [
            {"time": round(float(t), 3), "valence": float(v), "arousal": float(a)}
            for t, (v, a) in zip(times, curve, strict=True)
        ],
    }


def _interval(value: float, half_width: float) -> list[float] | None:
    if not np.isfinite(half_width):
        return None
    return [max(-1.0, value - half_width), min(1.0, value + half_width)]
