"""A trained regressor and audio in; valence, arousal, their intervals and the emotion curve out.

The recording is cut into windows of the model's clip length, a second apart; each window gives a point of the curve,
at its centre, and the song's value is their mean. A recording shorter than a window is repeated to fill it. The
interval is that of one clip, calibrated on songs like those the model was trained on; on other music it may be too
narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.emotion import SCALES
from affetti.errors import AffettiError, InputError, UsageError
from affetti.inference.window_regressors import Hearing, Reader, open_reader
from affetti.progress import Progress, silent
from affetti.signal import audio

SHORTEST = 1.0
"""Seconds of sound that the least prediction needs."""
TOGETHER = 32
"""Windows read at a time: bounds the memory that a long recording takes."""
AXES = ("valence", "arousal")


def find_audio(paths: Sequence[Path]) -> list[Path]:
    """The audio files among ``paths`` and, for folders, inside them; sorted within a folder.

    Raises:
        InputError: a folder holds no audio.
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
    model: str | Path,
    paths: Sequence[Path],
    *,
    hop: float = 1.0,
    runtime: str = "torch",
    device: str = "cpu",
    hearing: Callable[[str], Hearing] | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Predict each file; see docs/reference.md for the keys.

    A recording among several that cannot be read is told by ``path`` and ``error``, and stops no other.

    Args:
        model: a run folder, a model of the Hub, or an ONNX file.
        paths: audio files and folders of them.
        hop: seconds between points of the curve.
        runtime: ``torch``, or ``onnx`` for an ONNX file.
        device: where a PyTorch model runs.
        hearing: finds the embedder of a baseline that reads an embedding.
        progress: told of files done.

    Raises:
        UsageError: the model is not a regressor, or no file was named.
        InputError: no file can be used.
    """
    reader = open_reader(model, runtime, device, hearing)
    if not 0 < hop < float("inf"):
        raise UsageError(f"a hop of {hop:g} s", where="--hop", hint="give a positive number of seconds")
    results: list[dict[str, Any]] = []
    refused: list[AffettiError] = []
    files: list[Path] = []
    for path in paths:
        try:
            files += find_audio([path])
        except InputError as error:
            refused.append(error)
            results.append(_refused(path, error))
    if not files and not refused:
        raise UsageError("no audio given", where="AUDIO", hint="name files or folders")
    rate = _rate(reader)
    for number, path in enumerate(files):
        try:
            waveform = audio.load(path, rate).numpy()
            results.append({"path": str(path), **predict_waveform(reader, waveform, hop, where=path)})
        except InputError as error:
            refused.append(error)
            results.append(_refused(path, error))
        progress("predict", number + 1, len(files))
    if len(refused) == len(results):
        if len(refused) == 1:
            raise refused[0]
        raise InputError(f"none of {len(refused)} recordings can be read, the first: {refused[0]}")
    return results


def predict_waveform(
    reader: Reader, waveform: NDArray[np.float32], hop: float = 1.0, where: Path | None = None
) -> dict[str, Any]:
    """Predict one waveform ``[T]`` at the reader's sample rate."""
    rate = _rate(reader)
    if len(waveform) < SHORTEST * rate:
        raise InputError(
            f"{len(waveform) / rate:.2f} s is too short", where=where, hint=f"give at least {SHORTEST:g} s"
        )
    if audio.is_silent(waveform):
        raise InputError(
            "silent (no sample above -80 dBFS)", where=where, hint="there is no music to read an emotion from"
        )
    length = round(reader.front_end.seconds * rate)
    if len(waveform) < length:
        waveform = np.resize(waveform, length)
    last = len(waveform) - length
    starts = np.unique(np.append(np.arange(0, last + 1, max(1, round(hop * rate))), last if last > 0 else 0))
    points = [
        reader.read(np.stack([waveform[s : s + length] for s in starts[at : at + TOGETHER]]))
        for at in range(0, len(starts), TOGETHER)
    ]
    curve = np.concatenate(points)
    times = (starts + length / 2) / rate
    return {
        **_song(curve.mean(axis=0, dtype=np.float64), reader),
        "curve": [
            {"time": round(float(t), 3), "valence": float(v), "arousal": float(a)}
            for t, (v, a) in zip(times, curve, strict=True)
        ],
    }


def _song(value: NDArray[np.float64], reader: Reader) -> dict[str, Any]:
    """The song's value and interval in [-1, 1], and on the scale of the labels where they have one."""
    told: dict[str, Any] = {}
    for axis, name in enumerate(AXES):
        told[name] = float(value[axis])
    for axis, name in enumerate(AXES):
        told[f"{name}_ci"] = _interval(float(value[axis]), float(reader.half_width[axis]))
    told["interval_level"] = reader.interval_level
    scale = SCALES.get(reader.label_scale or "")
    told["scale"] = reader.label_scale if scale is not None else None
    for name in AXES:
        interval = told[f"{name}_ci"]
        told[f"{name}_original"] = None if scale is None else float(scale.from_unit(told[name]))
        on_scale = None if scale is None or interval is None else scale.from_unit(interval).tolist()
        told[f"{name}_original_ci"] = on_scale
    return told


def _rate(reader: Reader) -> int:
    return getattr(reader, "sample_rate", reader.front_end.sample_rate)


def _refused(path: Path, error: AffettiError) -> dict[str, Any]:
    return {"path": str(path), "error": error.what}


def _interval(value: float, half_width: float) -> list[float] | None:
    if not np.isfinite(half_width):
        return None
    return [max(-1.0, value - half_width), min(1.0, value + half_width)]
