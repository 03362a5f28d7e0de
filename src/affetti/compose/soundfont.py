"""Tones from a SoundFont 2 file.

Reads the part of the SoundFont 2.04 format that decides pitch and loudness: zones by key and velocity, sample loops,
root key and tuning, the volume envelope, attenuation and a static low-pass. Left out: vibrato, filter envelopes,
modulators, chorus, reverb and pan; the sound is mono. A note's amplitude follows the General MIDI curve,
40 log10(velocity / 127) dB. Tones are balanced: each key of each program (drums apart) is scaled so that the
loudest quarter of its first second has the same RMS, so that a change of instrument or register is no change of level.

symusic has a synthesizer of its own. Version 0.5.9 plays every note at one velocity and most programs of
TimGM6mb.sf2 out of tune (the piano by 3 to 14 semitones), which would erase two of the cues. Hence this one.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from affetti.errors import InputError

Samples = NDArray[np.float32]
Generators = dict[int, int]

# Generator numbers of the SoundFont 2.04 specification, section 8.1.2.
START, END, LOOP_START, LOOP_END = 0, 1, 2, 3
START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE = 4, 12, 45, 50
FILTER_CUTOFF, ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 8, 34, 35, 36, 37, 38
INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, ATTENUATION, COARSE_TUNE, FINE_TUNE = 41, 43, 44, 48, 51, 52
SAMPLE, SAMPLE_MODE, SCALE_TUNING, ROOT_KEY = 53, 54, 56, 58
# What a preset says replaces nothing: it is added to what its instrument says. Ranges intersect instead.
DEFAULTS: Generators = {FILTER_CUTOFF: 13_500, ATTACK: -12_000, HOLD: -12_000, DECAY: -12_000, RELEASE: -12_000}
FULL_RANGE = 127 << 8
DRUM_BANK = 128
MAX_RELEASE_SECONDS = 0.6
"""Seconds: longer tails would smear one section's cues over the next."""
MAX_CACHED_TONES = 600
GAIN = 0.35
"""Keeps the loudest song's peak below 1; the same for all sounds."""
REFERENCE_RMS = 0.25
"""RMS of the loudest quarter of the first second of every pitched tone, at velocity 127."""


@dataclass(frozen=True)
class Zone:
    """One sample of a preset, with the keys and velocities it answers to."""

    generators: Generators
    keys: tuple[int, int]
    velocities: tuple[int, int]


@dataclass(frozen=True)
class Tone:
    """A note's sound before it is let go: ``wave`` float32 [T] and the ``release`` time, s."""

    wave: Samples
    release: float


class SoundFont:
    """Tones of a SoundFont 2 file at one sample rate.

    Args:
        path: the ``.sf2`` file.
        sample_rate: of the tones, Hz.

    Raises:
        InputError: the file is not a SoundFont 2 file, or is cut short.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        try:
            chunks = _chunks(path.read_bytes())
            self._samples = np.frombuffer(chunks[b"smpl"], dtype="<i2")
            self._headers = _records(chunks[b"shdr"], "<20s5IBbHH")
            self._presets = _presets(chunks)
        except (KeyError, IndexError, struct.error, ValueError) as error:
            raise InputError(
                "not a SoundFont 2 file, or cut short", where=path, hint="give a whole .sf2 file"
            ) from error
        self._tones: OrderedDict[tuple[int, int, int, tuple[int, ...]], Tone] = OrderedDict()

    def tone(self, program: int, pitch: int, velocity: int, seconds: float, *, drum: bool = False) -> Tone:
        """The sound of a key held for at least ``seconds``, at full amplitude.

        Args:
            program: General MIDI program from 0; a program that the file lacks is played by program 0.
            pitch: MIDI note number.
            velocity: chooses among velocity layers; it does not scale the tone.
            seconds: how long the key is held.
            drum: take the drum kit of that number.
        """
        bank = DRUM_BANK if drum else 0
        preset = next((key for key in ((bank, program), (bank, 0)) if key in self._presets), None)
        zones = self._presets[preset] if preset is not None else []
        # A key outside every zone is played by the nearest one: some instruments do not reach across the keyboard.
        reach = [max(zone.keys[0] - pitch, pitch - zone.keys[1], 0) for zone in zones]
        nearest = 0 if drum else min(reach, default=0)
        chosen = tuple(
            i
            for i, zone in enumerate(zones)
            if reach[i] == nearest and zone.velocities[0] <= velocity <= zone.velocities[1]
        )
        # Lengths are rounded up to a power of two, so that a tone depends on its key, never on earlier ones.
        length = 1 << max(0, int(np.ceil(np.log2(max(seconds + MAX_RELEASE_SECONDS, 0.5) * 2.0)))) if chosen else 0
        key = (program + 1000 * drum, pitch, length, chosen)
        if key not in self._tones:
            self._tones[key] = self._render([zones[i] for i in chosen], pitch, length / 2.0, balanced=not drum)
            if len(self._tones) > MAX_CACHED_TONES:
                self._tones.popitem(last=False)
        self._tones.move_to_end(key)
        return self._tones[key]

    def _render(self, zones: list[Zone], pitch: int, seconds: float, *, balanced: bool) -> Tone:
        wave = np.zeros(round(seconds * self.sample_rate), dtype=np.float32)
        for zone in zones:
            part = self._sound(zone.generators, pitch, seconds)[: wave.size]
            wave[: part.size] += part
        quarter = self.sample_rate // 4
        blocks = wave[: min(wave.size // quarter, 4) * quarter].reshape(-1, quarter)
        rms = max((float(np.sqrt(np.mean(np.square(block)))) for block in blocks), default=0.0)
        if balanced and rms > 0.0:
            wave *= np.float32(REFERENCE_RMS / rms)
        release = max((_seconds(zone.generators, RELEASE) for zone in zones), default=0.0)
        return Tone(wave, min(max(release, 0.01), MAX_RELEASE_SECONDS))

    def _sound(self, generators: Generators, pitch: int, seconds: float) -> Samples:
        _, start, end, loop_start, loop_end, rate, root, correction, _, _ = self._headers[generators[SAMPLE]]
        get = generators.get
        loop_start += get(LOOP_START, 0) + (get(LOOP_START_COARSE, 0) << 15)
        loop_end += get(LOOP_END, 0) + (get(LOOP_END_COARSE, 0) << 15)
        start += get(START, 0) + (get(START_COARSE, 0) << 15)
        end += get(END, 0) + (get(END_COARSE, 0) << 15)
        key = generators[ROOT_KEY] if ROOT_KEY in generators else int(root)
        cents = (pitch - key) * get(SCALE_TUNING, 100) + correction + 100 * get(COARSE_TUNE, 0) + get(FINE_TUNE, 0)
        speed = rate * 2.0 ** (cents / 1200.0)

        needed = int(np.ceil(seconds * speed)) + 1
        if get(SAMPLE_MODE, 0) & 1 and start < loop_end <= end and loop_start < loop_end:
            head, loop = self._samples[start:loop_end], self._samples[loop_start:loop_end]
            turns = max(0, -(-(needed - head.size) // loop.size))
            source = np.concatenate([head, np.tile(loop, turns)])[:needed]
        else:
            source = self._samples[start:end][:needed]
        if source.size < 2:
            return np.zeros(0, dtype=np.float32)
        floats = source.astype(np.float32) / np.float32(32_768.0)
        wave = np.asarray(soxr.resample(floats, speed, self.sample_rate, quality="MQ"))

        cutoff = 8.176 * 2.0 ** (get(FILTER_CUTOFF, 13_500) / 1200.0)
        if cutoff < 0.45 * self.sample_rate:
            wave = np.asarray(sosfilt(butter(2, cutoff, fs=self.sample_rate, output="sos"), wave))
        # Attenuation counts 0.4 times, as on the sound cards that soundfonts were tuned by ear on.
        gain = 10.0 ** (-0.4 * get(ATTENUATION, 0) / 200.0)
        return np.asarray(wave * _envelope(generators, wave.size, self.sample_rate) * gain, dtype=np.float32)


@lru_cache(maxsize=4)
def open_soundfont(path: Path, sample_rate: int) -> SoundFont:
    """The soundfont at ``path``, read once a process and sample rate."""
    return SoundFont(path, sample_rate)


def _seconds(generators: Generators, number: int) -> float:
    return 2.0 ** (generators.get(number, DEFAULTS[number]) / 1200.0)


def _envelope(generators: Generators, size: int, sample_rate: int) -> NDArray[np.float64]:
    """Attack (linear in amplitude), hold, then decay (linear in dB, 100 dB in the decay time) to the sustain level."""
    attack, hold, decay = (_seconds(generators, number) for number in (ATTACK, HOLD, DECAY))
    time = np.arange(size) / sample_rate
    fall = np.clip((time - attack - hold) * 100.0 / decay, 0.0, min(max(generators.get(SUSTAIN, 0), 0) / 10.0, 100.0))
    return np.minimum(time / attack, 1.0) * 10.0 ** (-fall / 20.0)


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The leaves of a RIFF tree by name."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise ValueError("no RIFF sfbk header")
    chunks: dict[bytes, bytes] = {}
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        if name == b"LIST":
            position += 12  # step into the list
            continue
        chunks[name] = data[position + 8 : position + 8 + size]
        if len(chunks[name]) < size:
            raise ValueError("cut short")
        position += 8 + size + size % 2
    return chunks


def _records(data: bytes, layout: str) -> list[tuple[Any, ...]]:
    return list(struct.iter_unpack(layout, data))


def _zones(
    bags: list[tuple[Any, ...]], generators: list[tuple[Any, ...]], first: int, last: int, leaf: int
) -> list[Generators]:
    """Zones ``first`` to ``last`` of a preset or instrument; a first one without ``leaf`` is where the others start."""
    shared: Generators = {}
    zones: list[Generators] = []
    for bag in range(first, last):
        own: Generators = {number: amount for number, amount in generators[bags[bag][0] : bags[bag + 1][0]]}  # noqa: C416
        if leaf in own:
            zones.append({**shared, **own})
        elif bag == first:
            shared = own
    return zones


def _presets(chunks: dict[bytes, bytes]) -> dict[tuple[int, int], list[Zone]]:
    pbag, ibag = _records(chunks[b"pbag"], "<HH"), _records(chunks[b"ibag"], "<HH")
    pgen, igen = _records(chunks[b"pgen"], "<Hh"), _records(chunks[b"igen"], "<Hh")
    instruments = _records(chunks[b"inst"], "<20sH")
    headers = _records(chunks[b"phdr"], "<20sHHHIII")
    presets: dict[tuple[int, int], list[Zone]] = {}
    for header, following in pairwise(headers):
        zones: list[Zone] = []
        for outer in _zones(pbag, pgen, header[3], following[3], INSTRUMENT):
            number = outer[INSTRUMENT]
            for inner in _zones(ibag, igen, instruments[number][1], instruments[number + 1][1], SAMPLE):
                added = {
                    k: inner.get(k, DEFAULTS.get(k, 0)) + v for k, v in outer.items() if k not in RANGES_AND_LEAVES
                }
                zones.append(
                    Zone(
                        {**inner, **added},
                        _intersection(outer, inner, KEY_RANGE),
                        _intersection(outer, inner, VELOCITY_RANGE),
                    )
                )
        presets[header[2], header[1]] = zones
    return presets


RANGES_AND_LEAVES = {INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, SAMPLE, SAMPLE_MODE, ROOT_KEY}


def _intersection(outer: Generators, inner: Generators, number: int) -> tuple[int, int]:
    amounts = [zone.get(number, FULL_RANGE) & 0xFFFF for zone in (outer, inner)]
    return max(amount & 0xFF for amount in amounts), min(amount >> 8 for amount in amounts)
