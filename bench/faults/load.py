"""Load: a synthetic tree of recordings through prepare, train, generate, score, report and predict.

A case takes ``clips`` clips and a tenth of that, cut from recordings of a minute, ten from each. Time may grow by half
more than tenfold at most (the start, a second or so, is left out), memory by 1.5 GB, files that are mapped included.
What compares all pairs: ``prepare`` looks for near duplicates among all clips; ``score`` takes 200 synthetic clips
against the test part. ``predict`` reads a hundredth of as many recordings as there are clips.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import soundfile

from faults.case import Case
from faults.command import run

clips = 100_000
"""Of the larger size; ``--clips`` changes it."""
CLIPS_A_RECORDING, SECONDS, RATE = 10, 60, 8_000
GROWTH_TIME, GROWTH_MEMORY_MB = 15.0, 1_500.0
STEPS: dict[str, list[str]] = {
    "prepare": ["prepare", "folder:tree", "--windows", "all", "--out", "corpus", "--workers", "1", "--seed", "{seed}"],
    "student": ["train", "student", "--corpus", "corpus", "--steps", "10", "--out", "student", "--seed", "{seed}"],
    "flow": ["train", "flow", "--corpus", "corpus", "--steps", "10", "--out", "flow", "--seed", "{seed}"],
    "generate": ["generate", "--model", "flow", "--n", "200", "--out", "made", "--workers", "1", "--seed", "{seed}"],
    "score": ["score", "corpus", "made", "--out", "score", "--workers", "1", "--seed", "{seed}"],
    "report": ["report", "score", "--out", "page.html"],
    "predict": ["predict", "some", "--csv", "table.csv", "--workers", "1"],
}


def prepare(folder: Path) -> None:
    """Nothing is shared by the cases."""


def case(seed: int, folder: Path) -> Case:
    """Both sizes; the processor seconds and the memory of each step are filed in ``load-CLIPS-SEED.json``."""
    figures: dict[str, dict[str, tuple[float, float]]] = {}
    for size in (clips // 10, clips):
        place = folder / f"load-{size}"
        shutil.rmtree(place, ignore_errors=True)
        make_tree(place, size, seed)
        figures[str(size)] = {}
        for step, command in STEPS.items():
            ended = run([part.format(seed=seed) for part in command], place, limit=8 * 3600)
            if ended.code != 0:
                return Case("load", str(size), seed, f"{step}: {ended.fault or ended.err.strip()[-300:]}")
            figures[str(size)][step] = round(ended.processor_seconds, 1), round(ended.peak_mb)
            print(f"{size} clips, {step}: {ended.processor_seconds:.1f} s, {ended.peak_mb:.0f} MB", flush=True)
        shutil.rmtree(place)
    (folder / f"load-{clips}-{seed}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return Case("load", str(clips), seed, _fault(figures[str(clips // 10)], figures[str(clips)]))


def make_tree(place: Path, size: int, seed: int) -> None:
    """Recordings of chords and noise that change every half second, no two alike, and their labels."""
    tree, some = place / "tree", place / "some"
    tree.mkdir(parents=True)
    some.mkdir()
    lines = ["file,valence,arousal"]
    length, parts = RATE // 2, 2 * SECONDS
    times = np.arange(length) / RATE
    for number in range(max(size // CLIPS_A_RECORDING, 2)):
        rng = np.random.default_rng([seed, number])
        pitches = 110.0 * 2 ** (rng.integers(0, 48, (parts, 3)) / 12)
        tones = np.sin(2 * np.pi * pitches[:, :, None] * times).mean(axis=1) * np.exp(-times * rng.uniform(1, 8))
        noise = rng.uniform(0, 0.3, (parts, 1)) * rng.standard_normal((parts, length))
        soundfile.write(tree / f"{number:06d}.wav", (0.5 * tones + noise).ravel().clip(-1, 1), RATE, "PCM_U8")
        valence, arousal = rng.uniform(-1, 1, 2).round(3)
        lines.append(f"{number:06d}.wav,{valence},{arousal}")
        if number < max(size // 100, 1):
            (some / f"{number:06d}.wav").hardlink_to(tree / f"{number:06d}.wav")
    (tree / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _fault(small: dict[str, tuple[float, float]], large: dict[str, tuple[float, float]]) -> str | None:
    for step, (seconds, memory) in large.items():
        small_seconds, small_memory = small[step]
        if seconds > GROWTH_TIME * max(small_seconds, 1.0):
            return f"{step}: {seconds:.0f} s for ten times the clips of {small_seconds:.0f} s"
        if memory - small_memory > GROWTH_MEMORY_MB:
            return f"{step}: {memory:.0f} MB for {small_memory:.0f} MB"
    return None
