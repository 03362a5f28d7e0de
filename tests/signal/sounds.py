"""Sounds to encode and decode, and how well two of them agree."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, correlate, sosfilt

RATE = 22_050


def tone(seconds: float = 1.0, rate: int = RATE, level: float = 0.5) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float = 3.0, rate: int = RATE) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(0).normal(size=round(seconds * rate))).astype(np.float32)


def hum(seconds: float = 3.0, rate: int = RATE, channels: int = 2) -> NDArray[np.float32]:
    """Noise ``[T, C]`` below an eighth of the rate: every codec keeps it, and it fits itself in one place only."""
    white = np.random.default_rng(0).normal(size=(round(seconds * rate), channels))
    return (0.2 * np.asarray(sosfilt(butter(4, 0.25, output="sos"), white, axis=0))).astype(np.float32)


def encode(path: Path, codec: str, samples: NDArray[np.float32], rate: int = RATE, **options: str) -> Path:
    """Encode ``[T, C]`` with FFmpeg into the container given by the suffix."""
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[samples.shape[1]]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate, frame.pts = rate, 0
    with av.open(str(path), "w", options=options) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 96_000 * samples.shape[1]
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1_024
        into = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
        for part in (*into.resample(frame), *into.resample(None), None):
            container.mux(stream.encode(part))
    return path


def offset(sound: NDArray[np.float32], sought: NDArray[np.float32]) -> tuple[int, float]:
    """By how many samples ``sound`` comes later than ``sought``, and how well they correlate there."""
    fit = correlate(sound.astype(np.float64), sought.astype(np.float64))
    best = int(fit.argmax())
    return best - (len(sought) - 1), float(fit[best] / np.linalg.norm(sound) / np.linalg.norm(sought))


def long_wav(path: Path, hours: float, rate: int = 8_000) -> int:
    """A sparse file: a constant in stereo, eight bits; returns its frames."""
    frames = round(hours * 3_600 * rate)
    head = b"RIFF" + struct.pack("<I", 36 + 2 * frames) + b"WAVE"
    head += b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, rate, 2 * rate, 2, 8) + b"data" + struct.pack("<I", 2 * frames)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 2 * frames)
    return frames
