"""The two decoders, each an open file to blocks of samples: libsndfile, and FFmpeg (by PyAV) for what that refuses.

A block is ``(rate, samples [T, C])``, float32 on [-1, 1]; blocks are small, whatever the header declares. Both go by
content, never by name. FFmpeg is given a list of containers, for among all it knows are some that name further files to
open. What an encoder put before and after the sound is taken off where the container declares it (MP3, Opus, MP4; not
AAC without container).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from io import FileIO
from typing import TYPE_CHECKING, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from affetti.signal.native_stderr import muted

if TYPE_CHECKING:
    from av import AudioCodecContext, AudioFrame, AudioStream
    from av.container import InputContainer

Block = tuple[int, NDArray[np.float32]]

BLOCK_VALUES = 1 << 17
"""Samples decoded at a time, all channels together."""
CONTAINERS = "mov,mp4,m4a,aac,matroska,webm,asf,mp3,flac,wav,ogg,aiff,caf,ac3,eac3,ape,wv,tta,mpc,mpc8,dsf,avi"
"""What FFmpeg may take a file for."""
WITHOUT_LENGTH = frozenset({"aac", "mp3", "ac3", "eac3"})
"""Containers without a length: FFmpeg estimates one from the bit rate."""
UNKNOWN_FRAMES = 2**62
"""More frames than there are: libsndfile says 2⁶³-1 where the header says nothing."""
READ_AHEAD = 1 << 14
"""Bytes that libFLAC may leave unread at the end of a file (tags)."""
LENGTH_TOLERANCE = 0.1
"""How much shorter than declared a sound may be, in seconds, where the declared length is rounded (not in FLAC)."""


class UndecodableError(Exception):
    """This decoder cannot read the file; the message says why."""


class CutShortError(Exception):
    """Less came out than the container declared."""


class _Forwards(soundfile.SoundFile):
    """Read from begin to end: else soundfile seeks after every read, and MP3 is decoded twice in places."""

    def seekable(self) -> bool:
        return False


def decode_soundfile(file: FileIO) -> Generator[Block]:
    """Decode with libsndfile.

    Raises:
        UndecodableError: unknown to libsndfile, broken, longer than the header declares, or MPEG layer I or II of
            another length than libsndfile estimates from the size of the file.
        CutShortError: fewer samples than the header declares.
    """
    file.seek(0)
    try:
        with muted():
            sound = _Forwards(file.fileno(), closefd=False)
        with sound:
            quiet = muted if sound.subtype.startswith("MPEG") else nullcontext
            # 16-bit samples that lie there plain are read as such: libsndfile's own conversion takes thrice the time.
            plain = sound.subtype == "PCM_16" and sound.format != "FLAC"
            rows = max(1, BLOCK_VALUES // sound.channels)
            buffer = np.empty((rows, sound.channels), np.int16 if plain else np.float32)
            count = 0
            while count < sound.frames:
                with quiet():
                    block = np.asarray(sound.read(min(rows, sound.frames - count), out=buffer), np.float32)
                if not len(block):
                    break
                if plain:
                    block /= 32_768
                count += len(block)
                yield sound.samplerate, block
            if count < sound.frames < UNKNOWN_FRAMES:
                if sound.subtype in ("MPEG_LAYER_I", "MPEG_LAYER_II"):
                    raise UndecodableError("its length is only estimated")
                raise CutShortError
            if sound.format == "FLAC" and file.tell() < file.seek(0, 2) - READ_AHEAD:
                raise UndecodableError("it is longer than its header says")
    except soundfile.LibsndfileError as error:
        raise UndecodableError(error.error_string.removeprefix("Error : ").rstrip(".")) from error


def decode_ffmpeg(file: FileIO, *, trust_length: bool = True) -> Generator[Block]:
    """Decode with FFmpeg, up to the length that the header names, or (not ``trust_length``) till the file ends.

    Raises:
        UndecodableError: unknown to FFmpeg too, without sound, or broken.
        CutShortError: fewer samples than the header declares.
    """
    import av
    from av.codec.context import Flags2
    from av.error import FFmpegError

    file.seek(0)
    options = {"fd": str(file.fileno()), "format_whitelist": CONTAINERS, "ignore_length": str(int(not trust_length))}
    try:
        with av.open("fd:", "r", options=options, metadata_errors="replace") as container:
            stream, kind = _sound(container), container.format.name
            declared, ahead = _declared_seconds(container, stream), 0
            if not trust_length:
                # FFmpeg would take the padding of an MP3 from where a wrong count of frames says that it ends.
                stream.codec_context.flags2 |= Flags2.skip_manual
                declared, ahead = None, round((_seconds(stream, stream.start_time) or 0.0) * stream.rate)
            rate, count, last = 0, 0, np.zeros((0, 1), np.float32)
            for frame in _frames(container, stream, kind == "mp3" or (kind == "flac" and declared is not None)):
                yield rate, last
                samples = np.asarray(frame.to_ndarray(), np.float32).reshape(frame.samples, -1)
                rate, last = frame.sample_rate, samples[ahead:]
                ahead = max(0, ahead - len(samples))
                count += len(last)
            if declared is not None:
                if count < (declared - (0.0 if kind == "flac" else LENGTH_TOLERANCE)) * (rate or 1):
                    raise CutShortError
                # MP4 declares the length of the sound; what fills up its last frame is padding.
                over = count - round(declared * rate) if kind.startswith("mov") else 0
                if 0 < over < len(last):
                    last = last[:-over]
            yield rate, last
    except (FFmpegError, ValueError) as error:
        raise UndecodableError(getattr(error, "strerror", None) or str(error)) from error


def _sound(container: InputContainer) -> AudioStream:
    """The first stream of sound, made ready."""
    if not (streams := container.streams.audio):
        raise UndecodableError("it holds no sound")
    codec = cast("AudioCodecContext | None", streams[0].codec_context)
    if codec is None:
        raise UndecodableError("its codec is unknown")
    codec.thread_count = 1
    codec.options = {"err_detect": "crccheck+explode"}
    return streams[0]


def _declared_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """Seconds of sound as the container declares them; ``None`` where it does not."""
    if container.format.name in WITHOUT_LENGTH:
        return None
    if (declared := _seconds(stream, stream.duration)) is not None:
        return declared
    return None if container.duration is None or container.streams.video else container.duration / 1e6


def _seconds(stream: AudioStream, ticks: int | None) -> float | None:
    return None if ticks is None or stream.time_base is None else float(ticks * stream.time_base)


def _frames(container: InputContainer, stream: AudioStream, tail: bool) -> Generator[AudioFrame]:
    """The frames of a stream, in floats; with ``tail``, what is none (a tag, half a frame) may follow the last."""
    import av
    from av.error import FFmpegError

    # PyAV reads beyond the last of eight and more channels that lie one after the other.
    alternating = av.AudioResampler("flt")
    decoded, failure = False, None
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except FFmpegError as error:
            if not (tail and decoded):
                raise
            failure = error
            continue
        if frames and failure is not None:
            raise failure
        decoded = decoded or bool(frames)
        for frame in frames:
            yield from alternating.resample(frame)
