"""Robots that take part in a listening study over HTTP, and a server that can be killed: for a bench and the tests.

A robot does what the page does: it draws a key, consents, and sends each answer until the server acknowledges it, to
whatever server there is. Some answers it sends twice at once, as a double click does; after some it sends another
answer to the same trial, which must not count.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from affetti.signal.audio import file_sha256
from affetti.studies.listening.ratings import FILE
from affetti.studies.listening.study import ANCHORS, PLANE, QUALITY, REFERENCE, Clip, Study, Task
from affetti.web.listening import serve

RATE = 16_000
START_SECONDS = 120.0
"""Time that a server may take to start on a busy machine."""
RETRY_SECONDS = 0.05
TWICE, LATE = 0.2, 0.1
"""Shares of the answers that are sent twice at once, and of those that are followed by another answer."""


def make_study(
    folder: Path, task: Task, conditions: int = 3, seconds: float = 0.4, practice: bool = True, **changes: Any
) -> Study:
    """File a study of tones: of two systems, or (``mushra``) of a reference, two anchors and a vocoder."""
    systems = (REFERENCE, *ANCHORS, "vocoder") if task == "mushra" else ("real", "flow")
    clips: list[Clip] = []
    for condition in (*(f"song{i}" for i in range(conditions)), *(["practice"] if practice else [])):
        for system in systems:
            name = f"c{len(clips):03d}"
            file = folder / "clips" / f"{name}.flac"
            file.parent.mkdir(parents=True, exist_ok=True)
            moments = np.arange(round(RATE * seconds)) / RATE
            swell = np.sin(np.pi * moments / seconds)
            soundfile.write(file, 0.2 * swell * np.sin(2 * np.pi * (200 + 30 * len(clips)) * moments), RATE)
            clips.append(Clip(name, condition, system, f"clips/{name}.flac", file_sha256(file), 0.5, 0.5))
    counted = tuple(clip for clip in clips if clip.condition != "practice")
    rated = task == "rate"
    for_practice = tuple(clips[len(counted) :][: 1 if rated else None])
    scales = (*PLANE, QUALITY) if rated else ()
    study = Study(task, conditions, counted, scales, rated, for_practice, completion_code="MUSIC-42")
    study = replace(study, **changes)
    study.save(folder)
    return study


def _serve(folder: Path, connection: Connection) -> None:
    serve.run(folder, port=0, on_addresses=connection.send)


class StudyServer:
    """A server in a process of its own, which starts again after it was killed, each time on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._context = multiprocessing.get_context("forkserver")  # a restart imports nothing
        self._context.set_forkserver_preload([serve.__name__])
        self.addresses = serve.StudyAddresses("", "")
        self.start()

    def start(self) -> None:
        """Start, and wait until it can be reached."""
        receiver, sender = self._context.Pipe(duplex=False)
        self._process = self._context.Process(target=_serve, args=(self.folder, sender), daemon=True)
        self._process.start()
        sender.close()
        if not receiver.poll(START_SECONDS):
            raise SystemExit("the server does not start")
        self.addresses = receiver.recv()

    def kill(self) -> None:
        """End it by SIGKILL, whatever it does."""
        self._process.kill()
        self._process.join()

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self._process.terminate()
        self._process.join(START_SECONDS)


@dataclass
class Robot:
    """A listener."""

    server: StudyServer
    rng: np.random.Generator
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    acknowledged: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    """Answers by trial that the server said it has stored."""
    seconds: list[float] = field(default_factory=list[float])
    """From each answer to its acknowledgement, where the server was there all the time."""

    async def take_part(self, client: httpx.AsyncClient) -> str:
        """Answer every trial; returns the completion code."""
        state = await self._send(client, "POST", "listener", {"consent": True})
        while state["trial"] is not None:
            trial = state["trial"]
            body = {"trial": trial["id"], "answer": self.answer(trial), "heard": _all_heard(trial), "seconds": 1.5}
            state = await self._answer(client, int(trial["id"]), body)
        return state["code"]

    async def _answer(self, client: httpx.AsyncClient, number: int, body: dict[str, Any]) -> dict[str, Any]:
        times = 2 if self.rng.random() < TWICE else 1
        states = await asyncio.gather(*(self._send(client, "POST", "listener/answers", body) for _ in range(times)))
        self.acknowledged[number] = body["answer"]
        if self.rng.random() < LATE:
            other = dict.fromkeys(body["answer"], 1.0)
            await self._send(client, "POST", "listener/answers", body | {"answer": other})
        return states[0]

    async def _send(self, client: httpx.AsyncClient, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request until a server answers it."""
        began, first = time.perf_counter(), True
        while True:
            try:
                address = f"{self.server.addresses.listeners}api/v1/{path}"
                answer = await client.request(method, address, json=body, headers={"x-listener": self.key})
                if answer.status_code < 500:
                    answer.raise_for_status()
                    if first:
                        self.seconds.append(time.perf_counter() - began)
                    return answer.json()
            except httpx.TransportError:
                pass
            first = False
            await asyncio.sleep(RETRY_SECONDS)

    def answer(self, trial: Mapping[str, Any]) -> dict[str, float]:
        """Any answer that the trial takes."""
        if trial["task"] == "rate":
            return {scale["name"]: self._point(scale) for scale in trial["scales"]}
        if trial["task"] == "mushra":
            return {sound["id"]: float(self.rng.integers(101)) for sound in trial["sounds"]}
        return {"choice": float(self.rng.integers(len(trial["sounds"])))}

    def _point(self, scale: Mapping[str, Any]) -> float:
        if scale["step"]:
            return float(scale["low"] + scale["step"] * self.rng.integers(scale["points"]))
        return round(float(self.rng.uniform(scale["low"], scale["high"])), 2)


def _all_heard(trial: Mapping[str, Any]) -> dict[str, float]:
    reference = [trial["reference"]] if trial["reference"] else []
    return {sound["id"]: 1.0 for sound in [*reference, *trial["sounds"]]}


@dataclass(frozen=True)
class RobotStudy:
    """What became of a study that robots took part in."""

    robots: list[Robot]
    kills: int
    seconds: float

    def wrong(self, folder: Path) -> list[str]:
        """What the store of the study holds otherwise than the robots were told, a line each."""
        with sqlite3.connect(folder / FILE) as sql:
            rows = sql.execute(
                "select token, trial, answer from answer join listener on listener.id = answer.listener"
            ).fetchall()
            (listeners,) = sql.execute("select count(*) from listener").fetchone()
        stored = {(token, trial): json.loads(answer) for token, trial, answer in rows}
        expected = {
            (hashlib.sha256(robot.key.encode()).hexdigest(), trial): answer
            for robot in self.robots
            for trial, answer in robot.acknowledged.items()
        }
        lines = [f"{len(rows)} rows of {len(stored)} answers"] if len(rows) != len(stored) else []
        lines += [f"{listeners} listeners of {len(self.robots)}"] if listeners != len(self.robots) else []
        lines += [f"trial {key[1]} is lost" for key in expected.keys() - stored.keys()]
        lines += [f"trial {key[1]} was never acknowledged" for key in stored.keys() - expected.keys()]
        return lines + [
            f"trial {key[1]} differs" for key in expected.keys() & stored.keys() if expected[key] != stored[key]
        ]


def run_robots(server: StudyServer, listeners: int, kills: int = 0, seed: int = 0) -> RobotStudy:
    """Have ``listeners`` robots take part at once, while the server is killed ``kills`` times at random."""
    rng = np.random.default_rng(seed)
    robots = [Robot(server, child) for child in rng.spawn(listeners)]
    began = time.perf_counter()
    killed = asyncio.run(_run(server, robots, kills, rng))
    return RobotStudy(robots, killed, time.perf_counter() - began)


async def _run(server: StudyServer, robots: list[Robot], kills: int, rng: np.random.Generator) -> int:
    limits = httpx.Limits(max_connections=len(robots))
    async with httpx.AsyncClient(timeout=60, trust_env=False, limits=limits) as client:
        tasks = [asyncio.ensure_future(robot.take_part(client)) for robot in robots]
        killed = 0
        while killed < kills and not all(task.done() for task in tasks):
            await asyncio.sleep(float(rng.exponential(0.15)))
            server.kill()
            await asyncio.to_thread(server.start)
            killed += 1
        codes = await asyncio.gather(*tasks)
    if set(codes) != {"MUSIC-42"}:
        raise SystemExit(f"completion codes {set(codes)}")
    return killed
