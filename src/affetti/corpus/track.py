"""What a loader hands over: tracks (recordings with labels) and the source they come from.

A *track* is a recording, a *clip* a cut of it that a model sees, and ``song_id`` groups all that must stay on one side
of a split. Labels are already in [-1, 1] here; a :class:`Source` remembers the scale they were annotated in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from affetti.errors import UsageError
from affetti.signal import audio

Windows = Literal["centre", "first", "all"]


class Sound(Protocol):
    """Anything that can be heard: a file, a score, a composed song."""

    def waveform(self, sample_rate: int) -> NDArray[np.float32]:
        """Mono samples ``[T]``; raises :class:`~affetti.errors.InputError` when the sound is broken."""
        ...

    def stamp(self) -> str:
        """What changes when a file is replaced, told without reading it."""
        ...

    def fingerprint(self) -> str:
        """A hash of the content, equal for equal sounds."""
        ...


@dataclass(frozen=True)
class AudioFile:
    """An audio file on disk."""

    path: Path

    def waveform(self, sample_rate: int) -> NDArray[np.float32]:
        """Decode, downmix and resample."""
        return audio.load(self.path, sample_rate).numpy()

    def stamp(self) -> str:
        """Size and time of change of the file."""
        return _stamp(self.path)

    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        return audio.file_sha256(self.path)


@dataclass(frozen=True)
class MidiFile:
    """A MIDI file, rendered with a General MIDI soundfont."""

    path: Path
    soundfont: Path | None = None

    def waveform(self, sample_rate: int) -> NDArray[np.float32]:
        """Render."""
        from affetti.compose.render import render_midi

        return render_midi(self.path, sample_rate, self.soundfont)

    def stamp(self) -> str:
        """Size and time of change of the file."""
        return _stamp(self.path)

    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        return audio.file_sha256(self.path)


def _stamp(path: Path) -> str:
    found = path.stat() if path.exists() else None
    return f"{found.st_size} {found.st_mtime_ns}" if found else "absent"


@dataclass(frozen=True)
class Labels:
    """What raters said of a stretch of music: means and spread in [-1, 1], and their number (0: unknown)."""

    valence: float
    arousal: float
    valence_std: float = float("nan")
    arousal_std: float = float("nan")
    raters: int = 0


@dataclass(frozen=True)
class Track:
    """A recording and what is known of it. ``path`` is what messages and ``source_path`` call it."""

    track_id: str
    song_id: str
    path: str
    sound: Sound
    labels: Labels
    artist: str = ""
    genre: str = ""
    mode: str = ""
    instruments: tuple[str, ...] = ()
    clips: int = 1
    """How many clips it is expected to give, to tell how much room they need."""

    def starts(self, duration: float, clip: float, windows: Windows) -> list[float]:
        """Where clips of ``clip`` seconds start in ``duration`` seconds; empty when it is too short."""
        room = duration - clip
        if room < -1e-6:
            return []
        if windows == "first":
            return [0.0]
        if windows == "centre":
            return [max(room, 0.0) / 2]
        if windows == "all":
            return [i * clip for i in range(int((room + 1e-6) // clip) + 1)]
        raise UsageError(f"unknown windows {windows!r}", where="--windows", hint="choose from centre, first, all")

    def describe(self, start: float, clip: float) -> dict[str, Any]:  # noqa: ARG002 - composed songs need them
        """The columns of the manifest that may differ between the clips of a track."""
        return {
            "valence": self.labels.valence,
            "arousal": self.labels.arousal,
            "valence_std": self.labels.valence_std,
            "arousal_std": self.labels.arousal_std,
            "raters": self.labels.raters,
            "mode": self.mode,
            "section": "",
            "instruments": "|".join(self.instruments),
            "lyrics": "",
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Rows this track adds to further tables of the corpus, by table name: what a composer knows beyond labels."""
        return {}


@dataclass(frozen=True)
class Source:
    """Tracks and where they come from."""

    name: str
    """``composed``, ``folder``, ``midi`` …"""
    tracks: Sequence[Track]
    scale: str
    """The scale of the original annotation: a key of :data:`affetti.emotion.SCALES`, or ``quadrants``."""
    licence: str = "unknown"
    citation: str = ""
    notes: tuple[str, ...] = ()
    """What the loader wants the user to know."""
    planted: dict[str, Any] = field(default_factory=dict)
    """Every effect that a composer put into the labels."""
