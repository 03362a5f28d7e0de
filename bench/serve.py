"""How fast the page of ``affetti serve`` answers: first sound after a click, a song's first point, many clients.

    python bench/serve.py [REGRESSOR] [--clients 100] [--seconds 60] [--song FILE]

The server runs on this machine with two workers, as by default. *Click*: from the request of an emotion to the last
byte of its sound, one after the other. *Song*: from the start of the upload to the first point of the curve, and to the
result, beside ``affetti.predict`` on the same file in this process. *Load*: clients that click as fast as they are
answered, and others that load static files; memory is that of the server's process before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

import affetti
from affetti.compose.curve import compose_along
from affetti.compose.renderer import render
from affetti.emotion import EmotionCurve
from affetti.signal import audio

CLICKS = 60


def click(client: httpx.Client, rng: np.random.Generator) -> float:
    """Seconds from a click to its sound; raises where the server fails in another way than being busy."""
    valence, arousal = rng.uniform(-0.9, 0.9, 2).round(2).tolist()
    start = time.perf_counter()
    body = {"curve": [{"time": 0, "valence": valence, "arousal": arousal}], "seed": int(rng.integers(1000))}
    answer = client.post("/api/v1/compose", json=body)
    if answer.status_code in (429, 503):
        return float("nan")
    answer.raise_for_status()
    client.get(answer.json()["sound"]["url"]).raise_for_status()
    return time.perf_counter() - start


def song(client: httpx.Client, content: bytes) -> tuple[float, float]:
    """Seconds from the start of an upload to the first point of its curve, and to its result."""
    start = time.perf_counter()
    job = client.post("/api/v1/predict", content=content).json()["job"]
    first = float("nan")
    with client.stream("GET", f"/api/v1/jobs/{job}/events") as events:
        for line in events.iter_lines():
            kind = json.loads(line.removeprefix("data: "))["type"] if line else None
            if kind == "points" and np.isnan(first):
                first = time.perf_counter() - start
            if kind == "error":
                raise SystemExit(line)
    return first, time.perf_counter() - start


def load(address: str, clients: int, seconds: float) -> tuple[int, int, list[float], list[str]]:
    """Clicks answered and refused as busy, seconds of static pages, and failures, with many clients at once."""
    until = time.perf_counter() + seconds
    lock, clicks, busy, pages, failures = threading.Lock(), [0], [0], list[float](), list[str]()

    def one(number: int) -> None:
        rng = np.random.default_rng(number)
        with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
            while time.perf_counter() < until:
                try:
                    start = time.perf_counter()
                    client.get("/static/main.js").raise_for_status()
                    page = time.perf_counter() - start
                    took = click(client, rng)
                    with lock:
                        pages.append(page)
                        (busy if np.isnan(took) else clicks)[0] += 1
                    if np.isnan(took):
                        time.sleep(2)
                except httpx.HTTPError as error:
                    with lock:
                        failures.append(repr(error))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clicks[0], busy[0], pages, failures


def resident(process: int) -> float:
    """Memory of a process, MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def three_minutes(folder: Path) -> Path:
    """A composed recording of three minutes, as MP3."""
    file = folder / "song.mp3"
    piece = render(compose_along(EmotionCurve((0.0, 180.0), ((-0.5, -0.3), (0.5, 0.4))), 180.0), 22_050)
    audio.save(file, piece, 22_050)
    return file


def measure_clicks(client: httpx.Client, rng: np.random.Generator) -> None:
    """Print the time from a click to its sound."""
    for _ in range(3):
        click(client, rng)
    times = sorted(click(client, rng) for _ in range(CLICKS))
    median, slowest = 1000 * statistics.median(times), 1000 * times[-1]
    print(f"click to sound, {CLICKS} clicks: median {median:.0f} ms, slowest {slowest:.0f} ms")


def measure_song(client: httpx.Client, regressor: Path, given: Path | None) -> None:
    """Print the time to a recording's first point and to its result, beside ``affetti.predict``."""
    with tempfile.TemporaryDirectory() as folder:
        file = given or three_minutes(Path(folder))
        affetti.predict(regressor, file)
        start = time.perf_counter()
        affetti.predict(regressor, file)
        alone = time.perf_counter() - start
        song(client, file.read_bytes())
        first, whole = song(client, file.read_bytes())
    ratio = whole / alone
    print(f"{file.name}: first point {first:.2f} s, whole {whole:.2f} s, {ratio:.2f} x predict ({alone:.2f} s)")


def measure_load(address: str, process: int, clients: int, seconds: float) -> None:
    """Print what many clients at once are answered, and what it does to the server's memory."""
    before = resident(process)
    clicks, busy, pages, failures = load(address, clients, seconds)
    slow = 1000 * float(np.quantile(pages, 0.99))
    print(f"{clients} clients for {seconds:g} s: {clicks} sounds, {busy} times busy, {len(failures)} failures")
    print(f"static pages p99 {slow:.0f} ms; memory of the server {before:.0f}, then {resident(process):.0f} MiB")
    for failure in failures[:5]:
        print("  ", failure)


def small_student(folder: Path) -> Path:
    """A student whose size is that of any, trained for a moment."""
    affetti.prepare("composed", folder / "corpus", clips=160, folds=2)
    affetti.train("student", folder / "corpus", folder / "student", steps=20)
    return folder / "student"


def measure(arguments: argparse.Namespace, regressor: Path) -> None:
    """Start a server, and print all of it."""
    command = [sys.executable, "-m", "affetti", "serve", "--port", "0", "--regressor", str(regressor)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    started = time.perf_counter()
    address = (server.stdout or sys.stdin).readline().strip()
    rng = np.random.default_rng(0)
    try:
        with httpx.Client(base_url=address, timeout=300, trust_env=False) as client:
            click(client, rng)
            print(f"first sound after the start: {time.perf_counter() - started:.1f} s")
            measure_clicks(client, rng)
            measure_song(client, regressor, arguments.song)
        measure_load(address, server.pid, arguments.clients, arguments.seconds)
    finally:
        server.terminate()
        server.wait(60)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regressor", type=Path, nargs="?", help="run of a regressor; by default a student of 20 steps")
    parser.add_argument("--song", type=Path, help="a recording; by default three composed minutes as MP3")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments, arguments.regressor or small_student(Path(folder)))


if __name__ == "__main__":
    main()
