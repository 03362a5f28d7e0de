"""Listening studies of short tones, and listeners who answer by rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tests.conftest import music

from affetti.signal import audio
from affetti.studies.listening.design import Trial
from affetti.studies.listening.rating_table import ScaleRatings
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
    """The study with a tone for each clip, or music where it is long, saved in ``folder``."""

    def with_file(it: Clip, number: int) -> Clip:
        path = folder / it.file
        path.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(round(seconds * RATE)) / RATE
        tone = (0.1 * np.sin(2 * np.pi * (200 + 20 * number) * time)).astype(np.float32)
        audio.save(path, music(number, seconds, RATE) if seconds > 1 else tone, RATE)
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


def simulated(
    listeners: int = 20,
    clips: int = 10,
    systems: int = 2,
    per_listener: int | None = None,
    shared: bool = False,
    shift: float = 0.0,
    spreads: tuple[float, float, float, float] = (0.5, 0.25, 0.5, 0.8),
    seed: int = 0,
) -> ScaleRatings:
    """Ratings of a known model.

    Args:
        listeners: L.
        clips: of each system.
        systems: S; the mean of system s is s × ``shift``.
        per_listener: clips of each system that a listener rates; None: all.
        shared: whether the clips of systems answer the same requests.
        spreads: standard deviations of listener, listener × system, clip and error.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    by_listener = rng.normal(0, spreads[0], listeners)
    by_both = rng.normal(0, spreads[1], (listeners, systems))
    by_clip = rng.normal(0, spreads[2], (systems, clips))
    rows: list[tuple[float, int, int, int, int]] = []
    for listener in range(listeners):
        for system in range(systems):
            for clip in rng.permutation(clips)[: clips if per_listener is None else per_listener]:
                effects = by_listener[listener] + by_both[listener, system] + by_clip[system, clip]
                rating = shift * system + effects + rng.normal(0, spreads[3])
                number = system * clips + int(clip)
                rows.append((rating, listener, number, int(clip) if shared else number, system))
    rating, listener, clip, condition, system = (np.array(column) for column in zip(*rows, strict=True))
    people = tuple(f"l{it}" for it in range(listeners))
    sounds = tuple(f"c{it}" for it in range(clips * systems))
    requests = tuple(f"r{it}" for it in range(clips if shared else clips * systems))
    names = tuple(f"s{it}" for it in range(systems))
    return ScaleRatings("quality", rating, listener, clip, condition, system, people, sounds, requests, names)


def tidy(ratings: ScaleRatings, scale: str | None = None) -> pd.DataFrame:
    """Ratings as a tidy table."""
    columns = {
        name: np.array(names)[codes]
        for name, names, codes in (
            ("listener", ratings.listeners, ratings.listener),
            ("clip", ratings.clips, ratings.clip),
            ("system", ratings.systems, ratings.system),
            ("condition", ratings.conditions, ratings.condition),
        )
    }
    return pd.DataFrame({**columns, "scale": scale or ratings.scale, "rating": ratings.rating})
