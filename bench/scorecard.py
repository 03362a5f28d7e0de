"""The whole scorecard at the study's size, from memory-mapped float16: memory, time, and that of reading the data once.

    python bench/scorecard.py [--preset tiny] [--folder /tmp/affetti-scorecard]

1,744 real clips of 128 × 1,292 against 3,200 synthetic ones, made up in the shape of music (bands that fall, levels
that wander, onsets), about 1.6 GB on disk; as many training clips as real ones, so that copies are looked for.
The scorecard runs in a process of its own, as ``affetti score REAL FAKE --train TRAIN --out CARD``, with an empty cache
of features. Pages of a memory-mapped file belong to the system's cache and are given back when memory is short; so both
are reported: the peak of resident memory (all pages) and that of anonymous memory (what the process cannot give back).
Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZES = {"paper": (1_744, 3_200, (128, 1_292)), "tiny": (400, 1_376, (64, 128))}
"""Real and synthetic clips, and the shape of a clip, by preset."""
ROWS = 16


def clip(rng: np.random.Generator, rough: float, shape: tuple[int, int]) -> NDArray[np.float16]:
    """One made-up log-mel in dB ``[M, F]``."""
    bands, frames = shape
    course = rng.normal(size=(12, frames)).cumsum(axis=1) * 0.5 * rough
    course -= course.mean(axis=1, keepdims=True)
    onsets = np.maximum.accumulate(np.where(rng.random(frames) < 0.04, np.arange(frames), 0))
    decay = -0.4 * (np.arange(frames) - onsets)
    weights = rng.normal(size=(bands, 12)) * 0.5
    tilt = np.linspace(-10, -60, bands) + rng.normal(0, 4) + np.cumsum(rng.normal(0, 0.6, bands))
    level = tilt[:, None] + weights @ course + decay + 3 * rng.normal(size=shape)
    return np.maximum(level, level.max() - 80).astype(np.float16)


def make(path: Path, clips: int, rough: float, seed: int, shape: tuple[int, int]) -> None:
    """Write an array of made-up clips, a few at a time."""
    rng = np.random.default_rng(seed)
    array = np.lib.format.open_memmap(path, "w+", np.float16, (clips, *shape))
    for row in range(clips):
        array[row] = clip(rng, rough, shape)
    array.flush()


def read_once(paths: list[Path]) -> float:
    """Seconds of processor time to read the arrays and sum them up in float32."""
    began = time.process_time()
    for path in paths:
        array = np.load(path, mmap_mode="r")
        for start in range(0, len(array), ROWS):
            np.asarray(array[start : start + ROWS], dtype=np.float32).sum()
    return time.process_time() - began


def memory(pid: int) -> dict[str, int]:
    """``VmHWM``, ``RssAnon``, ``RssFile`` of a process in bytes."""
    result: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmHWM", "RssAnon", "RssFile", "VmRSS"):
            result[name] = int(value.split()[0]) * 1024
    return result


def cpu_time(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Make the arrays, run the scorecard, watch its memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "affetti-scorecard")
    parser.add_argument("--keep", action="store_true", help="keep the two arrays")
    parser.add_argument("--preset", choices=SIZES, default="paper", help="front-end and number of clips")
    flags = parser.parse_args()
    n_real, n_fake, shape = SIZES[flags.preset]
    flags.folder.mkdir(parents=True, exist_ok=True)
    real, fake = flags.folder / "real.npy", flags.folder / "fake.npy"
    learnt = flags.folder / "train.npy"
    for path, clips, rough, seed in ((real, n_real, 1.0, 0), (fake, n_fake, 0.8, 1), (learnt, n_real, 1.0, 2)):
        if not path.exists():
            make(path, clips, rough, seed, shape)
    once = read_once([real, fake])
    environment = {**os.environ, "AFFETTI_CACHE": str(flags.folder / "cache"), "OMP_NUM_THREADS": "1"}
    shutil.rmtree(flags.folder / "cache", ignore_errors=True)
    command = [sys.executable, "-m", "affetti", "score", str(real), str(fake), "--json"]
    command += ["--train", str(learnt), "--out", str(flags.folder / "card")]
    began = time.perf_counter()
    peak: dict[str, int] = {}
    used = 0.0
    with (flags.folder / "card.json").open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out)
        while process.poll() is None:
            try:
                for name, value in memory(process.pid).items():
                    peak[name] = max(peak.get(name, 0), value)
                used = max(used, cpu_time(process.pid))
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.05)
    took = time.perf_counter() - began
    if process.wait() != 0:
        raise SystemExit("the scorecard failed")
    score = json.loads((flags.folder / "card.json").read_text())["quality"]["score"]
    size = sum(path.stat().st_size for path in (real, fake))
    times = f"{took:.0f} s ({used:.0f} s of processor time)"
    print(
        f"{n_real:,} real against {n_fake:,} synthetic clips of {shape[0]} × {shape[1]:,}, {size / 1e9:.2f} GB of "
        f"float16: {times}, peak of resident memory {peak['VmHWM'] / 1e9:.2f} GB, of anonymous memory "
        f"{peak['RssAnon'] / 1e9:.2f} GB; reading the data once {once:.1f} s of processor time (quality {score:.0f})"
    )
    if not flags.keep:
        shutil.rmtree(flags.folder)


if __name__ == "__main__":
    main()
