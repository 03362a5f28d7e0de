"""Audio files to waveforms and back. Only this module and its decoders open audio.

A waveform is mono float32 in [-1, 1] (files may exceed it a little), channels averaged, resampled with soxr (HQ). Level
is kept: loudness is an emotion cue, so nothing here normalises. Formats are those of libsndfile (WAV, FLAC, Ogg Vorbis,
Opus, MP3, AIFF …) and, beyond them, FFmpeg's (M4A, AAC, MP4, WMA, WebM, Matroska …); a file is known by its content,
not by its name. A header that declares a wrong length is ignored, a file with bytes missing is refused. Decoding,
averaging and resampling go block by block: memory is that of the result, whatever a header declares.
"""

from __future__ import annotations

import errno
import hashlib
import io
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import InputError, StorageError
from affetti.signal.container import inspect, is_mpeg, streams
from affetti.signal.decoders import Block, CutShortError, UndecodableError, decode_ffmpeg, decode_soundfile
from affetti.storage import atomic_write

MAX_AMPLITUDE = 4.0
"""Largest sample taken for sound on [-1, 1]: float files may exceed 1 (by 12 dB here), one on a scale of integers does
so by far."""
MAX_DAMAGED_AMPLITUDE = 1e4
"""The same of MPEG audio, which has no scale to mistake and of which a scratched frame may exceed 1 by far."""
SILENCE = 1e-4
"""Amplitude under which nothing is audible, -80 dBFS: :func:`is_silent`, the one rule of all verbs, uses it."""
CANCELLATION_DB = 20.0
"""Channels cancel when their mean is this far below their mean power. Unrelated channels lose 3 dB, or 9 of eight."""
CANCELLED_SHARE = 0.9
"""Of the audible blocks, as much must cancel for a file to be refused: a scratched frame alone says nothing."""
SAMPLE_RATES = range(1_000, 1_000_001)
"""Accepted sample rates: with the rate of a broken header, resampling would stretch a second to a day."""
RESAMPLER_EDGE = 256
"""Samples at either end in which a constant that was resampled is none (from 8 kHz to 22,050 Hz: 197)."""
MAX_HOURS = 24.0
"""Hours of sound in one file, at most."""

AUDIO_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"}
    | {".m4a", ".aac", ".mp4", ".wma", ".webm", ".mka"}
)


OnSamples: TypeAlias = Callable[[int, NDArray[np.float32]], object]
"""Called with the number of the first sample of a block, and the block."""


def load(
    path: str | Path, sample_rate: int, *, max_hours: float = MAX_HOURS, on_samples: OnSamples | None = None
) -> Tensor:
    """Decode, average the channels and resample.

    Args:
        path: an audio file.
        sample_rate: samples per second of the result, > 0.
        max_hours: longest sound; decoding ends there, whatever the size of the file.
        on_samples: receives the result block by block while the rest is being decoded; where a decoder gives up and
            another begins anew, from sample 0 again.

    Returns:
        float32 ``[T]``.

    Raises:
        InputError: the file is missing, may not be read, is empty, truncated, too long or not audio, or its samples
            are not numbers on [-1, 1].
    """
    return torch.from_numpy(_decode(Path(path), sample_rate, max_hours, on_samples).samples)


def load_with_rate(path: str | Path, sample_rate: int, *, max_hours: float = MAX_HOURS) -> tuple[Tensor, int]:
    """As :func:`load`, and the sample rate of the file itself."""
    mono = _decode(Path(path), sample_rate, max_hours)
    return torch.from_numpy(mono.samples), mono.rate


def decode(path: Path) -> tuple[NDArray[np.float32], int]:
    """Decode a file to mono float32 ``[T]`` at its own sample rate; raises as :func:`load` does."""
    mono = _decode(path, None)
    return mono.samples, mono.rate


def resample(samples: NDArray[np.float32], source_rate: int, sample_rate: int) -> NDArray[np.float32]:
    """Resample ``[T]`` from ``source_rate`` to ``sample_rate`` with soxr's HQ recipe (librosa's default)."""
    if source_rate == sample_rate:
        return samples
    return np.asarray(soxr.resample(samples, source_rate, sample_rate, quality="HQ"), dtype=np.float32)


class _Mono:
    """Blocks ``[T, C]`` of a file, averaged and resampled as they come."""

    def __init__(
        self,
        path: Path,
        sample_rate: int | None,
        max_hours: float,
        max_amplitude: float,
        on_samples: OnSamples | None = None,
    ) -> None:
        self.path = path
        self.on_samples = on_samples
        self.max_hours = max_hours
        self.max_amplitude = max_amplitude
        self.sample_rate = sample_rate
        self.rate = 0
        self.count = 0
        self._resampler: soxr.ResampleStream | None = None
        self._buffer = bytearray()
        self._audible = self._cancelled = 0

    def add(self, rate: int, block: NDArray[np.float32]) -> None:
        """Take the next block."""
        if rate != self.rate:
            self._begin(rate)
        # Channel by channel: a mean along the short, inner axis costs more than the decoding of some formats.
        with np.errstate(over="ignore", invalid="ignore"):
            mono = reduce(np.add, block.T) / np.float32(block.shape[1])
        peak = max(float(mono.max()), -float(mono.min()))  # of samples that are not numbers the maximum is none either
        if not np.isfinite(peak):
            raise InputError(
                "holds values that are not numbers (NaN or infinite)", where=self.path, hint="replace or remove it"
            )
        if peak > self.max_amplitude:
            raise InputError(f"samples reach {peak:g}, not ±1", where=self.path, hint="divide them by their full scale")
        if block.shape[1] > 1:
            mono_power, power = float(np.vdot(mono, mono)), float(np.vdot(block, block)) / block.shape[1]
            if power > SILENCE**2 * len(mono):
                self._audible += len(mono)
                self._cancelled += len(mono) * (mono_power < power * 10.0 ** (-CANCELLATION_DB / 10.0))
        self.count += len(mono)
        if self.count > self.max_hours * 3600 * rate:
            raise InputError(f"longer than {self.max_hours:g} h", where=self.path, hint="cut it into pieces")
        self._append(mono)

    def end(self) -> None:
        """Flush the resampler.

        Raises:
            InputError: the channels cancel each other: what is left of them is noise of the encoder.
        """
        self._append(np.zeros(0, np.float32), last=True)
        if self._cancelled > CANCELLED_SHARE * self._audible:
            raise InputError(
                f"its channels cancel: their mean is more than {CANCELLATION_DB:g} dB below them",
                where=self.path,
                hint="invert one channel, or keep only one",
            )

    @property
    def samples(self) -> NDArray[np.float32]:
        """All of it: float32 ``[T]``."""
        return np.frombuffer(self._buffer, np.float32)

    def _begin(self, rate: int) -> None:
        if self.rate:
            raise InputError(
                f"changes its sample rate from {self.rate} to {rate}", where=self.path, hint="convert it to WAV or FLAC"
            )
        if rate not in SAMPLE_RATES:
            raise InputError(f"a sample rate of {rate}", where=self.path, hint="convert it to WAV or FLAC at 44100")
        self.rate = rate
        if self.sample_rate not in (None, rate):
            self._resampler = soxr.ResampleStream(rate, self.sample_rate, 1, dtype="float32", quality="HQ")

    def _append(self, samples: NDArray[np.float32], last: bool = False) -> None:
        resampled = self._resampler.resample_chunk(samples, last=last) if self._resampler else samples
        if self.on_samples is not None and len(resampled):
            self.on_samples(len(self._buffer) // resampled.itemsize, resampled)
        self._buffer.extend(resampled.data)


def _decode(
    path: Path, sample_rate: int | None, max_hours: float = MAX_HOURS, on_samples: OnSamples | None = None
) -> _Mono:
    """All of a file, at ``sample_rate`` or its own; streams that follow one another are joined."""
    with _open(path) as file:
        if file.seek(0, io.SEEK_END) == 0:
            raise InputError("the file is empty", where=path, hint="replace or remove it")
        places = streams(file)
        if len(places) == 1:
            mono = _decode_stream(file, path, sample_rate, max_hours, on_samples)
        else:
            mono = _joined(file, places, path, sample_rate, max_hours, on_samples)
    if not len(mono.samples):
        message = f"too short: {mono.count} samples" if mono.count else "holds no samples"
        raise InputError(message, where=path, hint="replace or remove it")
    return mono


def _joined(
    file: io.FileIO,
    places: Sequence[tuple[int, int]],
    path: Path,
    sample_rate: int | None,
    max_hours: float,
    on_samples: OnSamples | None,
) -> _Mono:
    """Streams that follow one another in a file."""
    whole = _Mono(path, sample_rate, max_hours, MAX_DAMAGED_AMPLITUDE, on_samples)
    for start, end in places:
        # A decoder wants a file of its own: it reads from the beginning to the end of one.
        with tempfile.NamedTemporaryFile() as copy:
            file.seek(start)
            while start < end and (content := file.read(min(1 << 20, end - start))):
                copy.write(content)
                start += len(content)
            copy.flush()
            with Path(copy.name).open("rb", buffering=0) as stream:
                part = _decode_stream(stream, path, None, max_hours)
        if len(part.samples):
            whole.add(part.rate, part.samples[:, None])
    whole.end()
    return whole


def _decode_stream(
    file: io.FileIO, path: Path, sample_rate: int | None, max_hours: float, on_samples: OnSamples | None = None
) -> _Mono:
    """All of a file of one stream."""
    verdict = inspect(file)
    mpeg = is_mpeg(file)
    decoders: tuple[Callable[[io.FileIO], Iterator[Block]], ...] = decode_soundfile, decode_ffmpeg
    if verdict == "wrong-length" or (verdict == "truncated" and mpeg):
        # libsndfile believes the length that a header declares, and estimates that of MPEG without one.
        decoders = (partial(decode_ffmpeg, trust_length=False),)
    reason = ""
    for decoder in decoders:
        loudest = MAX_DAMAGED_AMPLITUDE if mpeg else MAX_AMPLITUDE
        mono = _Mono(path, sample_rate, max_hours, loudest, on_samples)
        cut = verdict == "truncated"
        try:
            for rate, block in decoder(file):
                if len(block):
                    mono.add(rate, block)
        except CutShortError:
            cut = True
        except UndecodableError as error:
            reason = reason or str(error)
            continue
        if cut:
            message = f"truncated after {mono.count / (mono.rate or 1):.2f} s"
            raise InputError(message, where=path, hint="fetch the file again, or remove it")
        mono.end()
        return mono
    raise InputError(f"cannot be decoded as audio ({reason})", where=path, hint="convert it to WAV or FLAC")


def _open(path: Path) -> io.FileIO:
    """Open a regular file."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISREG(kind):
            return path.open("rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a name may hold a zero byte
        raise InputError("no such audio file", where=path, hint="check the path") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            hint = "point it at an audio file"
            raise InputError("a link that points to itself", where=path, hint=hint) from error
        reason = error.strerror or str(error)
        raise InputError(f"cannot be read ({reason})", where=path, hint="check the file and its permissions") from error
    kind_name = "a folder" if stat.S_ISDIR(kind) else "a pipe, socket or device"
    raise InputError(f"no such audio file: it is {kind_name}", where=path, hint="give the path of a file")


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
        raise InputError("sound with values that are not numbers", where=path, hint="check the code that produced it")
    if peak > 1.0:
        samples = samples / peak
    # Encoded in memory: what goes wrong on disk is then reported as such, and not as libsndfile's "system error".
    encoded = io.BytesIO()
    try:
        soundfile.write(encoded, samples, sample_rate, format=path.suffix.removeprefix("."))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        raise StorageError(f"cannot be encoded ({error})", where=path, hint="use .wav, .flac or .ogg") from error
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())


def is_silent(samples: NDArray[np.float32], threshold: float = SILENCE) -> bool:
    """Whether a clip ``[T]`` is silence: no sample reaches ``threshold``, or all equal a constant within it.

    >>> is_silent(np.full(22_050, 0.5, np.float32)), is_silent(np.float32([0, 0.1]))
    (True, False)
    """
    low, high = float(samples.min(initial=0.0)), float(samples.max(initial=0.0))
    if max(high, -low) < threshold:
        return True
    inner = samples[RESAMPLER_EDGE:-RESAMPLER_EDGE] if len(samples) > 4 * RESAMPLER_EDGE else samples
    return float(np.ptp(inner)) < threshold <= abs(float(inner[0]))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
