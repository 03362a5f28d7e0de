"""``affetti listen new``: a listening study of clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from affetti.api.plan import Plan, describe_cost
from affetti.progress import Progress, silent
from affetti.report.wording import plural
from affetti.results import BaseResult
from affetti.studies.listening.building import NewStudy, build_study, check_settings, choose_clips
from affetti.studies.listening.sets import ClipSet

BYTES, SECONDS = 600_000, 0.5
"""What a clip takes, about: bytes of FLAC, and seconds to make."""


@dataclass(frozen=True)
class NewStudyResult(BaseResult):
    """A study that was made."""

    verb: ClassVar[str | None] = "listen new"

    study: str
    """Its folder."""
    task: str
    systems: tuple[str, ...]
    clips: int
    conditions: int
    per_listener: int
    """Trials of each listener, with repeats and attention checks."""
    loudness: str
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NewStudyPlan(Plan):
    """A study that would be made."""

    verb: ClassVar[str | None] = "listen new"

    systems: tuple[str, ...]
    clips: int


def run(
    study: str | Path,
    clips: Mapping[str, str | Path],
    settings: NewStudy = NewStudy(),
    *,
    progress: Progress = silent,
) -> NewStudyResult:
    """Make a blind listening study: ``study.toml`` and the clips, under names that say nothing of their systems.

    Args:
        study: a new folder.
        clips: a corpus or a folder of audio by the name of its system; the requests of the first one are those of the
            study, and of the task ``mushra`` its clips are the references.
        settings: of the study.
        progress: receives the clips written.

    Raises:
        UsageError, InputError, StorageError: see :func:`affetti.studies.listening.building.build_study`.
    """
    sets = [ClipSet.open(name, Path(path)) for name, path in clips.items()]
    made = build_study(sets, Path(study), settings, progress)
    trials = made.per_listener + made.repeats + made.attention_checks
    notes = [
        f"{it.system}: the corpus holds no sound (--keep-audio), so its clips are played from their log-mels"
        for it in sets
        if not it.has_sound
    ]
    if made.loudness == "kept" and len(made.systems) > 1:
        notes.append("loudness is kept: it is an emotion cue, and may favour the louder system (--loudness matched)")
    conditions = len(made.conditions)
    return NewStudyResult(
        str(study), made.task, made.systems, len(made.clips), conditions, trials, made.loudness, tuple(notes)
    )


def plan(
    study: str | Path,
    clips: Mapping[str, str | Path],
    settings: NewStudy = NewStudy(),
    *,
    progress: Progress = silent,
) -> NewStudyPlan:
    """Plan a study, with the arguments of :func:`run`: its clips are chosen, none is made."""
    sets = [ClipSet.open(name, Path(path)) for name, path in clips.items()]
    check_settings(sets, settings)
    chosen, practice = choose_clips(sets, settings)
    count = len(chosen) + len(practice)
    systems = tuple(dict.fromkeys(it.system for it in chosen))
    cost = describe_cost(BYTES * count, SECONDS * count, Path(study))
    sentence = f"A {settings.task} study of {', '.join(systems)}: {plural(count, 'clip')}, {cost}"
    return NewStudyPlan(systems=systems, clips=len(chosen), bytes=BYTES * count, seconds=SECONDS * count, plan=sentence)
