"""What a loader returns: tracks (recordings with labels) and the source they come from.

A *track* is a recording, a *clip* is a cut of it that a model sees, and ``song_id`` groups the clips that must stay on
one side of a split. Labels are already in [-1, 1] here, next to the values as published; a :class:`Source` adds what is
known about the data set and its labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.corpus.annotations import UNKNOWN, Annotations
from affetti.emotion import CATEGORIES, SCALES
from affetti.errors import UsageError
from affetti.signal import audio

Windows = Literal["centre", "first", "all"]


class Sound(Protocol):
    """A source of audio: a file, a score, a composed song."""

    def waveform(self, sample_rate: int) -> NDArray[np.float32]:
        """Mono samples ``[T]``; raises :class:`~affetti.errors.InputError` when the sound is broken."""
        ...

    def stamp(self) -> str:
        """A text that changes when the file is replaced; computed without reading its content."""
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
    renderer: str = "affetti"
    """One of :data:`affetti.compose.renderer.RENDERERS`."""

    def waveform(self, sample_rate: int) -> NDArray[np.float32]:
        """Render."""
        from affetti.compose.renderer import render_midi

        return render_midi(self.path, sample_rate, self.soundfont, self.renderer)

    def stamp(self) -> str:
        """Size and time of change of the file."""
        return _stamp(self.path)

    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        return audio.file_sha256(self.path)


def _stamp(path: Path) -> str:
    status = path.stat() if path.exists() else None
    return f"{status.st_size} {status.st_mtime_ns}" if status else "absent"


@dataclass(frozen=True)
class Labels:
    """Ratings of a piece of music: means and spread in [-1, 1], and the number of raters (0: unknown).

    ``valence_std`` is the sample standard deviation over raters (``ddof`` 1), NaN where it is not known.
    """

    valence: float
    arousal: float
    valence_std: float = float("nan")
    arousal_std: float = float("nan")
    raters: int = 0
    valence_original: float = float("nan")
    """The mean as it was published, on the scale of its data set; NaN where the labels are categories."""
    arousal_original: float = float("nan")
    tags: tuple[str, ...] = ()
    """The categories as they were published: a quadrant, mood tags."""

    @classmethod
    def on(
        cls,
        scale: str,
        valence: float,
        arousal: float,
        valence_std: float = float("nan"),
        arousal_std: float = float("nan"),
        raters: int = 0,
    ) -> Labels:
        """Labels from ratings on an affine scale of :data:`affetti.emotion.SCALES`; the original means are kept.

        Raises:
            InputError: a mean lies outside the scale.
        """
        bounds = SCALES[scale]
        v, a = bounds.to_unit([valence, arousal]).tolist()
        v_std, a_std = bounds.spread_to_unit([valence_std, arousal_std]).tolist()
        return cls(v, a, v_std, a_std, raters, valence, arousal)

    @classmethod
    def category(cls, scale: str, name: str) -> Labels:
        """Labels of one category of :data:`affetti.emotion.CATEGORIES`, such as ``Q1``: the centre of its region."""
        return cls(*CATEGORIES[scale].to_unit(name), tags=(name,))


@dataclass(frozen=True)
class Track:
    """A recording and what is known about it. ``path`` is its name in messages and in the column ``source_path``."""

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
    """Expected number of clips, from which the disk space is estimated."""
    title: str = ""
    dataset: str = ""
    """The data set it comes from; "" for that of its source."""
    annotations: Annotations = UNKNOWN
    """Words, sections and what else is known of it."""

    def starts(self, duration: float, clip: float, windows: Windows) -> list[float]:
        """Start times of clips of ``clip`` seconds in a recording of ``duration`` seconds; empty if it is too short.

        Raises:
            UsageError: ``windows`` is unknown.
        """
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

    def describe(self, start: float, clip: float) -> dict[str, Any]:
        """The columns that may differ between clips of a track, for the clip that begins at ``start`` seconds."""
        return {
            "valence": self.labels.valence,
            "arousal": self.labels.arousal,
            "valence_std": self.labels.valence_std,
            "arousal_std": self.labels.arousal_std,
            "raters": self.labels.raters,
            "valence_original": self.labels.valence_original,
            "arousal_original": self.labels.arousal_original,
            "tags": "|".join(self.labels.tags),
            "mode": self.mode,
            "instruments": "|".join(self.instruments),
            **self.annotations.describe(start, clip),
        }

    def label_rows(self, clip: float) -> list[dict[str, Any]]:
        """Its labels without reading audio: one row, or one for each clip where clips are labelled separately."""
        return [self.describe(0.0, clip)]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Rows for further tables of the corpus, by table name, such as the notes of a composed song."""
        return self.annotations.tables(self.song_id)


@dataclass(frozen=True)
class Dataset:
    """The card of a data set: name, licence, citation and scale."""

    name: str
    """Its name in SOURCE: ``deam``, ``folder`` …"""
    title: str
    licence: str
    citation: str
    url: str
    """Where to download it."""
    scale: str
    """The scale of its labels: a key of :data:`affetti.emotion.SCALES` or :data:`affetti.emotion.CATEGORIES`."""


@dataclass(frozen=True)
class Options:
    """How data sets are read; each loader uses the options that concern it."""

    scale: str | None = None
    """Scale of the labels of ``folder`` and ``midi``."""
    soundfont: Path | None = None
    """The soundfont that MIDI is rendered with."""
    renderer: str = "affetti"
    """What renders MIDI, one of :data:`affetti.compose.renderer.RENDERERS`."""
    voice: str | None = None
    """The voice that sings or speaks the words of composed songs, a key of
    :data:`affetti.compose.renderer.VOICES`; None: nothing."""
    deam_labels: Literal["corrected", "as-shipped"] = "corrected"
    """Whether DEAM's swapped axes are corrected."""
    full_songs: bool = False
    """Whether DEAM's 58 full songs of 2015 are read too."""
    metadata: Path | None = None
    """A CSV of words, sections, instruments and so on by song, see :func:`affetti.corpus.metadata.join`."""
    lexicon: Path | None = None
    """A CSV of words with valence and arousal, which gives mood tags their points on the plane."""
    reference: Path | None = None
    """A folder of emoMusic, whose labels show whether DEAM's axes are swapped."""


@dataclass(frozen=True)
class Check:
    """The result of one check of the label audit."""

    check: str
    """Name of the check, such as ``axes_swapped``."""
    verdict: Literal["fine", "corrected", "suspect", "not checkable"]
    n: int
    """Songs concerned."""
    detail: str


@dataclass(frozen=True)
class Source:
    """Labelled tracks and the data set they come from; no audio has been read."""

    dataset: Dataset
    tracks: Sequence[Track]
    """Tracks whose audio is present."""
    absent: Sequence[Track] = ()
    """Labelled tracks whose audio is absent: they count in the audit and the ceiling of the labels."""
    refused: Sequence[tuple[str, str]] = ()
    """Rows that cannot be used, as (name, reason)."""
    notes: tuple[str, ...] = ()
    """Notes of the loader for the user."""
    checks: tuple[Check, ...] = ()
    """Checks that need data only the loader has, such as ratings over time."""
    official: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Published splits by name: ``train``, ``validation`` or ``test`` by track id."""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Further tables to store in the corpus by name, such as ratings over time; each has a column ``song_id``."""
    planted: dict[str, Any] = field(default_factory=dict)
    """Every effect that the composer planted in the labels."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options that differ from their defaults: fields of :class:`Options`."""
    parts: tuple[Source, ...] = ()
    """The sources it was joined from, where it is a union."""
    incomplete: Sequence[tuple[str, str]] = ()
    """Files beside the audio (words, sections) that cannot be used, as (name of the track, reason); it is kept."""

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.dataset.name

    @property
    def labelled(self) -> list[Track]:
        """All labelled tracks, with or without audio."""
        return [*self.tracks, *self.absent]
