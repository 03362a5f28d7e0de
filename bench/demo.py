"""Time and memory of ``affetti demo`` by stage, on this machine, and what the demo's flow shows of its condition."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "demo"
        subprocess.run(
            [sys.executable, "-m", "affetti", "demo", "--out", str(out), "--json"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        result = json.loads((out / "result.json").read_text())
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    for stage, seconds in result["seconds"].items():
        print(f"{stage:<24}{seconds:8.1f} s")
    print(f"{'all':<24}{sum(result['seconds'].values()):8.1f} s, peak memory {result['peak_memory_gb']:.2f} GB")
    for kind, score in result["scores"].items():
        relative = score["relative"]["arousal"]
        described = (
            "not readable"
            if relative is None
            else f"slope {relative['slope']:.2f}, correlation {relative['correlation']:.2f}"
        )
        print(f"{kind}: quality {score['quality']:.0f}, arousal against real music: {described}")
