"""How long ``affetti --help`` takes, against a bare Python and one that imports torch: medians over processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7


def seconds(*arguments: str) -> float:
    """Median wall time of ``python *arguments``."""
    times: list[float] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    bare = seconds("-c", "pass")
    rows = {"python -c pass": bare, "affetti --help": seconds("-m", "affetti", "--help")}
    rows["affetti train --help"] = seconds("-m", "affetti", "train", "--help")
    rows["python -c 'import torch'"] = seconds("-c", "import torch")
    for name, value in rows.items():
        print(f"{name:<28}{value:8.3f} s {value / bare:8.1f} × a bare Python")
