"""Reading one clip on one core: latency, real-time factor and memory of teacher, student and exported student.

From a waveform of one clip to valence and arousal, front-end included, at the presets ``paper`` (30 s) and ``tiny``
(5.9 s); weights are random, which does not change the time. Each model runs in a process of its own, on one thread of
one core: medians over repeated clips of the processor's time, which is the latency where nothing else runs there and
does not count the waiting where something does. Memory is the peak of the process above what it held before the model
was loaded.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MODELS: dict[str, tuple[str, dict[str, Any], str]] = {
    "teacher": ("vit", {}, "torch"),
    "ViT-B/16, 224 × 224": ("vit", {"input": "resized", "width": 768, "layers": 12, "heads": 12}, "torch"),
    "student": ("student", {}, "torch"),
    "student, ONNX": ("student", {}, "onnx"),
}
RIVALS = ("teacher", "ViT-B/16, 224 × 224")
"""Models that the others are compared with: the teacher at its own shape, and the study's way."""
PRESETS = ("paper", "tiny")


def run(folder: Path, kind: str, preset: str, settings: dict[str, Any]) -> Path:
    """A run of random weights."""
    import numpy as np

    from affetti import config
    from affetti.models.generators.conditioning import Fields
    from affetti.presets import front_end
    from affetti.training import run as runs
    from affetti.training.run_meta import RunMeta, TrainingCorpus
    from affetti.training.text_embedders import HASHED

    front = front_end(preset)
    model = runs.make(kind, front.shape, settings).eval()
    meta = RunMeta(
        kind=kind,
        config=config.unstructure(model.config),
        fields=Fields(),
        text=HASHED,
        front_end=front,
        preset=preset,
        corpus=TrainingCorpus(),
        fold=0,
        training_clips_hash="",
        songs=(),
    )
    runs.save(folder / "run", model, np.zeros((1, 2)), meta)
    return folder / "run"


def measure(folder: Path, runtime: str) -> dict[str, float]:
    """Seconds a clip, seconds of its front-end, parameters, memory."""
    import numpy as np
    import torch

    from affetti.inference.window_regressors import open_regressor

    torch.set_num_threads(1)
    before = resident()
    regressor = open_regressor(folder, runtime)
    front = regressor.front_end
    sound = (0.1 * np.random.default_rng(0).normal(size=(1, front.samples))).astype(np.float32)
    times: list[float] = []
    while len(times) < 3 or (sum(times) < 8 and len(times) < 50):
        began = time.process_time()
        regressor.predict(sound)
        times.append(time.process_time() - began)
    return {"seconds": statistics.median(times[1:]), "clip": front.seconds, "memory": (peak() - before) / 1e6}


def resident() -> float:
    """Bytes held now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak() -> float:
    """Most bytes held so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def prepare(folder: Path, name: str, preset: str) -> dict[str, Any]:
    """Write the model; the path to it and its size."""
    from affetti.inference.export import export_run
    from affetti.training import run as runs

    kind, settings, runtime = MODELS[name]
    path = run(folder, kind, preset, settings)
    size = sum(value.numel() for value in runs.load(path).model.parameters())
    if runtime == "onnx":
        export_run(path, folder / "model.onnx")
        path = folder / "model.onnx"
    return {"path": str(path), "parameters": size, "runtime": runtime}


def run_in_process(*arguments: str) -> dict[str, Any]:
    """What this script says of one step, in a process of its own."""
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, env=os.environ | threads
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    print("| preset | model | parameters | ms a clip | × real time | × the teacher | × ViT-B at 224 × 224 | MB |")
    print("|---|---|---|---|---|---|---|---|")
    for preset in PRESETS:
        models: dict[str, dict[str, Any]] = {}
        for name in MODELS:
            with tempfile.TemporaryDirectory() as folder:
                model = run_in_process("prepare", folder, name, preset)
                models[name] = model | run_in_process("measure", model["path"], model["runtime"])
        for name, result in models.items():
            cells = [preset, name, f"{result['parameters']:,}", f"{1000 * result['seconds']:.1f}"]
            cells += [f"{result['clip'] / result['seconds']:.0f}"]
            cells += [f"{models[rival]['seconds'] / result['seconds']:.1f}" for rival in RIVALS]
            print(f"| {' | '.join(cells)} | {result['memory']:.0f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        print(json.dumps(prepare(Path(sys.argv[2]), sys.argv[3], sys.argv[4])))
    elif sys.argv[1:2] == ["measure"]:
        # One thread for ONNX Runtime too: affinity to one core says so to every library.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(json.dumps(measure(Path(sys.argv[2]), sys.argv[3])))
    else:
        main()
