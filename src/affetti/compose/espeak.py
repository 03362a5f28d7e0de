"""A voice that speaks: espeak-ng, where it is installed.

Each line is spoken in the time of the melody notes it would be sung to, faster where it would not fit, and as loud as
the notes are. Nothing of the words' sense or of the music shapes the speech but that.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from affetti.compose.score import Song
from affetti.compose.soundfont import GAIN, REFERENCE_RMS, Samples
from affetti.compose.voice import phrases
from affetti.errors import InputError, MissingDependencyError, UsageError

WORDS_PER_MINUTE, MAX_WORDS_PER_MINUTE = 160, 450
"""Words a minute: espeak-ng's for clear speech, and its limit."""
FADE_SECONDS = 0.02
"""Seconds in which a line that is still too long is faded out."""
TIMEOUT_SECONDS = 30.0
"""Seconds to wait for one line."""


def executable() -> str:
    """The path of espeak-ng.

    Raises:
        MissingDependencyError: it is not installed.
    """
    path = shutil.which("espeak-ng")
    if path is None:
        raise MissingDependencyError(
            "espeak-ng is not installed",
            where="--voice espeak",
            hint="install it (apt install espeak-ng, brew install espeak-ng), or take --voice formant",
        )
    return path


def speak(song: Song, lines: Sequence[Sequence[str]], sample_rate: int) -> Samples:
    """The voice alone, speaking in time with a song's melody.

    Args:
        song: gives the notes; its own words are ignored.
        lines: the words of each section, as many entries as the song has sections; an empty one is silent.
        sample_rate: Hz.

    Returns:
        float32 ``[T]`` with T = round(duration · sample_rate).

    Raises:
        MissingDependencyError: espeak-ng is not installed.
        UsageError: ``lines`` has not one entry a section, or the sample rate is not positive.
        InputError: espeak-ng failed.
    """
    if sample_rate <= 0:
        raise UsageError(f"sample rate {sample_rate} is not positive", hint="give it in Hz")
    command = executable()
    stem = np.zeros(round(song.duration * sample_rate), dtype=np.float32)
    for section, phrased in zip(song.sections, phrases(song, lines), strict=True):
        for number, (notes, line) in enumerate(phrased):
            if not notes:
                continue
            following = [later for later, _ in phrased[number + 1 :] if later]
            end = following[0][0].start if following else section.start + section.duration
            start = round(notes[0].start * sample_rate)
            room = max(1, round(end * sample_rate) - start)
            wave = _within(command, line, room, sample_rate)
            level = GAIN * REFERENCE_RMS * float(np.mean([(note.velocity / 127.0) ** 2 for note in notes]))
            rms = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))) if wave.size else 0.0
            if rms > 0.0:
                wave = wave[: stem.size - start]
                stem[start : start + wave.size] += wave * np.float32(level / rms)
    return stem


def _within(command: str, line: str, room: int, sample_rate: int) -> Samples:
    """A line in at most ``room`` samples."""
    wave = _spoken(command, line, WORDS_PER_MINUTE, sample_rate)
    if wave.size > room:
        # Pauses do not shrink with the pace, hence the tenth.
        wave = _spoken(
            command, line, min(MAX_WORDS_PER_MINUTE, round(1.1 * WORDS_PER_MINUTE * wave.size / room)), sample_rate
        )
    if wave.size > room:
        wave = wave[:room].copy()
        fade = min(room, round(FADE_SECONDS * sample_rate))
        wave[room - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return wave


@lru_cache(maxsize=256)
def _spoken(command: str, line: str, pace: int, sample_rate: int) -> Samples:
    from affetti.signal import audio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        try:
            ran = subprocess.run(
                [command, "-v", "en", "-s", str(pace), "-w", str(path), "--stdin"],
                input=line,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
            reason = (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1] if ran.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = str(error)
        if reason or not path.is_file():
            raise InputError(
                f"espeak-ng failed ({reason or 'no sound'})",
                where="--voice espeak",
                hint="run it directly to see its error: espeak-ng hello",
            )
        return audio.load(path, sample_rate).numpy()
