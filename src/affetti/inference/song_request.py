"""What a whole song is requested to be: its emotion over time, its sections and its length.

The emotion is a curve: a CSV file with the columns time, valence, arousal and, by choice, section (a section lasts
until the next row); words or pairs with their seconds (``sad@0 calm@60 0.5,0.2@120``); that of a song of a corpus, from
ratings over time or else from the labels of its clips; or one emotion throughout. Between points it moves in straight
lines, before the first and after the last it stays. A form (``intro verse chorus``) divides the song into equal
sections.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from affetti import tables
from affetti.corpus import Corpus
from affetti.corpus.annotations import UNKNOWN, Annotations, Section
from affetti.corpus.sections_file import section_label
from affetti.corpus.window_labels import FILE, read_ratings
from affetti.emotion import AXES, MAX_CURVE_SECONDS, Emotion, EmotionCurve
from affetti.errors import InputError, UsageError
from affetti.storage import expand_home, is_file, reading

HINT = "give a CSV with the columns time, valence, arousal and, by choice, section"


@dataclass(frozen=True)
class SongSettings:
    """What the user requests of songs; a setting that is None requests nothing."""

    curve: str | None = None
    """A CSV file, or words with their seconds."""
    curve_from: tuple[str, str] | None = None
    """A corpus and the id of one of its songs."""
    form: str | None = None
    """Names of sections, in order."""
    seconds: float | None = None
    """Length of a song; by default that of the curve."""

    @property
    def requested(self) -> bool:
        """Whether songs are requested, and not clips."""
        return self != SongSettings()


@dataclass(frozen=True)
class SongRequest:
    """A song's emotion over time, its length and sections."""

    curve: EmotionCurve
    seconds: float
    annotations: Annotations = UNKNOWN
    """Its sections."""
    sections_required: bool = True
    """Whether a section that the model has not learnt is an error; else it is left unspecified."""

    @property
    def sections(self) -> tuple[Section, ...]:
        """In order of time; empty: none are requested."""
        return self.annotations.sections


def resolve_song(settings: SongSettings, emotions: str, clip_seconds: float) -> SongRequest:
    """The song that settings stand for.

    Args:
        settings: at least one of them given.
        emotions: one emotion, a word or ``V,A``, where no curve is given; ``uniform`` gives none.
        clip_seconds: length of a window: songs are at least as long.

    Raises:
        UsageError: settings that exclude each other, or an emotion, form or length is missing.
        InputError: the curve cannot be used, or a length is out of range.
    """
    if settings.curve is not None and settings.curve_from is not None:
        raise UsageError("both --curve and --curve-from", hint="give one of them")
    given = settings.curve is not None or settings.curve_from is not None
    if given and emotions != "uniform":
        raise UsageError("both a curve and --emotions", where="--emotions", hint="leave --emotions out")
    if not given and emotions == "uniform":
        where = "--seconds" if settings.form is None else "--form"
        raise UsageError("a song without an emotion", where=where, hint="add --emotions happy, or --curve FILE")
    required, name = True, "--curve"
    if settings.curve_from is not None:
        name, required = "--curve-from", False
        curve, end, sections = _of_song(*settings.curve_from)
    elif settings.curve is None:
        curve, end, sections = EmotionCurve((0.0,), (_point(emotions),)), None, ()
    elif settings.curve.lower().endswith(".csv") or is_file(expand_home(settings.curve)):
        curve, end, sections = _from_csv(expand_home(settings.curve), settings.seconds)
    else:
        curve, end, sections = _from_words(settings.curve)
    seconds = _length(settings.seconds, end, clip_seconds, name)
    if settings.curve is not None and curve.times[-1] > seconds:
        raise InputError(
            f"the curve ends at {curve.times[-1]:g} s, the song at {seconds:g} s",
            where=settings.curve,
            hint="give more --seconds, or a shorter curve",
        )
    if settings.form is not None:
        if sections and required:
            raise UsageError("both --form and sections in the curve", where="--form", hint="leave one of them out")
        sections, required = _form(settings.form, seconds), True
    sections = tuple(Section(it.start, min(it.end, seconds), it.label) for it in sections if it.start < seconds)
    return SongRequest(curve, seconds, Annotations(sections=sections), required)


def _length(seconds: float | None, end: float | None, clip_seconds: float, name: str) -> float:
    if seconds is None and not end:
        raise UsageError("a song without a length", where="--seconds", hint="give its length, such as --seconds 180")
    length = float(seconds if seconds is not None else end or 0.0)
    where = name if seconds is None else "--seconds"
    if not np.isfinite(length):
        raise InputError(f"a song of {length:g} s", where=where, hint="give a number of seconds, such as 180")
    if length < clip_seconds:
        hint = f"the model's clips have {clip_seconds:g} s: give as many or more"
        raise InputError(f"a song of {length:g} s is shorter than a window", where=where, hint=hint)
    if length > MAX_CURVE_SECONDS:
        raise InputError(f"a song of {length:g} s", where=where, hint=f"give at most {MAX_CURVE_SECONDS:g}, an hour")
    return length


def _point(text: str) -> tuple[float, float]:
    emotion = Emotion.parse(text)
    return emotion.valence, emotion.arousal


def _from_csv(path: Path, seconds: float | None) -> tuple[EmotionCurve, float, tuple[Section, ...]]:
    """The curve of a table, the time of its last row, and its sections."""
    rows = tables.read(path, ("time", *AXES), hint=HINT)
    times = [row.number("time", 0.0, MAX_CURVE_SECONDS) for row in rows]
    for (before, now), row in zip(pairwise(times), rows[1:], strict=True):
        if now <= before:
            raise row.wrong(f"time {now:g} does not come after {before:g}", "sort the rows by time, each time once")
    points = tuple((row.number("valence", -1, 1), row.number("arousal", -1, 1)) for row in rows)
    labels = [section_label(row.get("section")) for row in rows]
    sections: tuple[Section, ...] = ()
    if any(labels):
        for row, label in zip(rows, labels, strict=True):
            if not label:
                raise row.wrong("section is missing", "name one in every row, or in none")
        ends = [*times[1:], max(times[-1], seconds or 0.0)]
        starts = [0.0, *times[1:]]
        sections = tuple(
            Section(start, end, label) for start, end, label in zip(starts, ends, labels, strict=True) if end > start
        )
    return EmotionCurve(tuple(times), points), times[-1], _merged(sections)


def _merged(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """Sections of which rows that follow one another and have the same name are one."""
    merged: list[Section] = []
    for it in sections:
        if merged and merged[-1].label == it.label and merged[-1].end == it.start:
            merged[-1] = Section(merged[-1].start, it.end, it.label)
        else:
            merged.append(it)
    return tuple(merged)


def _from_words(text: str) -> tuple[EmotionCurve, float, tuple[Section, ...]]:
    """The curve of ``EMOTION@SECONDS …``, and its last time."""
    times: list[float] = []
    points: list[tuple[float, float]] = []
    for part in text.split():
        emotion, at, time = part.rpartition("@")
        try:
            times.append(float(time))
        except ValueError:
            at = ""
        if not at or not emotion:
            hint = "write EMOTION@SECONDS, such as 'sad@0 calm@60', or name a CSV file"
            raise UsageError(f"{part!r} is no point of a curve", where="--curve", hint=hint)
        points.append(_point(emotion))
    if not times:
        raise UsageError("an empty curve", where="--curve", hint="write EMOTION@SECONDS, such as 'sad@0 calm@60'")
    return EmotionCurve(tuple(times), tuple(points)), times[-1], ()


def curve_words(curve: EmotionCurve) -> str:
    """A curve as :attr:`SongSettings.curve` takes it.

    Example:
        >>> curve_words(EmotionCurve((0.0, 12.5), ((-0.5, 0.1), (0.5, 0.4))))
        '-0.5,0.1@0.0 0.5,0.4@12.5'
    """
    points = zip(curve.times, curve.points, strict=True)
    return " ".join(f"{valence!r},{arousal!r}@{time!r}" for time, (valence, arousal) in points)


def _of_song(folder: str, song: str) -> tuple[EmotionCurve, float, tuple[Section, ...]]:
    """The curve of a song of a corpus, where its last clip ends, and its sections."""
    corpus = Corpus.open(expand_home(folder))
    clips = corpus.clips[corpus.songs == song].sort_values("start")
    if not len(clips):
        example = corpus.songs[0] if len(corpus) else "none"
        raise UsageError(f"no song {song!r}", where=folder, hint=f"give a song_id of this corpus, such as {example}")
    starts = clips["start"].to_numpy(dtype=np.float64)
    end = float((starts + clips["duration"].to_numpy(dtype=np.float64)).max())
    middles, labels = starts + clips["duration"].to_numpy(dtype=np.float64) / 2, clips[list(AXES)].to_numpy(dtype=float)
    if is_file(corpus.path / FILE):
        ratings = read_ratings(corpus.path)
        own = ratings[ratings["song_id"].astype(str) == song].sort_values("time")
        if len(own):
            middles, labels = own["time"].to_numpy(dtype=np.float64), own[list(AXES)].to_numpy(dtype=float)
    middles, first = np.unique(middles, return_index=True)
    curve = EmotionCurve(tuple(middles.tolist()), tuple((float(v), float(a)) for v, a in labels[first].clip(-1, 1)))
    return curve, end, _sections_of(corpus.path / "sections.parquet", song)


def _sections_of(path: Path, song: str) -> tuple[Section, ...]:
    if not is_file(path):
        return ()
    with reading(path, "make the corpus again"):
        table = pd.read_parquet(path, columns=["song_id", "section", "start", "duration"])
    own = table[table["song_id"].astype(str) == song].sort_values("start")
    rows = zip(own["section"].tolist(), own["start"].tolist(), own["duration"].tolist(), strict=True)
    return tuple(Section(float(start), float(start + duration), str(name)) for name, start, duration in rows)


def _form(text: str, seconds: float) -> tuple[Section, ...]:
    """Equal sections."""
    names = [section_label(name) for name in text.replace(",", " ").split()]
    if not names:
        raise UsageError("an empty form", where="--form", hint="name its sections: 'intro verse chorus'")
    length = seconds / len(names)
    return tuple(Section(i * length, (i + 1) * length, name) for i, name in enumerate(names))
