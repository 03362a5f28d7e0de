"""Load: one corpus of many clips through prepare, train, score and report: memory and time beside those of a tenth.

A case composes ``CLIPS`` clips and a tenth of that, and does the same with both. Time may grow by more than tenfold by
half at most, memory by less than half, but for files that are mapped.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from faults.case import Case
from faults.command import run

CLIPS = 100_000
GROWTH_TIME, GROWTH_MEMORY_MB = 15.0, 1_500.0
STEPS: dict[str, list[str]] = {
    "prepare": ["prepare", "composed", "--clips", "{clips}", "--out", "corpus", "--workers", "1"],
    "train": ["train", "student", "--corpus", "corpus", "--steps", "10", "--out", "student"],
    "flow": ["train", "flow", "--corpus", "corpus", "--steps", "10", "--out", "flow"],
    "generate": ["generate", "--model", "flow", "--n", "200", "--out", "made", "--workers", "1"],
    "score": ["score", "corpus", "made", "--out", "score", "--workers", "1"],
    "report": ["report", "score", "--out", "page.html"],
}


def prepare(folder: Path) -> None:
    """Nothing is shared by the cases."""


def case(seed: int, folder: Path, clips: int = CLIPS) -> Case:
    """Both sizes; the seconds and the memory of each step are filed in ``load-SEED.json``."""
    figures: dict[str, dict[str, tuple[float, float]]] = {}
    for size in (clips // 10, clips):
        place = folder / f"load-{size}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        figures[str(size)] = {}
        for step, command in STEPS.items():
            ended = run([it.format(clips=size) for it in command] + ["--seed", str(seed)], place, limit=4 * 3600)
            if ended.code != 0:
                return Case("load", str(size), seed, f"{step}: {ended.fault or ended.err.strip()[-300:]}")
            figures[str(size)][step] = round(ended.seconds, 1), round(ended.peak_mb)
            print(f"{size} clips, {step}: {ended.seconds:.1f} s, {ended.peak_mb:.0f} MB", flush=True)
        shutil.rmtree(place, ignore_errors=True)
    (folder / f"load-{seed}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    fault = None
    for step, (seconds, memory) in figures[str(clips)].items():
        small_seconds, small_memory = figures[str(clips // 10)][step]
        if seconds > GROWTH_TIME * max(small_seconds, 1.0):
            fault = f"{step}: {seconds:.0f} s for ten times the clips of {small_seconds:.0f} s"
        if memory - small_memory > GROWTH_MEMORY_MB:
            fault = f"{step}: {memory:.0f} MB for {small_memory:.0f} MB"
    return Case("load", str(clips), seed, fault)
