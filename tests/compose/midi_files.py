"""MIDI files made byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path

FAULTS = Path(__file__).parent / "faults"
"""Small files, each with one feature that a parser may handle wrongly; its name says which."""
END = b"\x00\xff\x2f\x00"
ORGAN = 19


def number(value: int) -> bytes:
    """A variable-length number."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def track(*events: tuple[int, bytes]) -> bytes:
    """A track chunk of events (ticks since the last, bytes), with its end."""
    body = b"".join(number(delta) + content for delta, content in events) + END
    return b"MTrk" + struct.pack(">I", len(body)) + body


def smf(*tracks: bytes, division: int = 480, form: int = 1, count: int | None = None) -> bytes:
    """A file of track chunks; a tick is 1/960 s at 480 ticks a quarter."""
    return b"MThd" + struct.pack(">IHHH", 6, form, len(tracks) if count is None else count, division) + b"".join(tracks)


def on(pitch: int, velocity: int = 100, channel: int = 0) -> bytes:
    return bytes([0x90 | channel, pitch, velocity])


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 | channel, pitch, 64])


def control(controller: int, value: int, channel: int = 0) -> bytes:
    return bytes([0xB0 | channel, controller, value])


def program(program: int, channel: int = 0) -> bytes:
    return bytes([0xC0 | channel, program])


def bend(value: int, channel: int = 0) -> bytes:
    """A pitch bend, -8,192 to 8,191."""
    return bytes([0xE0 | channel, (value + 8_192) & 0x7F, (value + 8_192) >> 7])
