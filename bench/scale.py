"""Engines at scale: overhead against local processes, memory of the command, and what 10⁶ clips take on paper.

    python bench/scale.py                  # 30 ranges of 2 s, 2 workers, each engine
    python bench/scale.py --ranges 10000 --seconds 0.01 --engines local ray
    python bench/scale.py --memory         # memory of the command for 10³, 10⁴ and 10⁵ rows, 8 in each range
    python bench/scale.py --estimate       # preparing 10⁶ clips of 30 s on 8, 64 and 512 cores

A range waits, so that what is measured is the engine and not the processor; the start of a cluster is listed apart.
Measure on a machine with nothing else to do. SLURM's engine runs here as submitit's local executor: its overhead is
that of starting Python and torch for each array task, without the queue of a site.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from affetti.execution import Engine, LocalEngine, RayEngine, ShardTask, SlurmEngine, executor
from affetti.storage import format_bytes

ENGINES: dict[str, Engine] = {"local": LocalEngine(), "ray": RayEngine(), "slurm": SlurmEngine(cluster="local")}
ROWS = (1_000, 10_000, 100_000)
CLIPS = 1_000_000
CORES = (8, 64, 512)
MP3_SECONDS = 0.030
"""A 30 s MP3 to a log-mel on one thread: two thirds of the 45.5 ms that a 45 s one takes (bench/prepare.py)."""
MP3_BYTES = 480_000
"""30 s at 128 kbit/s."""
MEL_BYTES = 2 * 128 * 1_292
DISK = 500e6
"""Bytes a second that one stream of a shared file system is taken to read or write."""
NETWORK = 5e9
"""Bytes a second of that file system to all nodes together."""
PROFILE_SECONDS = 0.0012
"""The profile of a clip of 128 × 1,292, by which near duplicates are looked for, on one thread."""
PAIR_SECONDS = 1.3e-8
"""A distance of two profiles of 256 numbers, one thread: scikit-learn's brute force."""


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


def peak_memory() -> float:
    """Largest resident memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report_overhead(engines: list[str], ranges: int, seconds: float, workers: int) -> None:
    """Print a row for each engine."""
    ideal = ranges * seconds / workers
    print(f"{ranges} ranges of {seconds:g} s, {workers} workers: {ideal:.1f} s at best")
    print("engine   first range   all others   overhead   largest memory of the command")
    for name in engines:
        first, rest = measure(ENGINES[name], ranges, seconds, workers)
        print(f"{name:<8} {first:9.1f} s {rest:11.1f} s {rest / ideal - 1:9.1%} {peak_memory():12.0f} MB")


def report_memory(engines: list[str], workers: int) -> None:
    """Print a row for each number of rows, each measured in a process of its own."""
    print("engine   rows      largest memory of the command")
    for name in engines:
        for rows in ROWS:
            command = [sys.executable, __file__, "--engines", name, "--workers", str(workers), "--rows", str(rows)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"{name:<8} {rows:>7,} {float(ran.stdout.split()[-1]):10.0f} MB")


def map_rows(name: str, rows: int, workers: int) -> None:
    """Print the largest memory of a command that maps a task over so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        executor(ENGINES[name], workers).map_ranges(Wait(Path(folder), 0.0), rows, 8)
    print(peak_memory())


def report_estimate() -> None:
    """Print what preparing 10⁶ clips takes on paper."""
    read, shards, joined = CLIPS * MP3_BYTES, CLIPS * MEL_BYTES, CLIPS * MEL_BYTES
    print(
        f"prepare {CLIPS:,} MP3s of 30 s at paper: reads {format_bytes(read)}, writes {format_bytes(shards)} of shards"
    )
    print(f"and, joined, {format_bytes(joined)} again; the shards are removed at the end")
    print("cores   decode and log-mel   file system, all nodes   join, one stream   profiles, cores of one node")
    for cores in CORES:
        decode = CLIPS * MP3_SECONDS / cores
        traffic = (read + shards) / NETWORK
        join = (shards + joined) / DISK
        profiles = CLIPS * PROFILE_SECONDS / min(cores, 64)
        print(f"{cores:>5} {hours(decode):>20} {hours(traffic):>24} {hours(join):>18} {hours(profiles):>20}")
    print(f"near duplicates, all pairs of profiles on one thread: {hours(CLIPS**2 * PAIR_SECONDS)}")


def hours(seconds: float) -> str:
    """A time for people."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def main() -> None:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranges", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--estimate", action="store_true")
    parser.add_argument("--rows", type=int)
    given = parser.parse_args()
    if given.estimate:
        report_estimate()
    elif given.memory:
        report_memory(given.engines, given.workers)
    elif given.rows is not None:
        map_rows(given.engines[0], given.rows, given.workers)
    else:
        report_overhead(given.engines, given.ranges, given.seconds, given.workers)


if __name__ == "__main__":
    main()
