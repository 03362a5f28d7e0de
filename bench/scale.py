"""Overhead of the engines against local processes, and the memory of the command, by the number and length of ranges.

    python bench/scale.py                  # 30 ranges of 2 s, 2 workers, each engine
    python bench/scale.py --ranges 10000 --seconds 0.01 --engines ray

A range waits, so that what is measured is the engine and not the processor; the start of a cluster is listed apart.
Measure on a machine with nothing else to do. SLURM's engine runs here as submitit's local executor: its overhead is
that of starting Python and torch for each array task, without the queue of a site.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from affetti.execution import Engine, LocalEngine, RayEngine, ShardTask, SlurmEngine, executor

ENGINES: dict[str, Engine] = {"local": LocalEngine(), "ray": RayEngine(), "slurm": SlurmEngine(cluster="local")}


@dataclass(frozen=True)
class Wait(ShardTask):
    """Waits, and files an empty result."""

    folder: Path
    seconds: float

    def shard(self, start: int, stop: int) -> Path:
        """The file of the range."""
        return self.folder / f"{start}-{stop}"

    def __call__(self, start: int, stop: int) -> None:
        """Wait."""
        time.sleep(self.seconds)
        self.shard(start, stop).touch()


def measure(engine: Engine, ranges: int, seconds: float, workers: int) -> tuple[float, float]:
    """Seconds of one range, which holds the start of the engine, and of all ranges after it."""
    runner = executor(engine, workers)
    with tempfile.TemporaryDirectory() as folder:
        task = Wait(Path(folder), seconds)
        began = time.monotonic()
        runner.map_ranges(task, 1, 1)
        started = time.monotonic()
        runner.map_ranges(task, ranges + 1, 1)
        return started - began, time.monotonic() - started


def main() -> None:
    """Print a row for each engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranges", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES))
    given = parser.parse_args()
    ideal = given.ranges * given.seconds / given.workers
    print(f"{given.ranges} ranges of {given.seconds:g} s, {given.workers} workers: {ideal:.1f} s at best")
    print("engine   first range   all others   overhead   largest memory of the command")
    for name in given.engines:
        first, rest = measure(ENGINES[name], given.ranges, given.seconds, given.workers)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name:<8} {first:9.1f} s {rest:11.1f} s {rest / ideal - 1:9.1%} {memory:12.0f} MB")


if __name__ == "__main__":
    main()
