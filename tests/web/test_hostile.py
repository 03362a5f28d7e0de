"""Malformed, lying and slow requests and uploads: each gets one clear answer, and the server answers the next one.

500 of them are drawn by a seeded generator; what takes a server or a queue of its own has a test of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import socket
import struct
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request
from tests.web.attacks import (
    N_UPLOADS,
    POINT,
    draw,
    encoded,
    json_bodies,
    malformed_files,
    raw_requests,
    silence,
)

from affetti.errors import AffettiError
from affetti.web import connections, jobs, receiving
from affetti.web.errors import QueueFullError, error_response
from affetti.web.jobs import JobQueue
from affetti.web.limits import MAX_UPLOADS

LEAK = re.compile(r'Traceback|File "|site-packages|affetti-work|\.py\b|/tmp/|/home/|/root/|/usr/|Errno')
"""What no answer may hold: a traceback or a path of this machine."""
SECONDS = 60.0
"""What takes a moment may take this long on a busy machine."""
STATUSES = {200, 202, 206, 400, 403, 404, 405, 413, 416, 421, 422, 431, 503}


@pytest.fixture
def where(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@pytest.fixture
def client(address: str) -> Generator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api/v1", timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture(autouse=True)
def _still_answers(client: httpx.Client, temporary: Path) -> Generator[None]:
    """After each test the server serves its page and composes, and no upload is left."""
    yield
    assert client.get("/plane").status_code == 200
    assert client.post("/compose", json={"curve": [POINT], "seconds": 4}).status_code == 200
    until = time.monotonic() + SECONDS  # those whose connection was cut are removed a moment later
    while uploads(temporary) and time.monotonic() < until:
        time.sleep(0.1)
    assert uploads(temporary) == []


def uploads(temporary: Path) -> list[Path]:
    return list(temporary.glob("affetti-work-*/*.upload"))


def send(where: tuple[str, int], content: bytes, seconds: float = 60.0) -> tuple[int, str]:
    """Status and text of the answer to raw bytes; status 0: the server closed the connection without one."""
    with socket.create_connection(where, timeout=seconds) as connection:
        received = b""
        try:
            connection.sendall(content)
            while chunk := connection.recv(1 << 16):
                received += chunk
                if len(received) > 1 << 20:
                    break
        except OSError:  # the server closed it before all had been sent
            pass
    text = received.decode("latin-1")
    return (int(text.split()[1]) if text.startswith("HTTP/1.1 ") else 0), text


def assert_clear(status: int, text: str, what: object) -> None:
    """One clear answer: an expected status, no traceback, no path."""
    assert status in STATUSES, (what, status, text[:500])
    if status >= 400 and "application/json" in text:
        assert LEAK.search(text) is None, (what, text)
        document, _ = json.JSONDecoder().raw_decode(text[text.index('{"error"') :])
        error = document["error"]
        assert "\n" not in error["message"]
        assert len(error["message"]) < 500, what


def test_malformed_requests_get_one_clear_answer(where: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((connections, "HEADER"), (receiving, "MAX_BODY"), (receiving, "MAX_UPLOAD")):
        monkeypatch.setattr(module, f"{name}_SECONDS", 2.0)  # what is not whole is waited for
    requests = list(raw_requests(draw(19), f"{where[0]}:{where[1]}"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda request: send(where, request), requests))
    for request, (status, text) in zip(requests, answers, strict=True):
        if status != 0:
            assert_clear(status, text, request[:200])
            assert "root:" not in text
            assert "def " not in text
        else:  # the end of the connection answers what is beyond the limits, or no HTTP
            assert len(request) > 9_000 or re.match(rb"[A-Z]+ \S+ HTTP/1.1\r\nHost", request) is None, request[:200]


def last_event(client: httpx.Client, answer: httpx.Response) -> str:
    """The last event of the job that an answer names."""
    return client.get(f"/jobs/{answer.json()['job']}/events").text.strip().split("\n\n")[-1]


def posted(client: httpx.Client, address: str, **content: Any) -> tuple[int, str, str]:
    """Status, text and, of a job, the last event of a request that is sent again while the queue is full."""
    while True:
        answer = client.post(address, **content)
        if answer.status_code != 503:
            break
        assert int(answer.headers["retry-after"]) >= 1
        time.sleep(0.2)
    return answer.status_code, answer.text, last_event(client, answer) if answer.status_code == 202 else ""


def test_malformed_json_gets_one_clear_answer(client: httpx.Client) -> None:
    bodies = list(json_bodies(draw(20)))
    headers = {"content-type": "application/json"}

    def post(entry: tuple[str, str]) -> tuple[int, str, str]:
        return posted(client, entry[0], content=entry[1].encode(), headers=headers)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, bodies))
    for (address, body), (status, text, event) in zip(bodies, answers, strict=True):
        what = address, body[:300]
        assert_clear(status, "application/json " + text if status >= 400 else text, what)
        assert_event(event, what)


def assert_event(event: str, what: object) -> None:
    """A job's last event: its result, or an error that is one clear line."""
    assert LEAK.search(event.split('"picture"')[0]) is None, (what, event[:500])
    if event:
        document = json.loads(event.removeprefix("data: "), parse_constant=lambda name: pytest.fail(f"{name}: {what}"))
        assert document["type"] in ("done", "error")
        message = document.get("error", {}).get("message", "")
        assert message != "the server failed at this request", what
        assert "\n" not in message
        assert len(message) < 500


def test_malformed_uploads_cost_their_request_alone(client: httpx.Client) -> None:
    files = list(malformed_files(draw(21)))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda file: posted(client, "/predict", content=file[1]), files))
    refused = 0
    for (name, content), (status, text, event) in zip(files, answers, strict=True):
        assert status in (202, 422), (name, text)
        assert_event(event, (name, len(content)))
        refused += '"error"' in event or status == 422
    assert refused > N_UPLOADS / 3


@pytest.mark.parametrize(
    ("kind", "subtype", "hours", "rate", "channels", "words"),
    [
        ("FLAC", "PCM_16", 1.1, 8_000, 1, "longer than 1 h"),
        ("OGG", "VORBIS", 1.1, 1_000, 1, "longer than 1 h"),
        ("FLAC", "PCM_16", 0.02, 192_000, 8, "silent"),
    ],
)
def test_hours_of_silence_in_a_small_file_are_refused_in_time(
    client: httpx.Client, kind: str, subtype: str, hours: float, rate: int, channels: int, words: str
) -> None:
    content = silence(kind, subtype, hours, rate, channels)
    assert len(content) < 8 * 2**20
    _, _, event = posted(client, "/predict", content=content)
    assert words in json.loads(event.removeprefix("data: "))["error"]["message"]


def test_headers_that_declare_hours_take_no_memory(client: httpx.Client) -> None:
    clean = encoded()
    wav, flac = bytearray(clean["WAV"]), bytearray(clean["FLAC"])
    struct.pack_into("<I", wav, 4, 2**32 - 1)
    struct.pack_into("<I", wav, 40, 2**32 - 1)  # 2^31 samples of 16 bits
    flac[21:26] = bytes([flac[21] & 0xF0 | 0x0F]) + b"\xff\xff\xff\xff"  # 2^36 - 1 samples
    for content in (wav, flac):
        status, _, event = posted(client, "/predict", content=bytes(content))
        assert status == 202
        assert_event(event, bytes(content[:40]))


def test_an_upload_that_declares_too_much_is_refused_at_once(where: tuple[str, int]) -> None:
    head = f"POST /api/v1/predict HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\nContent-Length: {10**12}\r\n\r\n"
    with socket.create_connection(where, timeout=SECONDS) as connection:  # half of what an upload may take
        connection.sendall(head.encode())
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


def test_uploads_that_are_cut_off_leave_nothing(where: tuple[str, int]) -> None:
    head = f"POST /api/v1/predict HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\nContent-Length: 500000\r\n\r\n"
    for size in (0, 1, 4_000):
        with socket.create_connection(where, timeout=30) as connection:
            connection.sendall(head.encode() + bytes(size))


def test_uploads_on_their_way_count(where: tuple[str, int], client: httpx.Client, temporary: Path) -> None:
    head = f"POST /api/v1/predict HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\nContent-Length: 500000\r\n\r\n"
    arriving = [socket.create_connection(where, timeout=30) for _ in range(MAX_UPLOADS)]
    for connection in arriving:
        connection.sendall(head.encode() + bytes(70_000))
    until = time.monotonic() + SECONDS
    while len(uploads(temporary)) < MAX_UPLOADS and time.monotonic() < until:
        time.sleep(0.05)
    assert len(uploads(temporary)) == MAX_UPLOADS
    answer = client.post("/predict", content=b"one more")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert client.post("/compose", json={"curve": [POINT], "seconds": 4}).status_code == 200
    for connection in arriving:
        connection.close()


def test_a_client_that_sends_a_byte_now_and_then_is_cut(
    where: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 1.0)
    for first in (b"", f"GET /icon HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\n\r\n".encode()):
        with socket.create_connection(where, timeout=30) as connection:
            connection.sendall(first)
            if first:
                assert connection.recv(1 << 16).startswith(b"HTTP/1.1 404 ")
            start = time.monotonic()
            with pytest.raises(ConnectionError):
                for byte in itertools.cycle(b"GET / HTTP/1.1\r\nX: "):
                    connection.sendall(bytes([byte]))
                    time.sleep(0.2)
                    assert time.monotonic() - start < SECONDS


def test_a_client_that_takes_nothing_is_cut(where: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "TAKE_SECONDS", 1.0)
    request = f"GET /static/plane.js HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\n\r\n".encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(SECONDS)
        connection.connect(where)
        with pytest.raises(ConnectionError):  # and no TimeoutError
            while True:
                connection.sendall(request)


def test_a_broken_body_of_a_head_request_is_cut_without_a_traceback(
    where: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    head = f"HEAD / HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    status, _ = send(where, head + b"a" * 400_000)
    assert status in (0, 200, 400)
    assert "Traceback" not in caplog.text


def test_more_connections_than_it_takes_are_answered_with_a_time_to_retry(
    where: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 20)
    waiting = [socket.create_connection(where, timeout=30) for _ in range(40)]
    status, text = send(where, f"GET / HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\n\r\n".encode())
    assert (status, "retry-after: 2" in text) == (503, True)
    for connection in waiting:
        connection.close()


def document(value: Any) -> dict[str, Any]:
    return {"value": value}


@pytest.fixture
def queue(tmp_path: Path) -> Generator[JobQueue]:
    queue = JobQueue(1, tmp_path, os.getpid, ())
    yield queue
    queue.stop()


def outcome(queue: JobQueue, task: Callable[..., Any], *arguments: Any, seconds: float = 60.0) -> Any:
    """The value of a task, or the message of its failure."""
    try:
        return asyncio.run(queue.submit("test", task, arguments, seconds, document).result())["value"]
    except AffettiError as error:
        return error.what


def test_a_worker_that_dies_or_hangs_costs_its_request_alone(queue: JobQueue) -> None:
    first = outcome(queue, os.getpid)
    assert outcome(queue, os._exit, 3) == "ended the process that computed it"
    second = outcome(queue, os.getpid)
    assert outcome(queue, time.sleep, 600, seconds=1.0) == "took too long and was ended"
    third = outcome(queue, os.getpid)
    assert len({first, second, third}) == 3


def test_an_idle_worker_that_is_killed_is_replaced(queue: JobQueue) -> None:
    first = outcome(queue, os.getpid)
    os.kill(first, signal.SIGKILL)
    second, until = outcome(queue, os.getpid), time.monotonic() + SECONDS
    while not isinstance(second, int) and time.monotonic() < until:  # a job that comes at once may end with the worker
        time.sleep(0.1)
        second = outcome(queue, os.getpid)
    assert isinstance(second, int)
    assert second != first


def test_a_full_queue_refuses_what_comes_next(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_WAITING", 2)
    for _ in range(2):
        queue.submit("test", time.sleep, (600,), 600.0, document)
    with pytest.raises(QueueFullError):
        queue.submit("test", time.sleep, (0,), 1.0, document)
    answer = error_response(Request({"type": "http"}), QueueFullError())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
