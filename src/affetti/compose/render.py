"""From notes to sound.

Renders a song, or any MIDI file, with a General MIDI soundfont: by default TimGM6mb.sf2 (GPL-2, by Tim Brechbill),
which comes with pretty_midi. The mix is a plain sum times one constant, never normalised or clipped, so level stays a
cue. A voice is added on request; it sings or says the words of a composed song over the same notes. Of a MIDI file
only notes, tempi and programs are heard: pedals, volumes and pitch bends are not.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import symusic

from affetti.compose import espeak
from affetti.compose.score import Note, Part, Song
from affetti.compose.soundfont import GAIN, Samples, SoundFont, open_soundfont
from affetti.compose.voice import sing
from affetti.errors import InputError, MissingDependencyError, UsageError

_midi: Any = symusic  # one name stands for three types there: ticks, quarters and seconds

TICKS_PER_QUARTER = 960
DEFAULT_SOUNDFONT = "TimGM6mb.sf2"

VOICES: dict[str, Callable[[Song, Sequence[Sequence[str]], int], Samples]] = {"formant": sing, "espeak": espeak.speak}
"""Functions that sing or say words: from a song, the lines of its sections and a sample rate to the voice alone."""


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


def render_midi(path: str | Path, sample_rate: int, soundfont: str | Path | None = None) -> Samples:
    """The sound of a MIDI file, mono float32 ``[T]``, up to the end of its last note.

    Raises:
        InputError: the file is broken, is no MIDI file or holds no notes.
    """
    parts = read_midi(path)
    end = max(note.start + note.duration for part in parts for note in part.notes)
    return _mix(parts, max(1, round(end * sample_rate)), _open(soundfont, sample_rate))


def read_midi(path: str | Path) -> tuple[Part, ...]:
    """The tracks of a MIDI file that hold notes, times in seconds.

    Parts are named ``drums`` or ``melody`` alike, as a MIDI file does not say more; a song that :func:`save_midi` wrote
    keeps its names.

    Raises:
        InputError: the file is broken, is no MIDI file or holds no notes.
    """
    hint = "give a standard MIDI file (.mid) with notes"
    if not Path(path).is_file():
        raise InputError("no such MIDI file", where=path, hint=hint)
    try:
        score = _midi.Score(path).to("second")
    except Exception as error:  # symusic raises bare C++ exceptions of several kinds
        raise InputError("broken MIDI file", where=path, hint=hint) from error
    parts = tuple(
        Part(
            track.name
            if track.name in ("melody", "chords", "bass", "drums")
            else "drums"
            if track.is_drum
            else "melody",
            track.program,
            track.is_drum,
            tuple(Note(n.time, n.duration, n.pitch, n.velocity) for n in track.notes),
        )
        for track in score.tracks
        if len(track.notes)
    )
    if not parts:
        raise InputError("the MIDI file holds no notes", where=path, hint=hint)
    return parts


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
    rate = font.sample_rate
    mix = np.zeros(size, dtype=np.float32)
    for part in parts:
        for note in part.notes:
            tone = font.tone(part.program, note.pitch, note.velocity, note.duration, drum=part.is_drum)
            start = round(note.start * rate)
            # A drum rings out; what is struck is not held.
            held = tone.wave.size if part.is_drum else max(1, round(note.duration * rate))
            wave = tone.wave[: min(held + round(tone.release * rate), size - start)].copy()
            tail = wave[held:]
            # A release falls by 100 dB, a factor of e**11.513, in its time.
            tail *= np.exp(np.arange(tail.size, dtype=np.float32) * np.float32(-11.513 / (tone.release * rate)))
            wave *= np.float32(GAIN * (note.velocity / 127.0) ** 2)
            mix[start : start + wave.size] += wave
    return mix
