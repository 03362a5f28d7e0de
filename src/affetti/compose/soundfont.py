"""Tones from a SoundFont 2 file, or a SoundFont 3 file (the same with samples compressed as Ogg Vorbis).

Reads the part of the SoundFont 2.04 format that decides pitch and loudness: zones by key and velocity, sample loops,
root key and tuning, the volume envelope, attenuation and a static low-pass. Left out: vibrato, filter envelopes,
modulators, chorus, reverb and pan; the sound is mono. A note's amplitude follows the General MIDI curve,
40 log10(velocity / 127) dB. Tones are balanced: each key of each program (drums apart) is scaled so that the
loudest quarter of its first second has the same RMS, so that a change of instrument or register is no change of level.

The file itself is read and checked by :mod:`affetti.compose.soundfont_file`. A program that a font lacks is played by
another, see :meth:`SoundFont.preset`; :meth:`SoundFont.substitutes` reports which.

symusic has a synthesizer of its own. Version 0.5.9 plays every note at one velocity and most programs of
TimGM6mb.sf2 out of tune (the piano by 3 to 14 semitones), which would erase two of the cues. Hence this one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from affetti.compose.soundfont_file import (
    ATTACK,
    ATTENUATION,
    COARSE_TUNE,
    DECAY,
    DEFAULTS,
    DRUM_BANK,
    END,
    END_COARSE,
    FILTER_CUTOFF,
    FINE_TUNE,
    HOLD,
    LOOP_END,
    LOOP_END_COARSE,
    LOOP_START,
    LOOP_START_COARSE,
    RELEASE,
    ROOT_KEY,
    SAMPLE,
    SAMPLE_MODE,
    SCALE_TUNING,
    START,
    START_COARSE,
    SUSTAIN,
    Generators,
    Samples,
    SoundFontFile,
    Zone,
)

MAX_RELEASE_SECONDS = 0.6
"""Seconds: longer tails would smear one section's cues over the next."""
MAX_CACHED_TONES = 600
N_PROGRAMS = 128
"""Of General MIDI."""
MAX_CACHED_SAMPLES = 1 << 26
"""Of all cached tones together: a quarter of a gigabyte."""
GAIN = 0.35
"""Keeps the loudest song's peak below 1; the same for all sounds."""
REFERENCE_RMS = 0.25
"""RMS of the loudest quarter of the first second of every pitched tone, at velocity 127."""


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
        InputError: the file is not a SoundFont file, is cut short, has no presets or a broken sample header.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path = path
        self.sample_rate = sample_rate
        self._file = SoundFontFile(path)
        self._presets = self._file.presets
        self._tones: OrderedDict[tuple[int, float, int, tuple[int, ...]], Tone] = OrderedDict()
        self._cached_samples = 0

    def preset(self, program: int, *, drum: bool = False) -> tuple[int, int] | None:
        """Bank and program that play a General MIDI program, or a drum kit; None: nothing does, and it is silent.

        The first that exists of: the program in bank 0, program 0 of bank 0, the program in any other melodic bank,
        any program. Of drum kits (bank 128): the kit, kit 0, any kit; no melodic program replaces a drum kit, since
        its keys are pitches.
        """
        if drum:
            kits = sorted(key for key in self._presets if key[0] == DRUM_BANK and self._presets[key])
            return next((key for key in ((DRUM_BANK, program), (DRUM_BANK, 0), *kits) if key in kits), None)
        melodic = sorted(key for key in self._presets if key[0] != DRUM_BANK and self._presets[key])
        same = [key for key in melodic if key[1] == program]
        return next((key for key in ((0, program), (0, 0), *same, *melodic) if key in melodic), None)

    def substitutes(self, programs: Iterable[int], *, drums: bool) -> str:
        """A sentence on what plays the programs that the font lacks; empty where it lacks none.

        Args:
            programs: General MIDI programs that are needed, from 0.
            drums: whether a drum kit is needed.
        """
        lacking: dict[tuple[int, int] | None, list[int]] = {}
        for program in sorted(set(programs)):
            if (preset := self.preset(program)) is None or preset[1] != program:
                lacking.setdefault(preset, []).append(program)
        parts: list[str] = []
        for preset, missing in lacking.items():
            how = "silent" if preset is None else f"played by program {preset[1]} of bank {preset[0]}"
            parts.append(f"{_program_list(missing)} are {how}")
        if drums and self.preset(0, drum=True) is None:
            parts.append("drums are silent")
        return f"{self.path.name} lacks programs: {'; '.join(parts)}" if parts else ""

    def tone(
        self, program: int, pitch: int, velocity: int, seconds: float, *, drum: bool = False, cents: float = 0.0
    ) -> Tone:
        """The sound of a key held for at least ``seconds``, at full amplitude.

        Args:
            program: General MIDI program from 0; :meth:`preset` says what plays it.
            pitch: MIDI note number.
            velocity: chooses among velocity layers; it does not scale the tone.
            seconds: how long the key is held.
            drum: take the drum kit of that number.
            cents: deviation of the pitch; it does not choose another sample.
        """
        preset = self.preset(program, drum=drum)
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
        key = (program + 1000 * drum, pitch + cents / 100.0, length, chosen)
        if key not in self._tones:
            sounding = [zones[i] for i in chosen]
            tone = self._tones[key] = self._render(sounding, pitch, length / 2.0, cents, balanced=not drum)
            self._cached_samples += tone.wave.size
            while len(self._tones) > MAX_CACHED_TONES or (
                self._cached_samples > MAX_CACHED_SAMPLES and len(self._tones) > 1
            ):
                self._cached_samples -= self._tones.popitem(last=False)[1].wave.size
        self._tones.move_to_end(key)
        return self._tones[key]

    def _render(self, zones: list[Zone], pitch: int, seconds: float, bend: float, *, balanced: bool) -> Tone:
        wave = np.zeros(round(seconds * self.sample_rate), dtype=np.float32)
        for zone in zones:
            part = self._sound(zone.generators, pitch, seconds, bend)[: wave.size]
            wave[: part.size] += part
        quarter = self.sample_rate // 4
        blocks = wave[: min(wave.size // quarter, 4) * quarter].reshape(-1, quarter)
        rms = max((float(np.sqrt(np.mean(np.square(block)))) for block in blocks), default=0.0)
        if balanced and rms > 0.0:
            wave *= np.float32(REFERENCE_RMS / rms)
        release = max((_seconds(zone.generators, RELEASE) for zone in zones), default=0.0)
        return Tone(wave, min(max(release, 0.01), MAX_RELEASE_SECONDS))

    def _sound(self, generators: Generators, pitch: int, seconds: float, bend: float) -> Samples:
        number = generators[SAMPLE] & 0xFFFF
        header, get = self._file.headers[number], generators.get
        samples, start, end, loop_start, loop_end = self._file.sample(number)
        # Offsets count in samples and, in their coarse halves, in 32,768 samples. Where they lead out of the data they
        # are cut to it: an index below zero would read another sample's end.
        loop_start += get(LOOP_START, 0) + (get(LOOP_START_COARSE, 0) << 15)
        loop_end += get(LOOP_END, 0) + (get(LOOP_END_COARSE, 0) << 15)
        start = max(0, start + get(START, 0) + (get(START_COARSE, 0) << 15))
        end = max(start, end + get(END, 0) + (get(END_COARSE, 0) << 15))
        # Root key 255 marks a sample without pitch; the specification has it played as if recorded at 60.
        root = header.root if header.root < 128 else 60
        cents = (pitch - get(ROOT_KEY, root)) * get(SCALE_TUNING, 100) + header.correction
        cents += 100 * get(COARSE_TUNE, 0) + get(FINE_TUNE, 0)
        speed = header.rate * 2.0 ** ((cents + bend) / 1200.0)

        # The loop is laid out end to end for as long as the key is held, then everything is resampled at once: cheaper
        # than stepping through samples one by one, and band-limited.
        needed = int(np.ceil(seconds * speed)) + 1
        if get(SAMPLE_MODE, 0) & 1 and start < loop_end <= end and 0 <= loop_start < loop_end:
            head, loop = samples[start:loop_end], samples[loop_start:loop_end]
            turns = max(0, -(-(needed - head.size) // loop.size)) if loop.size else 0
            source = np.concatenate([head, np.tile(loop, turns)])[:needed]
        else:
            source = samples[start:end][:needed]
        if source.size < 2:
            return np.zeros(0, dtype=np.float32)
        floats = source if source.dtype == np.float32 else source.astype(np.float32) / np.float32(32_768.0)
        wave = np.asarray(soxr.resample(floats, speed, self.sample_rate, quality="MQ"))

        cutoff = 8.176 * 2.0 ** (get(FILTER_CUTOFF, 13_500) / 1200.0)
        if cutoff < 0.45 * self.sample_rate:
            wave = np.asarray(sosfilt(butter(2, cutoff, fs=self.sample_rate, output="sos"), wave))
        # Attenuation counts 0.4 times, as on the sound cards that soundfonts were tuned by ear on.
        gain = 10.0 ** (-0.4 * get(ATTENUATION, 0) / 200.0)
        return np.asarray(wave * _envelope(generators, wave.size, self.sample_rate) * gain, dtype=np.float32)


def _program_list(programs: Sequence[int]) -> str:
    """Programs as ranges, such as ``programs 0-31, 34-127``."""
    ranges: list[list[int]] = []
    for program in programs:
        if ranges and program == ranges[-1][1] + 1:
            ranges[-1][1] = program
        else:
            ranges.append([program, program])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


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
