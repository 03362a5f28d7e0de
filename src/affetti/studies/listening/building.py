"""Making a study: clips are chosen, made equally loud or kept, and written with ``study.toml``.

The names of clips and files are random, so that they say nothing of the system. Nothing is written until all clips are
chosen; ``study.toml`` is written last, so that a folder without it is no study.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from affetti.errors import StorageError, UsageError
from affetti.output_lock import releases_outputs, unlock_output
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.signal import audio
from affetti.signal.loudness import PEAK_DBFS, loudness, true_peak
from affetti.storage import is_vacant, lock_folder
from affetti.studies.listening.anchors import DEFAULT_VERSIONS, SAMPLE_RATE, VERSIONS, version
from affetti.studies.listening.sets import ClipSet, choose_requests, match_requests
from affetti.studies.listening.study import PLANE, QUALITY, REFERENCE, SAM, TASKS, Clip, RatingScale, Study, Task

LOUDNESS = -23.0
"""LUFS of clips that are made equally loud (EBU R 128)."""
PRACTICE = 2
"""Clips of the practice page."""
RATINGS = ("plane", "sam", "quality")
"""What ``rate`` may ask, besides scales of the researcher's own."""


@dataclass(frozen=True)
class NewStudy:
    """Settings of a study to be made."""

    task: Task = "rate"
    clips_per_condition: int = 12
    """Clips of each system."""
    per_listener: int = 24
    """Trials of each listener; fewer where there are not so many."""
    rate: tuple[str, ...] = ("plane", "quality")
    """What ``rate`` asks: ``plane`` or ``sam``, ``quality``, and names of five-point scales."""
    versions: tuple[str, ...] = DEFAULT_VERSIONS
    """What is made of each reference of ``mushra``, keys of :data:`affetti.studies.listening.anchors.VERSIONS`."""
    loudness: str | None = None
    """``matched`` or ``kept``; None: kept for ``rate``, matched for comparisons."""
    repeats: int = 0
    attention_checks: int = 0
    planned_listeners: int = 0
    headphone_check: bool = False
    no_difference: bool = True
    completion_code: str = ""
    seed: int = 0
    wording: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class _Chosen:
    """A clip to be written."""

    condition: str
    system: str
    clips: ClipSet
    row: int
    made_as: str = ""
    """A version of the reference; empty: the clip itself."""


@releases_outputs
def build_study(sets: Sequence[ClipSet], out: Path, settings: NewStudy, progress: Progress = silent) -> Study:
    """Make a study in the folder ``out``.

    Args:
        sets: the clips of each system; the first one's requests are those of the study, and of ``mushra`` its clips
            are the references.
        out: a new or empty folder.
        settings: of the study.
        progress: receives the clips written.

    Raises:
        UsageError: settings contradict each other or the sets.
        InputError: a set has too few clips, or none for a request.
        StorageError: the folder holds something, or cannot be written.
    """
    check_settings(sets, settings)
    if not is_vacant(out):
        raise StorageError("exists and is not empty", where=out, hint="choose a new folder for the study")
    chosen, practice = choose_clips(sets, settings)
    level = settings.loudness or ("kept" if settings.task == "rate" else "matched")
    scales, plane = _scales(settings)
    conditions = len({it.condition for it in chosen})
    versions = len(chosen) // conditions
    most = conditions * (versions * (versions - 1) // 2 if settings.task in ("pair", "spot") else 1)
    drafts = [_clip(it, number, settings.seed) for number, it in enumerate((*chosen, *practice))]
    study = Study(
        settings.task,
        min(settings.per_listener, most),
        tuple(drafts[: len(chosen)]),
        scales,
        plane,
        tuple(drafts[len(chosen) :]),
        planned_listeners=settings.planned_listeners,
        repeats=settings.repeats,
        attention_checks=settings.attention_checks,
        no_difference=settings.no_difference,
        headphone_check=settings.headphone_check,
        loudness="matched" if level == "matched" else "kept",
        completion_code=settings.completion_code,
        seed=settings.seed,
        wording=settings.wording,
    )
    study.check()
    lock_folder(out)
    try:
        hashes = _write_clips(out, drafts, (*chosen, *practice), study, progress)
        filed = [replace(draft, sha256=sha256) for draft, sha256 in zip(drafts, hashes, strict=True)]
        study = replace(study, clips=tuple(filed[: len(chosen)]), practice=tuple(filed[len(chosen) :]))
        study.save(out)
    except BaseException:
        # A folder with some of the clips would be refused the next time.
        shutil.rmtree(out / "clips", ignore_errors=True)
        unlock_output(out)
        with suppress(OSError):
            out.rmdir()
        raise
    return study


def _write_clips(
    out: Path, drafts: Sequence[Clip], chosen: Sequence[_Chosen], study: Study, progress: Progress
) -> list[str]:
    """Write the sound of each clip; returns the SHA-256 of the files."""
    hashes: list[str] = []
    (out / "clips").mkdir(exist_ok=True)
    for number, (draft, it) in enumerate(zip(drafts, chosen, strict=True)):
        progress("clips", number, len(drafts))
        rate = SAMPLE_RATE if study.task == "mushra" else it.clips.sample_rate
        wave = it.clips.waveform(it.row, rate)
        wave = version(it.made_as, wave) if it.made_as else wave
        audio.save(out / draft.file, levelled(wave, rate) if study.loudness == "matched" else wave, rate)
        hashes.append(audio.file_sha256(out / draft.file))
    return hashes


def check_settings(sets: Sequence[ClipSet], settings: NewStudy) -> None:
    """Refuse settings that contradict each other or the sets.

    Raises:
        UsageError: names the flag.
    """
    if settings.task not in TASKS:
        raise UsageError(f"unknown task {settings.task!r}", where="--task", hint=f"choose from {', '.join(TASKS)}")
    names = [clips.system for clips in sets]
    if not names or len(set(names)) < len(names):
        raise UsageError(
            f"systems {', '.join(names) or 'none'}", where="--clips", hint="give NAME=FOLDER, each name once"
        )
    if settings.task in ("pair", "spot") and len(names) < 2:
        raise UsageError("one system", where="--clips", hint=f"{settings.task} compares two or more")
    if settings.clips_per_condition < 1 or settings.per_listener < 1:
        raise UsageError("a study without clips", where="--clips-per-condition", hint="give numbers from 1")
    if settings.loudness not in (None, "matched", "kept"):
        raise UsageError(f"loudness {settings.loudness!r}", where="--loudness", hint="choose matched or kept")
    unknown = [name for name in settings.versions if name not in VERSIONS]
    if settings.task == "mushra" and unknown:
        raise UsageError(
            f"unknown version {unknown[0]!r}", where="--versions", hint=f"choose from {', '.join(VERSIONS)}"
        )
    if "plane" in settings.rate and "sam" in settings.rate:
        raise UsageError("both plane and sam", where="--rate", hint="ask valence and arousal in one way")


def choose_clips(sets: Sequence[ClipSet], settings: NewStudy) -> tuple[list[_Chosen], list[_Chosen]]:
    """The clips of the study and of its practice page.

    Systems answer the same requests, unless each listener is to rate more clips than there are requests: then each
    system has requests of its own.
    """
    base, n = sets[0], settings.clips_per_condition
    own = settings.task == "rate" and settings.per_listener > n and len(sets) > 1
    count = n * len(sets) if own else n
    spare = min(PRACTICE, len(base.names) - count)
    rows = choose_requests(base, count + max(spare, 0), settings.seed).tolist()
    chosen: list[_Chosen] = []
    for index, clips in enumerate(sets):
        requests = list(range(index, count, len(sets))) if own else list(range(count))
        answered = [rows[request] for request in requests]
        matched = answered if index == 0 else match_requests(clips, base, answered)
        system = REFERENCE if settings.task == "mushra" and index == 0 else clips.system
        chosen += [
            _Chosen(f"c{request:03d}", system, clips, row) for request, row in zip(requests, matched, strict=True)
        ]
    references = [it for it in chosen if it.system == REFERENCE] if settings.task == "mushra" else []
    made = [replace(it, system=name, made_as=name) for name in settings.versions for it in references]
    system = REFERENCE if settings.task == "mushra" else base.system
    practice = [_Chosen(f"practice{number}", system, base, row) for number, row in enumerate(rows[count:]) if spare > 0]
    if settings.task == "mushra":
        practice += [replace(it, system=name, made_as=name) for it in practice for name in settings.versions[:2]]
    return chosen + made, practice if settings.task in ("rate", "mushra") else []


def levelled(waveform: Tensor, sample_rate: int) -> Tensor:
    """A waveform ``[T]`` at :data:`LOUDNESS`, or less where it would exceed the peak; silence stays as it is."""
    level = loudness(waveform, sample_rate)
    if not np.isfinite(level):
        return waveform
    room = PEAK_DBFS - 20.0 * float(np.log10(true_peak(waveform, sample_rate)))
    return waveform * 10.0 ** (min(LOUDNESS - level, room) / 20.0)


def _clip(chosen: _Chosen, number: int, seed: int) -> Clip:
    name = f"{child_seed(seed, 'clip', number):016x}"[-12:]
    emotion = chosen.clips.emotions[chosen.row]
    valence, arousal = (float(value) if np.isfinite(value) else None for value in emotion)
    source = f"{chosen.clips.path.name}/{chosen.clips.names[chosen.row]}"
    return Clip(name, chosen.condition, chosen.system, f"clips/{name}.flac", "", valence, arousal, source)


def _scales(settings: NewStudy) -> tuple[tuple[RatingScale, ...], bool]:
    """The scales of ``rate``, and whether there is a plane."""
    if settings.task != "rate":
        return (), False
    known = {"plane": PLANE, "sam": SAM, "quality": (QUALITY,)}
    scales: list[RatingScale] = []
    for name in settings.rate:
        scales += known.get(name, (RatingScale(name, 1.0, 5.0, 1.0, f"How {name}?", ("not at all", "very")),))
    return tuple(scales), "plane" in settings.rate
