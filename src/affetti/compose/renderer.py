"""From notes to sound.

Renders a song, or any MIDI file, with a General MIDI soundfont: by default TimGM6mb.sf2 (GPL-2, by Tim Brechbill),
which comes with pretty_midi. The mix is a plain sum times one constant, never normalised or clipped, so level stays a
cue. A voice is added on request; it sings or says the words of a composed song over the same notes. What is honoured of
a MIDI file is in :mod:`affetti.compose.performance`: pedals, volumes, expression and pitch bends beside notes, tempi
and programs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import symusic

from affetti.compose import espeak, fluidsynth
from affetti.compose.arrangement import Note, Part, PartName
from affetti.compose.midi import DRUM_CHANNEL, HINT, MidiFile, read_file
from affetti.compose.performance import MAX_NOTE_SECONDS, Curve, PerformedNote, perform
from affetti.compose.score import Song
from affetti.compose.soundfont import GAIN, MAX_RELEASE_SECONDS, Samples, SoundFont, open_soundfont
from affetti.compose.voice import sing
from affetti.errors import InputError, MissingDependencyError, UsageError

_midi: Any = symusic  # one name stands for three types there: ticks, quarters and seconds; it only writes files here

TICKS_PER_QUARTER = 960
DEFAULT_SOUNDFONT = "TimGM6mb.sf2"

VOICES: dict[str, Callable[[Song, Sequence[Sequence[str]], int], Samples]] = {"formant": sing, "espeak": espeak.speak}
"""Functions that sing or say words: from a song, the lines of its sections and a sample rate to the voice alone."""


FINER = 4
"""Samples of a bent tone's copy for one of its own."""
RENDERERS = ("affetti", "fluidsynth")
"""What can render MIDI files; FluidSynth needs the extra ``fluidsynth`` and the library."""


def find_soundfont(path: str | Path | None = None) -> Path:
    """The soundfont to render with: ``path``, or the one that pretty_midi carries.

    Raises:
        InputError: ``path`` is not a file.
        MissingDependencyError: pretty_midi, or its soundfont, is not installed.
    """
    if path is not None:
        if not Path(path).is_file():
            raise InputError("no such soundfont", where=path, hint="give the path of an .sf2 file")
        return Path(path)
    package = importlib.util.find_spec("pretty_midi")
    default = Path(package.origin).parent / DEFAULT_SOUNDFONT if package is not None and package.origin else None
    if default is None or not default.is_file():
        raise MissingDependencyError(
            f"{DEFAULT_SOUNDFONT} is not installed", where="soundfont", hint="run: pip install pretty-midi"
        )
    return default


def require_voice(voice: str | None) -> None:
    """Check that a voice is available, before work begins.

    Raises:
        UsageError: there is no such voice.
        MissingDependencyError: espeak-ng is not installed.
    """
    if voice is not None and voice not in VOICES:
        raise UsageError(
            f"unknown voice {voice!r}", where="--voice", hint=f"choose from {', '.join(VOICES)}, or leave it out"
        )
    if voice == "espeak":
        espeak.executable()


def require_renderer(renderer: str) -> None:
    """Check that a renderer of MIDI files is available, before work begins.

    Raises:
        UsageError: there is no such renderer.
        MissingDependencyError: FluidSynth, or pyfluidsynth, is not installed.
    """
    if renderer not in RENDERERS:
        raise UsageError(
            f"unknown renderer {renderer!r}", where="--renderer", hint=f"choose from {', '.join(RENDERERS)}"
        )
    if renderer == "fluidsynth":
        fluidsynth.require()


def render(song: Song, sample_rate: int, soundfont: str | Path | None = None, voice: str | None = None) -> Samples:
    """The sound of a song, mono.

    Args:
        song: what :func:`~affetti.compose.score.compose` made.
        sample_rate: Hz.
        soundfont: an ``.sf2`` file; by default that of :func:`find_soundfont`.
        voice: a key of :data:`VOICES`; it is added to what sounds without it, and changes nothing else.

    Returns:
        float32 ``[T]`` with T = round(duration · sample_rate); what rings on after the last bar is cut.

    Raises:
        UsageError, MissingDependencyError: see :func:`require_voice`.
    """
    require_voice(voice)
    mix = _mix(song.parts, round(song.duration * sample_rate), _open(soundfont, sample_rate))
    return (
        mix if voice is None else mix + VOICES[voice](song, [section.lines for section in song.sections], sample_rate)
    )


def render_parts(song: Song, sample_rate: int, soundfont: str | Path | None = None) -> dict[PartName, Samples]:
    """The sound of each part of a song, ``[T]`` each; their sum is what :func:`render` gives.

    Raises:
        UsageError, MissingDependencyError: as :func:`render`.
    """
    size, font = round(song.duration * sample_rate), _open(soundfont, sample_rate)
    return {part.name: _mix((part,), size, font) for part in song.parts}


def render_midi(
    path: str | Path, sample_rate: int, soundfont: str | Path | None = None, renderer: str = "affetti"
) -> Samples:
    """The sound of a MIDI file, mono float32 ``[T]``, until its last note is damped.

    Args:
        path: a standard MIDI file.
        sample_rate: Hz.
        soundfont: an ``.sf2`` or ``.sf3`` file; by default that of :func:`find_soundfont`.
        renderer: one of :data:`RENDERERS`: affetti's own, or FluidSynth.

    Raises:
        InputError: the file is broken, is no MIDI file, holds no notes, or one of over
            :data:`~affetti.compose.performance.MAX_NOTE_SECONDS`; or the soundfont cannot be used.
        UsageError: there is no such renderer.
        MissingDependencyError: FluidSynth is not installed.
    """
    require_renderer(renderer)
    midi = read_file(path)
    notes = _performed(midi, path)
    if renderer == "fluidsynth":
        return fluidsynth.render(midi, max(note.end for note in notes), sample_rate, find_soundfont(soundfont))
    return _mix_performance(notes, _open(soundfont, sample_rate))


def read_midi(path: str | Path) -> tuple[Part, ...]:
    """The notes of a MIDI file by track, channel and program, times in seconds, each as long as its key is down.

    Parts are named ``drums`` on channel 10 and ``melody`` elsewhere, as a MIDI file does not say more; a song that
    :func:`save_midi` wrote keeps its names.

    Raises:
        InputError: as :func:`render_midi`.
    """
    midi = read_file(path)
    parts: dict[tuple[int, int, int], list[Note]] = {}
    for note in _performed(midi, path):
        key = (note.track, note.channel.number, note.program)
        parts.setdefault(key, []).append(Note(note.start, note.key_end - note.start, note.pitch, note.velocity))
    return tuple(
        Part(
            _part_name(midi.track_names[track], channel),
            program,
            channel == DRUM_CHANNEL,
            tuple(parts[track, channel, program]),
        )
        for track, channel, program in sorted(parts)
    )


def _part_name(track_name: str, channel: int) -> PartName:
    if channel == DRUM_CHANNEL:
        return "drums"
    pitched: tuple[PartName, ...] = ("melody", "chords", "bass")
    return pitched[pitched.index(track_name)] if track_name in pitched else "melody"


def _performed(midi: MidiFile, path: str | Path) -> list[PerformedNote]:
    """The notes of a file, refused where there are none or one is far too long."""
    notes = perform(midi.events)
    if not notes:
        raise InputError("the MIDI file holds no notes", where=path, hint=HINT)
    longest = max(notes, key=lambda note: note.key_end - note.start)
    if longest.is_ended and longest.key_end - longest.start > MAX_NOTE_SECONDS:
        raise InputError(
            f"a note of {longest.key_end - longest.start:.0f} s at {longest.start:.0f} s: "
            f"more than {MAX_NOTE_SECONDS:.0f} s are refused",
            where=path,
            hint="end the note, or remove the file",
        )
    return notes


def save_midi(song: Song, path: str | Path) -> None:
    """Write a song as a standard MIDI file; times are rounded to a tick, 1/1920 s.

    The file's tempo is 120 a minute whatever the song's beat: times, not bars, are kept.
    """
    score = _midi.Score(TICKS_PER_QUARTER)
    ticks = 2 * TICKS_PER_QUARTER
    score.tempos.append(_midi.Tempo(0, qpm=120.0))
    for part in song.parts:
        track = _midi.Track(part.name, part.program, part.is_drum)
        for note in part.notes:
            start, end = round(note.start * ticks), round((note.start + note.duration) * ticks)
            track.notes.append(_midi.Note(start, max(1, end - start), note.pitch, note.velocity))
        score.tracks.append(track)
    score.dump_midi(path)


def _open(path: str | Path | None, sample_rate: int) -> SoundFont:
    if sample_rate <= 0:
        raise UsageError(f"sample rate {sample_rate} is not positive", hint="give it in Hz")
    return open_soundfont(find_soundfont(path).resolve(), sample_rate)


def _mix(parts: Sequence[Part], size: int, font: SoundFont) -> Samples:
    mix = np.zeros(size, dtype=np.float32)
    for part in parts:
        for note in part.notes:
            tone = font.tone(part.program, note.pitch, note.velocity, note.duration, drum=part.is_drum)
            start = round(note.start * font.sample_rate)
            seconds = None if part.is_drum else note.duration
            wave = _released(tone.wave, tone.release, seconds, size - start, font.sample_rate)
            wave *= np.float32(GAIN * (note.velocity / 127.0) ** 2)
            mix[start : start + wave.size] += wave
    return mix


def _released(wave: Samples, release: float, seconds: float | None, room: int, sample_rate: int) -> Samples:
    """A copy of a tone let go after ``seconds`` (None: it rings out, as drums do), of at most ``room`` samples."""
    held = wave.size if seconds is None else max(1, round(seconds * sample_rate))
    wave = wave[: min(held + round(release * sample_rate), room)].copy()
    tail = wave[held:]
    # A release falls by 100 dB, a factor of e**11.513, in its time.
    tail *= np.exp(np.arange(tail.size, dtype=np.float32) * np.float32(-11.513 / (release * sample_rate)))
    return wave


def _mix_performance(notes: Sequence[PerformedNote], font: SoundFont) -> Samples:
    """The sum of a MIDI file's notes, each at the level and the bend of its channel while it sounds."""
    rate = font.sample_rate
    size = max(1, round(max(note.end for note in notes) * rate))
    mix = np.zeros(size, dtype=np.float32)
    for note in notes:
        start, seconds = round(note.start * rate), note.end - note.start
        until = note.end + MAX_RELEASE_SECONDS
        bend = note.channel.semitones.between(note.start, until)
        if note.is_drum or len(bend.values) == 1:
            cents = 0.0 if note.is_drum else 100.0 * bend.values[0]
            tone = font.tone(note.program, note.pitch, note.velocity, seconds, drum=note.is_drum, cents=cents)
            wave = tone.wave
        else:
            fastest = 2.0 ** (max(0.0, *bend.values) / 12.0)
            tone = font.tone(note.program, note.pitch, note.velocity, seconds * fastest)
            wave = _bent(tone.wave, note.start, min(until, note.start + MAX_NOTE_SECONDS), bend, rate)
        wave = _released(wave, tone.release, None if note.is_drum else seconds, size - start, rate)
        wave *= np.float32(GAIN * (note.velocity / 127.0) ** 2)
        gain = note.channel.gain.between(note.start, note.start + wave.size / rate)
        if len(gain.values) > 1:
            wave *= gain.ramps(note.start + np.arange(wave.size) / rate).astype(np.float32)
        elif gain.values[0] != 1.0:
            wave *= np.float32(gain.values[0])
        mix[start : start + wave.size] += wave
    return mix


def _bent(wave: Samples, start: float, until: float, bend: Curve, sample_rate: int) -> Samples:
    """A tone whose pitch follows a curve: read at a speed that changes, between the samples of a finer copy."""
    speed = 2.0 ** (bend.steps(start + np.arange(round((until - start) * sample_rate)) / sample_rate) / 12.0)
    place = np.cumsum(speed) - speed
    place = place[: int(np.searchsorted(place, wave.size - 1))]
    # Linear interpolation of the tone itself would dull it; of a copy with four times the samples it does not.
    fine = np.asarray(soxr.resample(wave[: int(place[-1]) + 2 if place.size else 0], 1, FINER, quality="HQ"))
    return np.interp(place * FINER, np.arange(fine.size), fine).astype(np.float32)
