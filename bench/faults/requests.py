"""A page that strangers reach: a hundred random and hostile requests a case, beside a client that behaves.

No answer may hold a traceback or a path of this machine, the server may not die, its memory may not grow without end,
and the client that behaves must get its pages meanwhile, or 429 or 503.
"""

from __future__ import annotations

import atexit
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from faults import kills
from faults.case import Case
from faults.command import run
from serve import clicking

REQUESTS = 100
HONEST_SECONDS = 10.0
"""How long an honest client may wait for a page; long, as the hostile ones share its cores."""
LEAK = re.compile(r"Traceback|File \"|site-packages|/root/|/home/|/tmp/|\.py\b", re.IGNORECASE)
METHODS = ("GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW", "\x00")
HEADERS = ("Host", "Origin", "Cookie", "Content-Length", "Transfer-Encoding", "Content-Type", "Range", "Accept", "X-A")
HEADERS += ("Content-Encoding", "Expect", "Upgrade", "Connection", "If-None-Match", "Accept-Encoding", "Referer")
VALUES = (
    "",
    "a" * 9_000,
    "\xff\xfe",
    "-1",
    "1e9",
    "chunked",
    "gzip",
    "null",
    "evil.example",
    "bytes=0-,5-1,-99",
    "*/*",
)
VALUES += (
    "application/json",
    "multipart/form-data; boundary=",
    "100-continue",
    "websocket",
    "close",
    "\t",
    "0x10",
    "5, 6",
)
PIECES = (
    "..",
    "%2e%2e",
    "%00",
    "a" * 3_000,
    "static",
    "api",
    "v1",
    "etc",
    "passwd",
    "%252e",
    "\\",
    "jobs",
    "sounds",
    "é",
    "",
)
JSONS = (
    b"{",
    b"[" * 5_000,
    b"null",
    b'{"a":1e999}',
    b'{"curve":[]}',
    b'"\\ud800"',
    b"NaN",
    b"{}" * 1_000,
    b"\xff",
    b"",
)


@dataclass
class Server:
    """A server of the page, in a process of its own."""

    name: str
    arguments: tuple[str, ...]
    folder: Path
    log: Path = field(init=False)
    process: subprocess.Popen[str] = field(init=False)
    address: str = field(init=False)
    host: tuple[str, int] = field(init=False)
    routes: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / f"{self.name}.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "affetti", *self.arguments, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=self.log.open("w", encoding="utf-8"),
            text=True,
            cwd=self.folder,
        )
        atexit.register(self.process.terminate)
        line = self.process.stdout.readline() if self.process.stdout else ""
        found = re.search(r"http://([\d.]+):(\d+)", line)
        if found is None:
            raise SystemExit(f"the server did not start: {line} {self.log.read_text()}")
        self.host = (found[1], int(found[2]))
        self.address = f"http://{found[1]}:{found[2]}"
        self.routes = ["/", "/static/main.js", "/icon"]
        described = httpx.get(f"{self.address}/api/v1/openapi.json", timeout=30)
        if described.status_code == httpx.codes.OK:
            self.routes += [path if path.startswith("/api") else f"/api/v1{path}" for path in described.json()["paths"]]

    def memory_mb(self) -> float:
        """Memory of the server and its children, in MB."""
        total = 0
        for pid in (self.process.pid, *_children(self.process.pid)):
            try:
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                continue
        return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def _children(pid: int) -> list[int]:
    try:
        return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


LISTENING = ("/study", "/listener", "/listener/headphones", "/listener/answers", "/sounds/{trial}/{sound}")
LISTENING += ("/research/progress", "/research/ratings.csv")
_servers: dict[str, Server] = {}


def prepare(folder: Path) -> None:
    """Start the page that plays and predicts, and a listening study."""
    kills.prepare(folder)
    if not (folder / "study").exists():
        clips = ["--clips", f"real={kills.CORPUS}", f"flow={kills.MADE}"]
        made = run(["listen", "new", "study", *clips, "--clips-per-condition", "6", "--per-listener", "8"], folder)
        if made.code != 0:
            raise SystemExit(f"affetti listen new: {made.err}")
    _servers["serve"] = Server("serve", ("serve",), folder)
    _servers["listen"] = Server("listen", ("listen", "serve", "study"), folder)
    _servers["listen"].routes += [f"/api/v1{path}" for path in LISTENING]


@contextmanager
def beside(clients: int, seconds: float) -> Generator[None]:
    """Clients that click on the page of ``serve`` as fast as they are answered; prints what they were answered.

    Their requests end with ``seconds``, or a little later.
    """
    server = _servers["serve"]
    rows = [server.memory_mb()]
    with clicking(server.address, clients, seconds) as answered:
        yield
        rows.append(server.memory_mb())
        answers = answered()
    rows.append(server.memory_mb())
    print(f"{clients} clients for {seconds:g} s: {answers.sounds} sounds, {answers.busy} times busy, ", end="")
    print(f"{len(answers.failures)} failures {answers.failures[:3]}; the server and its workers held ", end="")
    print(f"{', '.join(f'{row:.0f}' for row in rows)} MB before, at the end and after")


def case(seed: int, _folder: Path) -> Case:
    """A hundred requests, eight at a time, beside an honest client."""
    rng = random.Random(seed)
    kind = rng.choice(sorted(_servers))
    server = _servers[kind]
    before, logged = server.memory_mb(), len(server.log.read_text(encoding="utf-8"))
    drawn = [_draw(rng, server) for _ in range(REQUESTS)]
    faults: list[str] = []
    with ThreadPoolExecutor(9) as pool:
        answers = [pool.submit(_send, server.host, *one) for one in drawn]
        honest = pool.submit(_honest, server)
        for (request, _), answer in zip(drawn, answers, strict=True):
            text = answer.result()
            status, _, body = text.partition(" ")[2].partition(" ")
            if LEAK.search(text.partition("\r\n\r\n")[2]) and int(status or 0) >= 400:
                faults.append(f"leaks: {request[:80]!r} -> {text[-200:]!r}")
            if status.startswith("500"):
                faults.append(f"500: {request[:120]!r} -> {body[-200:]!r}")
        faults += honest.result()
    if server.process.poll() is not None:
        faults.append(f"the server died: {server.log.read_text()[-300:]}")
    elif "Traceback" in (log := server.log.read_text(encoding="utf-8")[logged:]):
        faults.append(f"a traceback in the server's log: {log.strip().splitlines()[-1]}")
    elif (grown := server.memory_mb() - before) > 500:
        faults.append(f"memory grew by {grown:.0f} MB in {REQUESTS} requests")
    return Case("requests", kind, seed, faults[0] if faults else None, tries=REQUESTS)


def _draw(rng: random.Random, server: Server) -> tuple[bytes, str]:
    """One request, and how it is sent: whole, slowly, cut, or with the socket closed at once."""
    path = rng.choice(server.routes) if rng.random() < 0.6 else "/" + "/".join(rng.choices(PIECES, k=rng.randint(1, 5)))
    path = re.sub(r"\{\w+\}", lambda _: rng.choice(PIECES), path)
    if rng.random() < 0.3:
        path += "?" + "&".join(f"{rng.choice(PIECES)}={rng.choice(VALUES)}" for _ in range(rng.randint(1, 3)))
    body = rng.choice(JSONS) if rng.random() < 0.7 else rng.randbytes(rng.choice([1, 100, 20_000]))
    lines = [f"{rng.choice(METHODS)} {path} HTTP/1.{rng.choice('1101')}"]
    if rng.random() < 0.9:
        lines.append(f"Host: {server.host[0]}:{server.host[1]}")
    lines += [f"{rng.choice(HEADERS)}: {rng.choice(VALUES)}" for _ in range(rng.randint(0, 4))]
    if rng.random() < 0.7:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    lines.append("Connection: close")
    request = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body
    if rng.random() < 0.1:
        spoilt = bytearray(request)
        for _ in range(5):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        request = bytes(spoilt)
    return request, rng.choice(["whole"] * 7 + ["slow", "cut", "close"])


def _send(host: tuple[str, int], request: bytes, way: str) -> str:
    received = b""
    try:
        with socket.create_connection(host, timeout=15) as connection:
            if way == "slow":
                for at in range(0, min(len(request), 300), 60):
                    connection.sendall(request[at : at + 60])
                    time.sleep(0.02)
                connection.sendall(request[300:])
            elif way == "cut":
                connection.sendall(request[: len(request) // 2])
                connection.shutdown(socket.SHUT_WR)
            else:
                connection.sendall(request)
            if way == "close":
                return ""
            connection.settimeout(5)
            while piece := connection.recv(1 << 16):
                received += piece
                if len(received) > 1 << 20:
                    break
    except OSError:  # the server cut it, as it may
        pass
    return received.decode("latin-1")


def _honest(server: Server) -> list[str]:
    faults = []
    for _ in range(5):
        began = time.monotonic()
        try:
            answer = httpx.get(f"{server.address}/", timeout=30)
        except httpx.HTTPError as error:
            faults.append(f"an honest client got no answer: {error}")
            continue
        if answer.status_code not in (200, 401, 403, 429, 503):
            faults.append(f"an honest client got {answer.status_code}")
        if (waited := time.monotonic() - began) > HONEST_SECONDS:
            faults.append(f"an honest client waited {waited:.1f} s")
    return faults
