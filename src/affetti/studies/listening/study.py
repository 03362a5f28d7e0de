"""What a listening study is: its task, scales and clips, as ``study.toml`` in its folder holds them.

A *condition* is one request (a song, an emotion, a text) and a clip is what one *system* made of it; clips of one
condition are versions of the same request. Names of clips and of their files say nothing about their system, so that a
listener cannot read it off a link. The clips lie in ``clips/``, with the SHA-256 of each in ``study.toml``.

When not to use: for music that the listeners may not be played; consent and copyright are the researcher's to settle.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from affetti import config
from affetti.emotion import AXES
from affetti.errors import StorageError, UsageError
from affetti.signal.audio import file_sha256
from affetti.storage import is_file, write_text
from affetti.studies.listening.wording import ENGLISH

FILE = "study.toml"
TASKS = ("rate", "pair", "mushra", "spot")
Task = Literal["rate", "pair", "mushra", "spot"]
REFERENCE = "reference"
"""The system of the clip that the others of a ``mushra`` trial are compared with; it is hidden among them too."""
ANCHORS = ("anchor35", "anchor70")
"""Systems of the low-pass anchors of BS.1534-3: 3.5 and 7 kHz."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What ids, systems, conditions and scales may be called."""
MUSHRA_RANGE = (0.0, 100.0)


@dataclass(frozen=True)
class RatingScale:
    """A scale on which one clip is rated."""

    name: str
    low: float
    high: float
    step: float = 0.0
    """Distance of its points; 0: continuous."""
    question: str = ""
    """What it asks; empty: the wording of the task."""
    labels: tuple[str, ...] = ()
    """Words from the lowest point to the highest: of both ends, or of every point."""

    @property
    def points(self) -> int:
        """Number of points; 0: continuous."""
        return round((self.high - self.low) / self.step) + 1 if self.step else 0

    def to_unit(self, value: float) -> float:
        """A rating on [-1, 1]."""
        return (value - self.low) / (self.high - self.low) * 2.0 - 1.0


PLANE = (
    RatingScale("valence", -1.0, 1.0, question="How pleasant?", labels=("unpleasant", "pleasant")),
    RatingScale("arousal", -1.0, 1.0, question="How excited?", labels=("calm", "excited")),
)
"""Valence and arousal as one point of the plane."""
SAM = (
    RatingScale("valence", 1.0, 9.0, 1.0, "How pleasant does it feel?", ("unpleasant", "pleasant")),
    RatingScale("arousal", 1.0, 9.0, 1.0, "How excited does it feel?", ("calm", "excited")),
)
"""Valence and arousal on two 9-point scales, after the self-assessment manikin (Bradley & Lang 1994)."""
QUALITY = RatingScale("quality", 1.0, 5.0, 1.0, "How good is the sound?", ("bad", "poor", "fair", "good", "excellent"))
"""Absolute category rating by ITU-T P.800."""


@dataclass(frozen=True)
class Clip:
    """A sound of the study."""

    id: str
    condition: str
    """The request that it answers; clips of one condition are versions of it."""
    system: str
    """What made it."""
    file: str
    """Relative to the study's folder, with slashes."""
    sha256: str
    valence: float | None = None
    """Requested (of a real clip: labelled) valence, in [-1, 1]; None: none."""
    arousal: float | None = None
    source: str = ""
    """The corpus' clip that it was cut from."""


@dataclass(frozen=True)
class Study:
    """A listening study; the fields are the keys of ``study.toml``."""

    task: Task
    per_listener: int
    """Trials of each listener, without repeats and attention checks."""
    clips: tuple[Clip, ...]
    scales: tuple[RatingScale, ...] = ()
    """What ``rate`` asks about each clip; empty for other tasks."""
    plane: bool = False
    """Whether valence and arousal are answered by one point of the plane."""
    practice: tuple[Clip, ...] = ()
    """Clips of the practice page, which are not part of the study."""
    planned_listeners: int = 0
    """How many listeners the study is planned for; an analysis before that is an interim one. 0: no plan."""
    repeats: int = 0
    """Trials that each listener answers twice."""
    attention_checks: int = 0
    no_difference: bool = True
    """Whether ``pair`` offers 'no difference'."""
    whole: bool = True
    """Whether a sound must have played to its end before an answer counts."""
    headphone_check: bool = False
    """Whether listeners are tested for headphones first (Woods et al. 2017)."""
    loudness: Literal["matched", "kept"] = "kept"
    """Whether the clips were made equally loud. Level is an emotion cue."""
    idle_hours: float = 24.0
    """Hours after which the place of a listener who left unfinished is given to another."""
    completion_code: str = ""
    """What the last page shows, for panels."""
    seed: int = 0
    wording: dict[str, str] = field(default_factory=dict[str, str])
    """Texts that replace those of :data:`affetti.studies.listening.wording.ENGLISH`."""

    @classmethod
    def open(cls, folder: str | Path) -> Study:
        """Read ``study.toml`` and check that every clip is there, unchanged.

        Raises:
            StorageError: the file or a clip is missing, cannot be read, or a clip was changed.
            UsageError: a setting is unknown, of the wrong type, or contradicts another.
        """
        folder = Path(folder)
        path = folder / FILE
        if not is_file(path):
            raise StorageError("no study.toml", where=folder, hint="make a study with affetti listen new")
        study = config.structure(config.read(path), cls, path)
        study.check()
        for clip in (*study.clips, *study.practice):
            file = folder / clip.file
            if not is_file(file):
                raise StorageError(
                    "a clip of the study is missing", where=file, hint="restore it, or make the study again"
                )
            if file_sha256(file) != clip.sha256:
                raise StorageError(
                    "is not the clip that study.toml names (its SHA-256 differs)",
                    where=file,
                    hint="restore it, or make the study again",
                )
        return study

    def save(self, folder: str | Path) -> Path:
        """Write ``study.toml`` into ``folder``; returns the file.

        Raises:
            UsageError: as :meth:`check`.
            StorageError: it cannot be written.
        """
        self.check()
        path = Path(folder) / FILE
        write_text(path, to_toml(config.unstructure(self)))
        return path

    def check(self) -> None:
        """Refuse a study that cannot be run.

        Raises:
            UsageError: names the setting that contradicts another, and what it may be.
        """
        _check_choices(self)
        _check_clips(self)
        _check_scales(self)
        _check_numbers(self)
        config.require_known(self.wording, ENGLISH, f"{FILE} [wording]")

    def text(self, key: str, **values: object) -> str:
        """A text of the study by its key, with words in braces filled in."""
        text = self.wording.get(key, ENGLISH[key])
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    @cached_property
    def by_id(self) -> Mapping[str, Clip]:
        """Clips by their id, those of the practice page too."""
        return {clip.id: clip for clip in (*self.clips, *self.practice)}

    @cached_property
    def conditions(self) -> Mapping[str, tuple[Clip, ...]]:
        """Clips of each condition, in the order of the file."""
        grouped: dict[str, list[Clip]] = {}
        for clip in self.clips:
            grouped.setdefault(clip.condition, []).append(clip)
        return {name: tuple(clips) for name, clips in grouped.items()}

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in the order of the file."""
        return tuple(dict.fromkeys(clip.system for clip in self.clips))

    @property
    def fingerprint(self) -> str:
        """A hash of all that answers depend on: everything but the wording and what listeners are told at the end."""
        document = {
            key: value
            for key, value in asdict(self).items()
            if key not in ("wording", "completion_code", "idle_hours", "practice")
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def to_toml(document: Mapping[str, Any]) -> str:
    """A flat mapping with tables and lists of tables as TOML; what is None is left out.

    Example:
        >>> print(to_toml({"task": "rate", "scales": [{"name": "quality", "low": 1.0}]}))
        task = "rate"
        <BLANKLINE>
        [[scales]]
        name = "quality"
        low = 1.0
        <BLANKLINE>
    """
    head: list[str] = []
    tables: list[str] = []
    for key, value in document.items():
        if isinstance(value, Mapping):
            tables += ["", f"[{key}]", *_settings(value)] if value else []
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for row in value:
                tables += ["", f"[[{key}]]", *_settings(row)]
        else:
            head += _settings({key: value})
    return "\n".join([*head, *tables]) + "\n"


def _settings(values: Mapping[str, Any]) -> list[str]:
    # JSON's strings, numbers, booleans and arrays of these are TOML's; DEL alone must be escaped in TOML only.
    return [
        f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
        for key, value in values.items()
        if value is not None
    ]


def _wrong(what: str, where: str, hint: str) -> UsageError:
    return UsageError(what, where=f"{FILE} {where}", hint=hint)


def _check_choices(study: Study) -> None:
    for key, value, offered in (("task", study.task, TASKS), ("loudness", study.loudness, ("matched", "kept"))):
        if value not in offered:
            raise _wrong(f"unknown {key} {value!r}", key, f"choose from {', '.join(offered)}")


def _check_clips(study: Study) -> None:
    if not study.clips:
        raise _wrong("no clips", "clips", "list the clips of the study")
    everything = (*study.clips, *study.practice)
    for clip in everything:
        for name in (clip.id, clip.condition, clip.system):
            if not NAME.fullmatch(name):
                raise _wrong(f"name {name!r}", "clips", "use letters, digits, dots, dashes and underscores, at most 64")
        parts = Path(clip.file).parts
        if not parts or Path(clip.file).is_absolute() or ".." in parts:
            raise _wrong(f"file {clip.file!r} of clip {clip.id}", "clips", "give a path inside the study's folder")
        for value in (clip.valence, clip.arousal):
            if value is not None and not -1.0 <= value <= 1.0:
                raise _wrong(f"emotion {value:g} of clip {clip.id}", "clips", "give numbers from -1 to 1")
    if len({clip.id for clip in everything}) < len(everything):
        raise _wrong("two clips have the same id", "clips", "give each its own")
    for name, versions in study.conditions.items():
        if len({clip.system for clip in versions}) < len(versions):
            raise _wrong(f"condition {name} has two clips of one system", "clips", "keep one of each system")
        if study.task == "mushra" and REFERENCE not in {clip.system for clip in versions}:
            raise _wrong(f"condition {name} has no {REFERENCE}", "clips", f"add its clip of the system {REFERENCE}")
        if study.task != "rate" and len(versions) < 2:
            raise _wrong(f"condition {name} has one version", "clips", f"give two or more: {study.task} compares them")
    counts = {name: len(versions) for name, versions in study.conditions.items()}
    if len(set(counts.values())) > 1:
        few, many = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
        raise _wrong(
            f"condition {few} has {counts[few]} versions, {many} has {counts[many]}",
            "clips",
            "give every condition as many, or clips could not be rated equally often",
        )


def _check_scales(study: Study) -> None:
    if (study.task == "rate") != bool(study.scales):
        hint = "list what is rated" if study.task == "rate" else "leave them out: only rate has scales"
        raise _wrong(f"{len(study.scales)} scales for the task {study.task}", "scales", hint)
    names = [scale.name for scale in study.scales]
    if len(set(names)) < len(names):
        raise _wrong("two scales have the same name", "scales", "give each its own")
    for scale in study.scales:
        if not NAME.fullmatch(scale.name):
            raise _wrong(f"name {scale.name!r}", "scales", "use letters, digits, dots, dashes and underscores")
        if not (math.isfinite(scale.low) and math.isfinite(scale.high) and scale.low < scale.high):
            raise _wrong(f"{scale.name} runs from {scale.low:g} to {scale.high:g}", "scales", "give low < high")
        steps = (scale.high - scale.low) / scale.step if scale.step > 0 else 1.0
        if scale.step < 0 or abs(steps - round(steps)) > 1e-9:
            raise _wrong(f"{scale.name} has a step of {scale.step:g}", "scales", "give a part of its range, or 0")
        if len(scale.labels) not in (0, 2, scale.points):
            raise _wrong(f"{scale.name} has {len(scale.labels)} labels", "scales", "label both ends, or every point")
    if study.plane and not all(axis in names for axis in AXES):
        raise _wrong("the plane needs scales named valence and arousal", "plane", "add them, or set plane = false")


def _check_numbers(study: Study) -> None:
    versions = len(next(iter(study.conditions.values())))
    most = len(study.conditions)
    if study.task in ("pair", "spot"):
        most *= versions * (versions - 1) // 2
    if not 1 <= study.per_listener <= most:
        raise _wrong(
            f"per_listener is {study.per_listener}", "per_listener", f"give 1 to {most}: no request is heard twice"
        )
    if not 0 <= study.repeats <= study.per_listener // 2:
        hint = f"give 0 to {study.per_listener // 2}, half of per_listener"
        raise _wrong(f"repeats is {study.repeats}", "repeats", hint)
    checks = 0 if study.task == "mushra" else study.per_listener
    if not 0 <= study.attention_checks <= checks:
        hint = f"give 0 to {checks}" + (": the hidden reference is mushra's check" if study.task == "mushra" else "")
        raise _wrong(f"attention_checks is {study.attention_checks}", "attention_checks", hint)
    if study.planned_listeners < 0:
        raise _wrong(f"planned_listeners is {study.planned_listeners}", "planned_listeners", "give 0 or more")
    if not (math.isfinite(study.idle_hours) and study.idle_hours > 0):
        raise _wrong(f"idle_hours is {study.idle_hours:g}", "idle_hours", "give a number above 0")
