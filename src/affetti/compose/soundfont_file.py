"""SoundFont files: presets, their zones and samples, checked when a file is opened.

A *preset* (bank and program) has zones that name instruments, an *instrument* has zones that name samples; each zone
holds *generators*, numbered parameters (SoundFont 2.04 specification, section 8.1). SoundFont 3 is the same with
samples compressed as Ogg Vorbis: they are decoded when first used. Left out: modulators, stereo links, 24-bit
extensions.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from affetti.errors import InputError
from affetti.signal.audio import SAMPLE_RATES
from affetti.storage import read_error

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

VORBIS, ROM = 0x10, 0x8000
"""Sample types: compressed, which SoundFont 3 adds, and samples in the memory of a sound card, which no file holds."""


@dataclass(frozen=True)
class Zone:
    """One sample of a preset, with the keys and velocities it answers to."""

    generators: Generators
    keys: tuple[int, int]
    velocities: tuple[int, int]


@dataclass(frozen=True)
class SampleHeader:
    """Where a sample lies (in samples, compressed ones in bytes) and how it was recorded."""

    start: int
    end: int
    loop_start: int
    loop_end: int
    rate: int
    root: int
    correction: int
    """Cents."""
    kind: int
    """Flags, :data:`VORBIS` and :data:`ROM` among them."""


class SoundFontFile:
    """What a SoundFont file holds.

    Args:
        path: an ``.sf2`` or ``.sf3`` file.

    Raises:
        InputError: the file is not a SoundFont, is cut short, has no presets, or a header of a sample that it uses is
            broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            content = path.read_bytes()
        except OSError as error:
            refused = read_error(path, error)
            raise InputError(refused.what, where=path, hint=refused.hint) from error
        try:
            chunks = _chunks(content)
            self._bytes = chunks[b"smpl"]
            self.headers = [
                SampleHeader(*record[1:8], kind=record[9]) for record in _records(chunks[b"shdr"], "<20s5IBbHH")
            ]
            self.presets = _presets(chunks)
        except (KeyError, IndexError, struct.error, ValueError) as error:
            raise InputError(
                "not a SoundFont 2 or 3 file, or cut short", where=path, hint="give a whole .sf2 or .sf3 file"
            ) from error
        if not any(self.presets.values()):
            raise InputError("a soundfont without presets", where=path, hint="give another .sf2 file")
        self._pcm = np.frombuffer(self._bytes, dtype="<i2", count=len(self._bytes) // 2)
        self._decoded: dict[int, Samples] = {}
        for number in sorted({zone.generators[SAMPLE] & 0xFFFF for zones in self.presets.values() for zone in zones}):
            self._check_sample(number)

    def sample(self, number: int) -> tuple[NDArray[Any], int, int, int, int]:
        """The array that holds a sample, its start and end in it, and those of its loop."""
        header = self.headers[number]
        if header.kind & ROM:
            return np.zeros(0, dtype=np.float32), 0, 0, 0, 0
        if not header.kind & VORBIS:
            return self._pcm, header.start, header.end, header.loop_start, header.loop_end
        if number not in self._decoded:
            stream = io.BytesIO(self._bytes[header.start : header.end])
            try:
                self._decoded[number] = np.asarray(
                    soundfile.read(stream, dtype="float32", always_2d=True)[0][:, 0], np.float32
                )
            except (soundfile.LibsndfileError, TypeError, ValueError) as error:
                raise InputError(
                    f"sample {number} cannot be decoded as Ogg Vorbis",
                    where=self.path,
                    hint="fetch the soundfont again",
                ) from error
        decoded = self._decoded[number]
        # Start and end are bytes of the compressed stream; the loop counts samples from the beginning of the sound.
        return decoded, 0, decoded.size, header.loop_start, header.loop_end

    def _check_sample(self, number: int) -> None:
        """Refuse a zone whose sample does not exist, or whose header cannot be true."""
        if number >= len(self.headers) - 1:  # the last header is the end mark
            raise InputError(
                f"a zone uses sample {number}, and there are {max(0, len(self.headers) - 1)}",
                where=self.path,
                hint="fetch the soundfont again",
            )
        header = self.headers[number]
        if header.kind & ROM:
            return
        size = len(self._bytes) if header.kind & VORBIS else self._pcm.size
        if not header.start <= header.end <= size + 1 or header.rate not in SAMPLE_RATES:
            raise InputError(
                f"the header of sample {number} is broken ({header.start} to {header.end} of {size}, {header.rate} Hz)",
                where=self.path,
                hint="fetch the soundfont again",
            )
        if header.kind & VORBIS and self._bytes[header.start : header.start + 4] != b"OggS":
            raise InputError(
                f"sample {number} is compressed, and not as Ogg Vorbis", where=self.path, hint="convert it to .sf2"
            )


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
            number = outer[INSTRUMENT] & 0xFFFF  # amounts are read as signed, numbers of things are not
            for inner in _zones(ibag, igen, instruments[number][1], instruments[number + 1][1], SAMPLE):
                # The difference from the format's other levels: what a preset says is an offset to its instrument's.
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
