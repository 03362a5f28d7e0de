"""What generators cost: seconds of sampling for a second of sound, and multiples of what the reference takes.

Clips are sampled in one batch, several times after a first that does not count. When not to use: to compare machines,
or timings that were taken beside other work; training times are those of the runs, whose budgets differ.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.presets import FrontEnd
from affetti.storage import read_json
from affetti.studies.audit.answer import Measurement
from affetti.training import run as runs
from affetti.training.registry import FAMILIES, REFERENCE_GENERATOR

TIMED_CLIPS, N_TIMINGS = 8, 8
"""Clips that sampling is timed on, and how often."""


def cost_measurements(front: FrontEnd, trained: Mapping[str, runs.TrainedModel]) -> list[Measurement]:
    """Time of sampling for a second of sound, and that of sampling and training as multiples of the reference's.

    Args:
        front: of their clips.
        trained: by the name of their family.
    """
    reference = REFERENCE_GENERATOR
    sampling = {kind: _sampling_times(run) for kind, run in trained.items()}
    absolute = [
        Measurement(
            f"seconds_{kind}",
            f"time of sampling a second of sound, {kind}",
            float(np.median(times)) / (TIMED_CLIPS * front.seconds),
            None,
            1,
            "machine",
            "s",
            f"on one machine, of {TIMED_CLIPS} clips at once"
            + ("" if FAMILIES[kind].sound else "; the way from a log-mel to sound is not in it"),
        )
        for kind, times in sampling.items()
    ]
    if reference not in trained:
        return absolute
    training = {kind: float(read_json(run.path / "result.json")["seconds"]) for kind, run in trained.items()}
    measurements = absolute
    for kind in trained:
        if kind == reference:
            continue
        times = sampling[kind][:, None] / sampling[reference][None]
        label = f"time of sampling, {kind} as a multiple of {reference}"
        ends = (float(times.min()), float(times.max()))
        note = "on one machine; the interval spans all pairs of timings"
        middle = float(np.median(times))
        measurements.append(Measurement(f"sampling_{kind}", label, middle, ends, 1, "machine", "times", note))
        if training[reference] > 0:
            label = f"time of training, {kind} as a multiple of {reference}"
            note = "as these two were trained: a matter of budgets"
            value = training[kind] / training[reference]
            measurements.append(Measurement(f"training_{kind}", label, value, None, 1, "runs", "times", note))
    return measurements


@torch.inference_mode()
def _sampling_times(trained: runs.TrainedModel) -> NDArray[np.float64]:
    """Seconds that :data:`TIMED_CLIPS` clips take, each of :data:`N_TIMINGS` times after the first."""
    taken: list[float] = []
    for seed in range(1 + N_TIMINGS):
        began = time.perf_counter()
        trained.generator.sample(torch.zeros(TIMED_CLIPS, 2), seed)
        taken.append(time.perf_counter() - began)
    return np.array(taken[1:])
