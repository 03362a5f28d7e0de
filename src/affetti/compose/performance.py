"""What a MIDI file's messages mean: notes with the time they sound, the level and the bend of their channels.

Honoured, by the General MIDI specifications (MMA RP-003, RP-015, RP-018, GM level 1 and 2): sustain (controller 64) and
sostenuto (66), on from value 64; channel volume (7) and expression (11), 40 log10(value / 127) dB each; pitch bend with
its range (registered parameter 0), fine and coarse tuning (1, 2), by data entry (6, 38); all sound off, reset of
controllers and all notes off (120, 121, 123). Channel 10 is percussion, whatever its track is called.

A held note ends early when its key is struck again, as on a piano and in FluidSynth. Not honoured: banks, pan,
modulation, the soft pedal, portamento and system-exclusive messages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from affetti.compose.midi import CONTROL, DRUM_CHANNEL, NOTE_OFF, NOTE_ON, PITCH_BEND, PROGRAM, MidiEvent

(DATA_ENTRY, VOLUME, EXPRESSION, DATA_ENTRY_LSB) = (6, 7, 11, 38)
(SUSTAIN, SOSTENUTO, NRPN_LSB, NRPN_MSB, RPN_LSB, RPN_MSB) = (64, 66, 98, 99, 100, 101)
(ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF) = (120, 121, 123)
PEDAL_ON = 64
"""Least value at which a pedal is down: General MIDI knows no half-pedal."""
DEFAULT_VOLUME = 100
"""Channel volume until a file sets one. Levels are relative to it: without one, velocities alone make them."""
MAX_BEND_SEMITONES = 48.0
MAX_NOTE_SECONDS = 300.0
"""A sound is faded no later than this after its start, pedal or not."""
MAX_PEDAL_SECONDS = 60.0
"""A pedal holds a sound no longer than this: by then strings have died away, and a stuck pedal costs no more."""
RAMP_SECONDS = 0.005
"""A change of level takes this long, so that it does not click."""


@dataclass
class Curve:
    """A value that changes in steps: ``value`` from each of ``seconds`` on."""

    seconds: list[float]
    values: list[float]

    def set(self, seconds: float, value: float) -> None:
        """Change the value, at or after the last change."""
        if value == self.values[-1]:
            return
        if seconds == self.seconds[-1]:
            self.values[-1] = value
        else:
            self.seconds.append(seconds)
            self.values.append(value)

    def between(self, start: float, end: float) -> Curve:
        """The part of the curve that holds from ``start`` to ``end``; one value where it does not change."""
        first = max(0, bisect_right(self.seconds, start) - 1)
        last = max(first + 1, bisect_left(self.seconds, end))
        return Curve(self.seconds[first:last], self.values[first:last])

    def steps(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The value at each time, in steps."""
        return np.asarray(self.values)[np.maximum(np.searchsorted(self.seconds, times, side="right") - 1, 0)]

    def ramps(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The value at each time, each step taken in :data:`RAMP_SECONDS` or until the next."""
        seconds = np.asarray(self.seconds)
        ends = seconds + np.minimum(RAMP_SECONDS, np.diff(seconds, append=np.inf))
        before = np.asarray([self.values[0], *self.values[:-1]])
        points = np.stack([seconds, ends], axis=1).reshape(-1)
        return np.interp(times, points, np.stack([before, self.values], axis=1).reshape(-1))


@dataclass
class Channel:
    """One of the sixteen channels: its state while messages are read, and its curves."""

    number: int
    program: int = 0
    volume: int = DEFAULT_VOLUME
    expression: int = 127
    sustain: bool = False
    sostenuto: bool = False
    bend: int = 8_192
    bend_range: float = 2.0
    tuning_cents: float = 0.0
    tuning_semitones: float = 0.0
    parameter: tuple[int, int] = (127, 127)
    """Registered parameter that data entry sets; (127, 127) is none."""
    gain: Curve = field(default_factory=lambda: Curve([0.0], [1.0]))
    """Factor on the amplitude."""
    semitones: Curve = field(default_factory=lambda: Curve([0.0], [0.0]))
    """Deviation of pitch."""

    def control(self, seconds: float, controller: int, value: int) -> None:
        """Take a controller that is not about keys."""
        if controller == VOLUME:
            self.volume = value
        elif controller == EXPRESSION:
            self.expression = value
        elif controller in (NRPN_LSB, NRPN_MSB):
            self.parameter = (127, 127)  # data entry then sets a parameter of the maker's own
        elif controller == RPN_MSB:
            self.parameter = (value, self.parameter[1])
        elif controller == RPN_LSB:
            self.parameter = (self.parameter[0], value)
        elif controller in (DATA_ENTRY, DATA_ENTRY_LSB):
            self._enter(value, coarse=controller == DATA_ENTRY)
        elif controller == RESET_CONTROLLERS:
            # Volume, program, bend range and tuning stay (RP-015).
            self.expression, self.bend, self.parameter = 127, 8_192, (127, 127)
        self.gain.set(seconds, ((self.volume / DEFAULT_VOLUME) * (self.expression / 127)) ** 2)
        self._set_bend(seconds)

    def bend_to(self, seconds: float, bend: int) -> None:
        """Take a pitch bend of 14 bits."""
        self.bend = bend
        self._set_bend(seconds)

    def _enter(self, value: int, *, coarse: bool) -> None:
        if self.parameter == (0, 0):
            self.bend_range = value + self.bend_range % 1.0 if coarse else self.bend_range // 1.0 + value / 128.0
        elif self.parameter == (0, 1) and coarse:
            self.tuning_cents = 100.0 * (value - 64) / 64.0
        elif self.parameter == (0, 2) and coarse:
            self.tuning_semitones = float(value - 64)

    def _set_bend(self, seconds: float) -> None:
        bent = self.bend_range * (self.bend - 8_192) / 8_192 + self.tuning_semitones + self.tuning_cents / 100.0
        self.semitones.set(seconds, float(np.clip(bent, -MAX_BEND_SEMITONES, MAX_BEND_SEMITONES)))


@dataclass
class PerformedNote:
    """A note as it sounds: struck at ``start``, its key let go at ``key_end``, damped at ``end``; seconds."""

    start: float
    pitch: int
    velocity: int
    program: int
    channel: Channel
    track: int
    key_end: float = np.inf
    end: float = np.inf

    is_ended: bool = False
    """Whether a message ends it."""

    @property
    def is_drum(self) -> bool:
        """Whether it is a note of the drum kit."""
        return self.channel.number == DRUM_CHANNEL


def perform(events: Sequence[MidiEvent]) -> list[PerformedNote]:
    """The notes of a file, in order of their start.

    A note that no message ends lasts until the last message of the file. Messages on notes of one key in one track go
    to the note that was struck first; pedals, levels and bends hold for a channel of all tracks.
    """
    player = _Player()
    for event in events:
        player.take(event)
    last = events[-1].seconds if events else 0.0
    for note in player.notes:
        note.key_end = min(note.key_end, max(last, note.start))
        held = min(note.end, last, note.start + MAX_PEDAL_SECONDS)
        note.end = min(max(note.key_end, held), note.start + MAX_NOTE_SECONDS)
    return player.notes


class _Player:
    """Takes messages in order of time and keeps track of keys and pedals."""

    def __init__(self) -> None:
        self.notes: list[PerformedNote] = []
        self._channels = [Channel(number) for number in range(16)]
        self._down: defaultdict[tuple[int, int, int], deque[PerformedNote]] = defaultdict(deque)
        """Notes whose key is down, by channel, track and pitch."""
        self._sustained: list[list[PerformedNote]] = [[] for _ in range(16)]
        """Notes whose key is up, held by a pedal."""
        self._sostenuto: list[set[int]] = [set() for _ in range(16)]
        """Notes (by identity) whose keys were down when the sostenuto pedal was pressed."""

    def take(self, event: MidiEvent) -> None:
        channel = self._channels[event.channel]
        if event.kind == NOTE_ON and event.second:
            self._strike(event, channel)
        elif event.kind in (NOTE_ON, NOTE_OFF):
            if keys := self._down.get((event.channel, event.track, event.first)):
                self._lift(keys.popleft(), event.seconds)
        elif event.kind == PROGRAM:
            channel.program = event.first
        elif event.kind == PITCH_BEND:
            channel.bend_to(event.seconds, event.first)
        elif event.kind == CONTROL:
            self._control(event, channel)

    def _strike(self, event: MidiEvent, channel: Channel) -> None:
        held = self._sustained[event.channel]
        for note in [note for note in held if note.pitch == event.first and not note.is_drum]:
            note.end = event.seconds
            held.remove(note)
        note = PerformedNote(event.seconds, event.first, event.second, channel.program, channel, event.track)
        self.notes.append(note)
        self._down[event.channel, event.track, event.first].append(note)

    def _lift(self, note: PerformedNote, seconds: float) -> None:
        note.key_end, note.is_ended = seconds, True
        channel = note.channel
        if channel.sustain or id(note) in self._sostenuto[channel.number]:
            self._sustained[channel.number].append(note)
        else:
            note.end = seconds

    def _control(self, event: MidiEvent, channel: Channel) -> None:
        seconds, number, value = event.seconds, event.first, event.second
        if number == SUSTAIN:
            channel.sustain = value >= PEDAL_ON
        elif number == SOSTENUTO:
            pressed = value >= PEDAL_ON
            if pressed and not channel.sostenuto:
                self._sostenuto[channel.number] = {id(note) for note in self._keys(channel)}
            elif not pressed:
                self._sostenuto[channel.number] = set()
            channel.sostenuto = pressed
        elif number == RESET_CONTROLLERS:
            channel.sustain = channel.sostenuto = False
            self._sostenuto[channel.number] = set()
            channel.control(seconds, number, value)
        elif number >= ALL_SOUND_OFF and number != 122:  # 124 to 127 change the mode, which ends all notes too
            self._lift_all(channel, seconds)
            if number == ALL_SOUND_OFF:
                for note in self._sustained[channel.number]:
                    note.end = seconds
                self._sustained[channel.number] = []
        else:
            channel.control(seconds, number, value)
        self._release(channel, seconds)

    def _keys(self, channel: Channel) -> list[PerformedNote]:
        return [note for key, notes in self._down.items() if key[0] == channel.number for note in notes]

    def _lift_all(self, channel: Channel, seconds: float) -> None:
        for key in [key for key in self._down if key[0] == channel.number]:
            for note in self._down.pop(key):
                self._lift(note, seconds)

    def _release(self, channel: Channel, seconds: float) -> None:
        """End the notes that no pedal holds any more."""
        if channel.sustain or not (held := self._sustained[channel.number]):
            return
        kept = self._sostenuto[channel.number]
        for note in held:
            if id(note) not in kept:
                note.end = seconds
        self._sustained[channel.number] = [note for note in held if id(note) in kept]
