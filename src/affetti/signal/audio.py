"""Audio files to waveforms and back. The only module that opens audio.

A waveform is mono float32 in [-1, 1] (files may exceed it a little), channels averaged, resampled with soxr (HQ). Level
is kept: loudness is an emotion cue, so nothing here normalises. Formats are those of libsndfile: WAV, FLAC, Ogg
Vorbis, Opus, MP3, AIFF.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import InputError, StorageError
from affetti.storage import written

BLOCK = 1 << 20
"""Frames decoded at a time."""
LOUDEST = 1e4
"""Largest sample taken for sound on [-1, 1]: float files may exceed 1 a little, one of integers exceeds it by far."""

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"})


def load(path: str | Path, sample_rate: int) -> Tensor:
    """Decode, average the channels and resample.

    Args:
        path: an audio file.
        sample_rate: samples per second of the result, > 0.

    Returns:
        float32 ``[T]``.

    Raises:
        InputError: the file is missing, empty, truncated, not audio, or holds values that are not numbers.
    """
    samples, rate = decode(Path(path))
    return torch.from_numpy(resample(samples, rate, sample_rate))


def decode(path: Path) -> tuple[NDArray[np.float32], int]:
    """Decode a file to mono float32 ``[T]`` at its own sample rate."""
    if not path.is_file():
        raise InputError("no such audio file", where=path, hint="check the path")
    if path.stat().st_size == 0:
        raise InputError("the file is empty", where=path, hint="replace or remove it")
    try:
        with soundfile.SoundFile(path) as file:
            promised, rate = file.frames, file.samplerate
            samples = _read(file)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(
            f"cannot be decoded as audio ({error})", where=path, hint="convert it to WAV or FLAC"
        ) from error
    if len(samples) == 0:
        raise InputError("holds no samples", where=path, hint="replace or remove it")
    if len(samples) < promised or _cut_short(path):
        raise InputError(
            f"truncated after {len(samples) / rate:.2f} s", where=path, hint="fetch the file again, or remove it"
        )
    if not np.isfinite(samples).all():
        raise InputError("holds values that are not numbers (NaN or infinite)", where=path, hint="replace or remove it")
    if (peak := float(np.abs(samples).max())) > LOUDEST:
        raise InputError(f"samples reach {peak:g}, not ±1", where=path, hint="divide them by their full scale")
    return samples.mean(axis=1, dtype=np.float32), rate


def _read(file: soundfile.SoundFile) -> NDArray[np.float32]:
    """All samples ``[T, C]``, by blocks: a broken header may promise more than memory holds."""
    blocks: list[NDArray[np.float32]] = []
    while len(block := np.asarray(file.read(BLOCK, dtype="float32", always_2d=True), dtype=np.float32)):
        blocks.append(block)
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)


def _cut_short(path: Path) -> bool:
    """Whether the container itself says that bytes are missing; libsndfile passes over this in silence."""
    with path.open("rb") as file:
        head = file.read(8)
        size = file.seek(0, 2)
        if head[:4] == b"RIFF":
            promised = int.from_bytes(head[4:8], "little")
            # Streams written to a pipe carry 0 or 2³²-1 there: they promise nothing.
            return 0 < promised < 0xFFFFFFF0 and promised + 8 > size + 1
        if head[:4] == b"FORM":
            return int.from_bytes(head[4:8], "big") + 8 > size + 1
        if head[:4] == b"OggS":
            file.seek(max(0, size - 65_536 - 282))  # the last page is at most that long
            tail = file.read()
            last = tail[max(0, tail.rfind(b"OggS")) :]
            if len(last) < 27 or not last[5] & 4:  # bit 2: end of stream
                return True
            segments = last[27 : 27 + last[26]]
            return len(last) < 27 + last[26] + sum(segments)
    return False


def resample(samples: NDArray[np.float32], source_rate: int, sample_rate: int) -> NDArray[np.float32]:
    """Resample ``[T]`` from ``source_rate`` to ``sample_rate`` with soxr's HQ recipe (librosa's default)."""
    if source_rate == sample_rate:
        return samples
    return np.asarray(soxr.resample(samples, source_rate, sample_rate, quality="HQ"), dtype=np.float32)


def save(path: str | Path, waveform: Tensor | NDArray[np.float32], sample_rate: int) -> None:
    """Write a waveform ``[T]`` in the format of the suffix, atomically; values beyond ±1 scale the whole down.

    Scaling the whole keeps its shape where clipping would not; the level is lost only in that case.

    Raises:
        InputError: a value is not a number.
        StorageError: the format is unknown or the file cannot be written.
    """
    path = Path(path)
    samples = np.asarray(waveform, dtype=np.float32)
    peak = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(peak):
        raise InputError("sound with values that are not numbers", where=path, hint="mend what made it")
    if peak > 1.0:
        samples = samples / peak
    # Encoded in memory: what goes wrong on disk is then told as what it is, and not as libsndfile's "system error".
    encoded = io.BytesIO()
    try:
        soundfile.write(encoded, samples, sample_rate, format=path.suffix.removeprefix("."))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        raise StorageError(f"cannot be encoded ({error})", where=path, hint="use .wav, .flac or .ogg") from error
    with written(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())


def is_silent(samples: NDArray[np.float32], threshold: float = 1e-4) -> bool:
    """Whether no sample exceeds ``threshold`` (default −80 dBFS)."""
    return float(np.abs(samples).max(initial=0.0)) < threshold


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
