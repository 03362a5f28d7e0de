"""What a loader hands over: tracks (recordings with labels) and the source they come from.

A *track* is a recording, a *clip* a cut of it that a model sees, and ``song_id`` groups all that must stay on one side
of a split. Labels are already in [-1, 1] here, with the values as published beside them; a :class:`Source` adds what is
known of the data set and of its labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.emotion import CATEGORIES, SCALES
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
    renderer: str = "affetti"
    """One of :data:`affetti.compose.render.RENDERERS`."""

    def waveform(self, sample_rate: int) -> NDArray[np.float32]:
        """Render."""
        from affetti.compose.render import render_midi

        return render_midi(self.path, sample_rate, self.soundfont, self.renderer)

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
    """What raters said of a stretch of music: means and spread in [-1, 1], and their number (0: unknown).

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
        """Labels given on an affine scale of :data:`affetti.emotion.SCALES`; the originals are kept beside.

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
    title: str = ""
    dataset: str = ""
    """The data set it comes from; "" for its source's own."""

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
            "valence_original": self.labels.valence_original,
            "arousal_original": self.labels.arousal_original,
            "tags": "|".join(self.labels.tags),
            "mode": self.mode,
            "section": "",
            "instruments": "|".join(self.instruments),
            "lyrics": "",
        }

    def label_rows(self, clip: float) -> list[dict[str, Any]]:
        """Its labels before it has been heard: one row, or one for each of its clips where they are labelled apart."""
        return [self.describe(0.0, clip)]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Rows this track adds to further tables of the corpus, by table name: what a composer knows beyond labels."""
        return {}


@dataclass(frozen=True)
class Dataset:
    """A card of a data set: what is known of it before a file is read."""

    name: str
    """What SOURCE calls it: ``deam``, ``folder`` …"""
    title: str
    licence: str
    citation: str
    url: str
    """Where to get it."""
    scale: str
    """What its labels are on: a key of :data:`affetti.emotion.SCALES` or :data:`affetti.emotion.CATEGORIES`."""


@dataclass(frozen=True)
class Options:
    """What a user may choose about how a data set is read; each loader takes what concerns it."""

    scale: str | None = None
    """Scale of the labels of ``folder`` and ``midi``."""
    soundfont: Path | None = None
    """The soundfont that MIDI is rendered with."""
    renderer: str = "affetti"
    """What renders MIDI, one of :data:`affetti.compose.render.RENDERERS`."""
    voice: str | None = None
    """What sings or says the words of composed songs, a key of :data:`affetti.compose.render.VOICES`; None: nothing."""
    deam_labels: Literal["corrected", "as-shipped"] = "corrected"
    """Whether swapped axes are put right."""
    full_songs: bool = False
    """Whether DEAM's 58 full songs of 2015 are read too."""
    lexicon: Path | None = None
    """A CSV of words with valence and arousal that places mood tags on the plane."""
    witness: Path | None = None
    """A folder of emoMusic, whose labels tell whether DEAM's axes are swapped."""


@dataclass(frozen=True)
class Check:
    """One finding of the label audit."""

    check: str
    """What was looked for, such as ``axes_swapped``."""
    verdict: Literal["fine", "corrected", "suspect", "not checkable"]
    n: int
    """Songs concerned."""
    detail: str


@dataclass(frozen=True)
class Source:
    """Labelled tracks and the data set they come from. Nothing here has been heard: labels alone are read."""

    dataset: Dataset
    tracks: Sequence[Track]
    """Tracks whose sound is here."""
    absent: Sequence[Track] = ()
    """Tracks that are labelled, but whose sound is not here: they count in the audit and the ceiling of the labels."""
    refused: Sequence[tuple[str, str]] = ()
    """Rows that cannot be used, as (name, reason)."""
    notes: tuple[str, ...] = ()
    """What the loader wants the user to know."""
    checks: tuple[Check, ...] = ()
    """What the loader found out about the labels that the table of means cannot tell."""
    official: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Published splits by name: ``train``, ``validation`` or ``test`` by track id."""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Further tables to file in the corpus by name, such as ratings over time; each has a column ``song_id``."""
    planted: dict[str, Any] = field(default_factory=dict)
    """Every effect that a composer put into the labels."""
    options: dict[str, Any] = field(default_factory=dict)
    """How it was read, where otherwise than by default: fields of :class:`Options`."""
    parts: tuple[Source, ...] = ()
    """The sources it was joined from, where it is a union."""

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.dataset.name

    @property
    def labelled(self) -> list[Track]:
        """All labelled tracks, heard or not."""
        return [*self.tracks, *self.absent]
