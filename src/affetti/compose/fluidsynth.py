"""FluidSynth, the reference synthesizer of SoundFonts, as a renderer of MIDI files (extra ``fluidsynth``).

By pyfluidsynth, for those who want its sound, or SoundFonts of any kind, at the price of a native library that reads
the soundfont. The MIDI file is read and checked by :mod:`affetti.compose.midi`; FluidSynth gets its messages one by
one, at their samples. Reverb and chorus are off and the two channels are averaged. When not to use it: for composed
songs, whose declared effects were measured with affetti's own renderer.
"""

from __future__ import annotations

import importlib
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from affetti.compose.midi import CONTROL, DRUM_CHANNEL, NOTE_OFF, NOTE_ON, PITCH_BEND, PROGRAM, MidiFile
from affetti.compose.soundfont import Samples
from affetti.errors import InputError, MissingDependencyError

GAIN = 0.5
"""FluidSynth's own gain: its default of 0.2 uses a fifth of the 16 bits that it writes; more than one would clip
chords."""


def require() -> Any:
    """The module pyfluidsynth.

    Raises:
        MissingDependencyError: it, or the library FluidSynth, is not installed.
    """
    try:
        return importlib.import_module("fluidsynth")
    except ImportError as error:
        raise MissingDependencyError(
            f"FluidSynth is not installed ({error})",
            where="--renderer fluidsynth",
            hint="run: pip install 'affetti[fluidsynth]', and install FluidSynth itself (apt install fluidsynth)",
        ) from error


def render(midi: MidiFile, end: float, sample_rate: int, soundfont: Path) -> Samples:
    """The sound of a MIDI file, mono float32 ``[T]``, T = round(end · sample_rate).

    Args:
        midi: the messages.
        end: seconds to render.
        sample_rate: Hz, 8,000 to 96,000.
        soundfont: an ``.sf2`` or ``.sf3`` file.

    Raises:
        InputError: FluidSynth cannot read the soundfont.
        MissingDependencyError: FluidSynth is not installed.
    """
    synth = require().Synth(gain=GAIN, samplerate=float(sample_rate))
    try:
        synth.setting("synth.reverb.active", 0)
        synth.setting("synth.chorus.active", 0)
        font = synth.sfload(str(soundfont))
        if font < 0:
            raise InputError("FluidSynth cannot read it", where=soundfont, hint="give an .sf2 or .sf3 file")
        for channel in range(16):
            synth.program_select(channel, font, 128 if channel == DRUM_CHANNEL else 0, 0)
        size = round(end * sample_rate)
        wave = np.zeros(size, dtype=np.float32)
        at = 0
        for start, events in groupby(midi.events, key=lambda event: min(size, round(event.seconds * sample_rate))):
            _fill(synth, wave, at, start)
            at = start
            for event in events:
                _send(synth, event.kind, event.channel, event.first, event.second)
        _fill(synth, wave, at, size)
        return wave
    finally:
        synth.delete()


def _send(synth: Any, kind: int, channel: int, first: int, second: int) -> None:
    if kind == NOTE_ON and second:
        synth.noteon(channel, first, second)
    elif kind in (NOTE_ON, NOTE_OFF):
        synth.noteoff(channel, first)
    elif kind == CONTROL:
        synth.cc(channel, first, second)
    elif kind == PROGRAM:
        synth.program_change(channel, first)
    elif kind == PITCH_BEND:
        synth.pitch_bend(channel, first - 8_192)


def _fill(synth: Any, wave: Samples, start: int, stop: int, block: int = 1 << 16) -> None:
    """Render samples ``start`` to ``stop``, the mean of left and right."""
    for at in range(start, stop, block):
        count = min(block, stop - at)
        both = np.asarray(synth.get_samples(count), dtype=np.float32).reshape(-1, 2)
        wave[at : at + count] = both.mean(axis=1) / np.float32(32_768.0)
