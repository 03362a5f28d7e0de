"""What an update of full-size networks takes at ``paper`` on one thread: seconds, memory, what two hours would give.

On 60 composed clips (a corpus is made where FOLDER has none) each model is trained on fold 0 by ``affetti.train`` in a
process of its own, for one update to warm up and ``--updates`` that are timed (processor time, median). The student
learns from the ViT of the same folder. Nothing is learned in so few
updates: this is what training costs, and says nothing of how good a model becomes. Memory is the peak of the process
while it trains, the interpreter and torch included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from affetti import api

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("vit", {}),
    "student": ("student", {}),
    "gan-published": ("gan", {"recipe": "published"}),
    "gan": ("gan", {}),
    "flow": ("flow", {}),
}
TEACHER = "vit"
CLIPS = 60
HOURS = 2
"""What the updates are counted for."""


class Clock:
    """Notes the processor's time at each update, and the memory at the last."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.memory = 0

    def __call__(self, stage: str, done: int, of: int) -> None:  # noqa: ARG002
        """What training calls with its progress."""
        if stage.startswith("train"):
            self.times.append(time.process_time())
            self.memory = peak()


def peak() -> int:
    """Most bytes held so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def measure(
    name: str, corpus: Path, out: Path, updates: int, batch_size: int | None, teacher: Path | None
) -> dict[str, Any]:
    """Train a model for some updates."""
    import torch

    from affetti.corpus import Corpus
    from affetti.training import run as runs
    from affetti.training.registry import family

    torch.set_num_threads(1)
    kind, settings = MODELS[name]
    clock = Clock()
    budget = family(kind).budget(Corpus.open(corpus).meta["preset"])
    batch_size = batch_size or budget.batch_size
    api.train.run(
        kind,
        corpus,
        out,
        steps=1 + updates,
        batch_size=batch_size,
        settings=settings,
        teacher=teacher,
        checkpoint_every=10**6,
        progress=clock,
    )
    weights = sum(value.numel() for value in runs.load(out).model.parameters())
    each = [after - before for before, after in zip(clock.times[1:], clock.times[2:], strict=False)]
    return {
        "weights": weights,
        "batch": batch_size,
        "clips": budget.steps * budget.batch_size,
        "budget": f"{budget.steps:,} updates of {budget.batch_size}",
        "seconds": statistics.median(each),
        "range": [min(each), max(each)],
        "memory": clock.memory / 1e9,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("full-size"))
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument(
        "--batch-size", type=int, help="clips an update; that of the default budget where it is left out"
    )
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=["vit", "student", "gan-published"])
    parser.add_argument("--only", choices=tuple(MODELS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    corpus, vit = given.folder / "corpus", given.folder / TEACHER
    if given.only:
        teacher = vit if given.only == "student" and vit.is_dir() else None
        print(
            json.dumps(measure(given.only, corpus, given.folder / given.only, given.updates, given.batch_size, teacher))
        )
        return
    if not (corpus / "corpus.json").is_file():
        api.prepare.run("composed", corpus, preset="paper", clips=CLIPS)
    print("| model | weights | clips an update | CPU seconds an update | memory, GB | default budget | two hours |")
    print("|---|---|---|---|---|---|---|")
    for name in given.models:
        command = [sys.executable, __file__, "--folder", str(given.folder), "--only", name]
        command += ["--updates", str(given.updates)]
        command += [] if given.batch_size is None else ["--batch-size", str(given.batch_size)]
        threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | threads)
        result = json.loads(done.stdout.splitlines()[-1])
        taken, (low, high) = result["seconds"], result["range"]
        title = f"{name}, taught by {TEACHER}" if name == "student" and vit.is_dir() else name
        cells = [title, f"{result['weights']:,}", str(result["batch"]), f"{taken:.2f} [{low:.2f}, {high:.2f}]"]
        hours = result["clips"] * taken / result["batch"] / 3600
        cells += [f"{result['memory']:.1f}", f"{result['budget']}, {hours:,.0f} hours"]
        cells += [f"{HOURS * 3600 / taken:,.0f} updates"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
