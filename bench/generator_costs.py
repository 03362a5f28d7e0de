"""What a second of sound costs by each generator, way from log-mel to sound included.

    python bench/generator_costs.py RUNS [--vocoder RUN]

RUNS is a folder of runs at one front-end, such as ``bench/generators.py`` writes: the first of each family counts.
Eight clips at once on one thread, medians of eight timings after one that does not count, in CPU seconds for each
second of sound. Clips of generators of log-mels go through Griffin-Lim (32 iterations, the run's own mel inverse), and
through the head of ``--vocoder``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from affetti.inference.run_vocoder import RunVocoder
from affetti.signal.vocoder import GriffinLim, Vocoder
from affetti.training import run as runs

CLIPS, TIMINGS = 8, 8


def cost(work: Callable[[int], object], seconds: float) -> float:
    """Median CPU seconds of ``work(number)`` for each of ``seconds``."""
    taken: list[float] = []
    for number in range(1 + TIMINGS):
        began = time.process_time()
        work(number)
        taken.append(time.process_time() - began)
    return float(np.median(taken[1:])) / seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--vocoder", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    trained: dict[str, runs.TrainedModel] = {}
    for path in sorted(given.runs.glob("*/model.json")):
        run = runs.load(path.parent)
        if run.kind in runs.GENERATORS:
            trained.setdefault(run.kind, run)
    print("| generator | sampling | with sound | way to sound |\n|---|---|---|---|")
    for kind, run in trained.items():
        front, model = run.front_end, run.generator
        seconds = CLIPS * front.seconds
        sampling = cost(lambda seed, model=model: model.sample(torch.zeros(CLIPS, 2), seed), seconds)
        if model.makes_sound:
            print(f"| {kind} | {sampling:.4f} | {sampling:.4f} | its own |", flush=True)
            continue
        ways: dict[str, Vocoder] = {"Griffin-Lim": GriffinLim(front, run.inverse)}
        if given.vocoder is not None:
            ways[f"head of {given.vocoder.name}"] = RunVocoder(given.vocoder, front)
        mels = model.sample(torch.zeros(CLIPS, 2), 0)
        for name, vocoder in ways.items():
            sound = cost(lambda _, vocoder=vocoder, mels=mels: [vocoder(mel) for mel in mels], seconds)
            print(f"| {kind} | {sampling:.4f} | {sampling + sound:.4f} | {name} |", flush=True)


if __name__ == "__main__":
    main()
