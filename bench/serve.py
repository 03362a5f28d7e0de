"""How fast the page of ``affetti serve`` answers: first sound after a click, a song's first point, many clients.

    python bench/serve.py [REGRESSOR] [--clients 100] [--seconds 60] [--minutes 10] [--song FILE]
    python bench/serve.py --only memory --pause 1

The server runs on this machine with two workers, as by default. *Click*: from the request of an emotion to the last
byte of its sound, one after the other. *Song*: from the start of the upload to the first point of the curve, and to the
result, beside ``affetti.predict`` on the same file in this process with one thread, as a worker has. *Load*: clients of
a process of their own, of a low priority, click as fast as they are answered and wait two seconds where they are told
that the server is busy; this process loads static files 25 times a second. *Memory*: what the server's process and its
workers have taken for themselves, every ten seconds, while four clients click and this process sends a recording every
minute; its slope from the second minute on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import numpy as np
import torch

import affetti
from affetti.compose.curve import compose_along
from affetti.compose.renderer import render
from affetti.emotion import EmotionCurve
from affetti.signal import audio

CLICKS, SONGS = 60, 9


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


async def keep_clicking(client: httpx.AsyncClient, number: int, until: float, pause: float, answers: Answers) -> None:
    """Click until it is time; ``answers`` counts."""
    rng = np.random.default_rng(number)
    while time.perf_counter() < until:
        valence, arousal = rng.uniform(-0.9, 0.9, 2).round(2).tolist()
        body = {"curve": [{"time": 0, "valence": valence, "arousal": arousal}], "seed": int(rng.integers(1000))}
        try:
            answer = await client.post("/api/v1/compose", json=body)
            if answer.status_code in (429, 503):
                answers.busy += 1
                await asyncio.sleep(2)
                continue
            answer.raise_for_status()
            (await client.get(answer.json()["sound"]["url"])).raise_for_status()
            answers.sounds += 1
        except httpx.HTTPError as error:
            answers.failures.append(repr(error))
        await asyncio.sleep(pause)


@dataclass
class Answers:
    """What clients were answered."""

    sounds: int = 0
    busy: int = 0
    failures: list[str] = field(default_factory=list[str])


def click_together(address: str, clients: int, seconds: float, pause: float, sent: Connection) -> None:
    """Clients that click at once, in a process of their own; the answers are sent to the other end."""
    os.nice(10)

    async def run() -> Answers:
        answers, until = Answers(), time.perf_counter() + seconds
        limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
        async with httpx.AsyncClient(base_url=address, timeout=120, trust_env=False, limits=limits) as client:
            await asyncio.gather(*(keep_clicking(client, i, until, pause, answers) for i in range(clients)))
        return answers

    sent.send(asyncio.run(run()))


@contextmanager
def clicking(address: str, clients: int, seconds: float, pause: float = 0.0) -> Generator[Callable[[], Answers]]:
    """Clients click meanwhile; gives a function that waits for their answers."""
    context = multiprocessing.get_context("spawn")
    received, sent = context.Pipe(duplex=False)
    process = context.Process(target=click_together, args=(address, clients, seconds, pause, sent))
    process.start()
    yield received.recv
    process.join()


def pages(address: str, seconds: float) -> list[float]:
    """Seconds that each of static pages took, 25 of them a second, over one connection."""
    until, times = time.perf_counter() + seconds, list[float]()
    with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
        while time.perf_counter() < until:
            start = time.perf_counter()
            client.get("/static/main.js").raise_for_status()
            times.append(time.perf_counter() - start)
            time.sleep(0.04)
    return times


def memory_of(process: int) -> float:
    """Memory that a process has taken for itself, in use or swapped out, MiB; not the files that it maps."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "VmSwap")) / 2**10


def workers_of(process: int) -> float:
    """Memory of its child processes together, MiB."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return sum(memory_of(int(child)) for child in children)


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
        torch.set_num_threads(1)
        affetti.predict(regressor, file)
        song(client, file.read_bytes())
        alone: list[float] = []
        served: list[tuple[float, float]] = []
        for _ in range(SONGS):  # in turn, for both have the same machine then
            start = time.perf_counter()
            affetti.predict(regressor, file)
            alone.append(time.perf_counter() - start)
            served.append(song(client, file.read_bytes()))
    predicted = statistics.median(alone)
    first, whole = (statistics.median(times) for times in zip(*served, strict=True))
    print(f"{file.name}, median of {SONGS}: first point {first:.2f} s, whole {whole:.2f} s, ", end="")
    print(f"{whole / predicted:.2f} x predict ({predicted:.2f} s)")


def measure_load(address: str, clients: int, seconds: float) -> None:
    """Print what many clients at once are answered, and how long static pages take meanwhile."""
    with clicking(address, clients, seconds) as answered:
        times = pages(address, seconds)
        answers = answered()
    slow, usual = (1000 * float(np.quantile(times, share)) for share in (0.99, 0.5))
    print(f"{clients} clients for {seconds:g} s: {answers.sounds} sounds, {answers.busy} times busy, ", end="")
    print(f"{len(answers.failures)} failures; {len(times)} static pages: median {usual:.0f}, p99 {slow:.0f} ms")
    for failure in answers.failures[:5]:
        print("  ", failure)


def measure_memory(address: str, process: int, minutes: float, pause: float) -> None:
    """Print the memory of the server and of its workers over time, and its slope."""
    seconds, start, rows = 60 * minutes, time.perf_counter(), list[tuple[float, float, float]]()
    with tempfile.TemporaryDirectory() as folder, clicking(address, 4, seconds, pause) as answered:
        content = three_minutes(Path(folder)).read_bytes()
        with httpx.Client(base_url=address, timeout=600, trust_env=False) as client:
            while (passed := time.perf_counter() - start) < seconds:
                rows.append((passed / 60, memory_of(process), workers_of(process)))
                if len(rows) % 6 == 0:
                    song(client, content)
                time.sleep(max(0.0, start + 10 * len(rows) - time.perf_counter()))
        answers = answered()
    table = np.array(rows)
    late = table[table[:, 0] >= min(2.0, minutes / 2)]
    slopes = np.polyfit(late[:, 0], late[:, 1:], 1)[0]
    print(f"memory over {minutes:g} minutes, {answers.sounds} sounds, {len(answers.failures)} failures:")
    for name, column, slope in (("server", 1, slopes[0]), ("workers", 2, slopes[1])):
        values = f"{late[0, column]:.0f} MiB after {late[0, 0]:.0f} minutes, {late[-1, column]:.0f} at the end"
        print(f"  {name}: {values}, at most {table[:, column].max():.0f}; {slope:+.2f} MiB a minute")
    for failure in answers.failures[:5]:
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
    only = arguments.only
    try:
        with httpx.Client(base_url=address, timeout=300, trust_env=False) as client:
            click(client, rng)
            print(f"first sound after the start: {time.perf_counter() - started:.1f} s")
            if only in (None, "click"):
                measure_clicks(client, rng)
            if only in (None, "song"):
                measure_song(client, regressor, arguments.song)
        if only in (None, "load"):
            measure_load(address, arguments.clients, arguments.seconds)
        if only in (None, "memory"):
            measure_memory(address, server.pid, arguments.minutes, arguments.pause)
    finally:
        server.terminate()
        server.wait(60)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regressor", type=Path, nargs="?", help="run of a regressor; by default a student of 20 steps")
    parser.add_argument("--song", type=Path, help="a recording; by default three composed minutes as MP3")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60, help="of the load")
    parser.add_argument("--minutes", type=float, default=10, help="of the memory")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between a client's clicks, of the memory")
    parser.add_argument("--only", choices=("click", "song", "load", "memory"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments, arguments.regressor or small_student(Path(folder)))


if __name__ == "__main__":
    main()
