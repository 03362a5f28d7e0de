"""Listening studies of short tones, and listeners who answer by rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from affetti.signal import audio
from affetti.studies.listening.design import Trial
from affetti.studies.listening.study import PLANE, QUALITY, REFERENCE, Clip, Study, Task

RATE = 22_050
SECONDS = 0.5


def clip(name: str, condition: str, system: str, valence: float | None = None, arousal: float | None = None) -> Clip:
    return Clip(name, condition, system, f"clips/{name}.flac", "", valence, arousal)


def study(task: Task = "rate", conditions: int = 6, systems: int = 3, **settings: Any) -> Study:
    """A study without files."""
    names = ["real", "flow", "gan", "waveform", "other"][:systems]
    if task == "mushra":
        names = [REFERENCE, "anchor35", "anchor70", *names[1:]][:systems]
    emotions = np.random.default_rng(0).uniform(-0.8, 0.8, (conditions, 2)).round(3).tolist()
    clips = tuple(
        clip(f"{index:02d}{system}", f"c{index:02d}", names[system], *emotion)
        for index, emotion in enumerate(emotions)
        for system in range(len(names))
    )
    settings = {"per_listener": conditions} | settings
    if task == "rate":
        settings = {"scales": (*PLANE, QUALITY), "plane": True} | settings
    return Study(task, clips=clips, **settings)


def with_files(made: Study, folder: Path, seconds: float = SECONDS) -> Study:
    """The study with a tone for each clip, saved in ``folder``."""

    def with_file(it: Clip, number: int) -> Clip:
        path = folder / it.file
        path.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(round(seconds * RATE)) / RATE
        audio.save(path, (0.1 * np.sin(2 * np.pi * (200 + 20 * number) * time)).astype(np.float32), RATE)
        return replace(it, sha256=audio.file_sha256(path))

    numbered = [with_file(it, number) for number, it in enumerate((*made.clips, *made.practice))]
    filed = replace(made, clips=tuple(numbered[: len(made.clips)]), practice=tuple(numbered[len(made.clips) :]))
    filed.save(folder)
    return filed


def answer(made: Study, trial: Trial, rng: np.random.Generator) -> dict[str, float]:
    """A random answer to a trial; attention checks are passed."""
    if trial.purpose == "attention":
        return dict(trial.expected)
    if made.task == "rate":
        return {
            scale.name: scale.low + scale.step * int(rng.integers(scale.points))
            if scale.step
            else float(rng.uniform(scale.low, scale.high))
            for scale in made.scales
        }
    if made.task == "mushra":
        return {str(place): float(rng.integers(101)) for place in range(len(trial.clips))}
    return {"choice": float(rng.integers(len(trial.clips)))}
