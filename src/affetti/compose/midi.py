"""Standard MIDI files (SMF 1.0), read in Python and checked byte by byte.

No native code sees a file that somebody else wrote: a broken file is an :class:`~affetti.errors.InputError` that names
what is wrong and where, and the same bytes always give the same result. A file is read only if it is whole: every chunk
has its declared length, the header's number of tracks is there, every event is complete, and every track ends with the
event that marks its end. Times are seconds, by the tempi of all tracks or, in files with SMPTE time, by the frame rate.

Two liberties that files in the wild take are allowed: chunks of unknown type, and running status after a meta event.
When not to use it: for live MIDI, or files of type 2 as separate songs (their tracks are taken as simultaneous).
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from affetti.errors import InputError

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, PITCH_BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0
META, TEMPO, TRACK_NAME, END_OF_TRACK = 0xFF, 0x51, 0x03, 0x2F
DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
DRUM_CHANNEL = 9
"""Channel 10 in the numbering from 1: percussion by General MIDI."""

MAX_BYTES = 32 << 20
"""Size of a file; a song of an hour has a hundredth of it."""
MAX_HOURS = 2.0
"""Longest music accepted. Memory grows with the duration and not with the file size: 40 bytes can encode days."""
DEFAULT_TEMPO = 500_000
"""Microseconds a quarter note, until a file sets another: 120 beats a minute."""
FRAME_RATES = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}
"""SMPTE frames a second by the header's code; 29 is 30 drop-frame."""
HINT = "give a whole standard MIDI file (.mid) with notes"


class MidiEvent(NamedTuple):
    """A channel message at a time."""

    seconds: float
    track: int
    channel: int
    """0 to 15."""
    kind: int
    """:data:`NOTE_ON`, :data:`NOTE_OFF`, :data:`CONTROL`, :data:`PROGRAM` or :data:`PITCH_BEND`."""
    first: int
    """Pitch, controller or program; of a pitch bend all 14 bits, 8,192 in the middle."""
    second: int
    """Velocity or value, 0 to 127."""


@dataclass(frozen=True)
class MidiFile:
    """The channel messages of a file in order of time (then of track), and the names of its tracks."""

    events: tuple[MidiEvent, ...]
    track_names: tuple[str, ...]
    clock: Callable[[int], float] = field(repr=False, compare=False)
    """Seconds of a tick."""
    ticks_per_quarter: int | None
    """None where time is counted in frames of film, not in notes."""

    def seconds_at(self, quarters: float) -> float:
        """The time of a position in quarter notes; NaN where time is not counted in notes."""
        return float("nan") if self.ticks_per_quarter is None else self.clock(round(quarters * self.ticks_per_quarter))


class _BrokenError(Exception):
    """What is wrong with the bytes."""


class _Track(NamedTuple):
    name: str
    tempos: list[tuple[int, int]]
    messages: list[tuple[int, int, int, int]]
    """Tick, status byte, first and second data byte."""


def read_file(path: str | Path) -> MidiFile:
    """Read and check a MIDI file.

    Raises:
        InputError: there is no such file, it is broken, cut short, or longer than :data:`MAX_HOURS`.
    """
    try:
        if not Path(path).is_file():
            raise InputError("no such MIDI file", where=path, hint=HINT)
        if Path(path).stat().st_size > MAX_BYTES:
            raise InputError(f"larger than {MAX_BYTES >> 20} MB", where=path, hint=HINT)
        data = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot be read ({reason})", where=path, hint="check the file and its permissions") from error
    try:
        return parse(data)
    except _BrokenError as error:
        raise InputError(f"broken MIDI file ({error})", where=path, hint=HINT) from error


def parse(data: bytes) -> MidiFile:
    """The channel messages in the bytes of a MIDI file."""
    if data[:4] != b"MThd":
        raise _BrokenError("it does not begin with MThd")
    if len(data) < 14:
        raise _BrokenError("cut short in its header")
    length, form, count, division = struct.unpack_from(">IHHH", data, 4)
    if length < 6 or form > 2:
        raise _BrokenError(f"a header of {length} bytes and type {form}")
    tracks = [_track(data, start, end) for start, end in _track_chunks(data, 8 + length)]
    if len(tracks) < count:
        raise _BrokenError(f"cut short: {len(tracks)} of {count} tracks")
    # Of two tempi at one tick the later in the file holds: the sort is stable.
    tempos = sorted((tempo for track in tracks for tempo in track.tempos), key=lambda tempo: tempo[0])
    seconds_at = _clock(division, tempos)
    merged = sorted(
        ((message[0], number, *message[1:]) for number, track in enumerate(tracks) for message in track.messages),
        key=lambda message: message[:2],
    )
    events: list[MidiEvent] = []
    for tick, number, status, first, second in merged:
        kind = status & 0xF0
        if kind == PITCH_BEND:
            first, second = first | second << 7, 0
        events.append(MidiEvent(seconds_at(tick), number, status & 0x0F, kind, first, second))
    if events and events[-1].seconds > MAX_HOURS * 3600:
        raise _BrokenError(f"it lasts {events[-1].seconds / 3600:.1f} h, and more than {MAX_HOURS:g} h are refused")
    names = tuple(track.name for track in tracks)
    return MidiFile(tuple(events), names, seconds_at, None if division & 0x8000 else division)


def _track_chunks(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each track's bytes; chunks of other types are skipped, as the standard requires."""
    while position + 8 <= len(data):
        name, length = struct.unpack_from(">4sI", data, position)
        begin, end = position + 8, position + 8 + length
        if name == b"MTrk":
            if end > len(data):
                raise _BrokenError(f"cut short: a track of {length} bytes has {len(data) - begin}")
            yield begin, end
        position = end


def _track(data: bytes, at: int, end: int) -> _Track:
    """The messages of one track."""
    name, tick, running = "", 0, 0
    tempos: list[tuple[int, int]] = []
    messages: list[tuple[int, int, int, int]] = []
    try:
        while at < end:
            delta, at = _variable_length(data, at)
            tick += delta
            status = data[at]
            if status >= 0xF0:
                if status not in (0xF0, 0xF7, META):
                    raise _BrokenError(f"an event {status:#x}, which files do not have, at byte {at}")
                kind = data[at + 1] if status == META else 0
                size, begin = _variable_length(data, at + (2 if status == META else 1))
                at = begin + size
                if at > end:
                    raise _BrokenError(f"an event reaches beyond its track at byte {begin}")
                if status != META:
                    running = 0
                elif kind == END_OF_TRACK:
                    return _Track(name, tempos, messages)
                elif kind == TEMPO:
                    tempos.append((tick, _tempo(data[begin:at])))
                elif kind == TRACK_NAME and not name:
                    name = data[begin:at].decode("latin-1")
                continue
            if status >= 0x80:
                running = status
                at += 1
            elif not running:
                raise _BrokenError(f"a data byte without an event at byte {at}")
            count = DATA_BYTES[running & 0xF0]
            values = data[at : at + count]
            at += count
            if at > end or max(values) >= 0x80:
                raise _BrokenError(f"an incomplete event at byte {at - count}")
            if running & 0xF0 not in (0xA0, 0xD0):  # pressure changes neither notes nor levels here
                messages.append((tick, running, values[0], values[1] if count == 2 else 0))
    except IndexError:
        raise _BrokenError("an event reaches beyond the file") from None
    raise _BrokenError("a track without its end")


def _variable_length(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to four bytes, seven bits each, and where it ends."""
    value = 0
    for count in range(4):
        byte = data[at + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    raise _BrokenError(f"a number of more than four bytes at byte {at}")


def _tempo(value: bytes) -> int:
    tempo = int.from_bytes(value, "big")
    if len(value) != 3 or tempo == 0:
        raise _BrokenError(f"a tempo of {tempo} microseconds a beat")
    return tempo


class _Clock:
    """Seconds of a tick, by the tempi up to it."""

    def __init__(self, ticks_per_quarter: int, tempos: list[tuple[int, int]]) -> None:
        self._scale = 1e-6 / ticks_per_quarter
        self._ticks, self._tempos, self._seconds = [0], [DEFAULT_TEMPO], [0.0]
        for tick, tempo in tempos:
            self._seconds.append(self(tick))
            self._ticks.append(tick)
            self._tempos.append(tempo)

    def __call__(self, tick: int) -> float:
        place = bisect_right(self._ticks, tick) - 1
        return self._seconds[place] + (tick - self._ticks[place]) * self._tempos[place] * self._scale


class _FrameClock:
    """Seconds of a tick at a fixed number of ticks a second: SMPTE time, which no tempo changes."""

    def __init__(self, ticks_per_second: float) -> None:
        self._rate = ticks_per_second

    def __call__(self, tick: int) -> float:
        return tick / self._rate


def _clock(division: int, tempos: list[tuple[int, int]]) -> _Clock | _FrameClock:
    """The clock of a header's division: ticks a quarter note, or SMPTE frames a second and ticks a frame."""
    if not division & 0x8000:
        if division == 0:
            raise _BrokenError("0 ticks a quarter note")
        return _Clock(division, tempos)
    frames, ticks = 256 - (division >> 8), division & 0xFF
    if frames not in FRAME_RATES or ticks == 0:
        raise _BrokenError(f"{frames} frames a second of {ticks} ticks")
    return _FrameClock(FRAME_RATES[frames] * ticks)
