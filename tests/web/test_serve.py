"""``affetti serve`` as a process: its one line, its end, and what it leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from affetti.errors import AffettiError
from affetti.web import serve

POINT = {"curve": [{"time": 0.0, "valence": 0.5, "arousal": 0.4}], "seconds": 4}


def start(tmp_path: Path, *flags: str) -> tuple[subprocess.Popen[str], str]:
    """A server in a temporary folder of its own, and the address that it prints."""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "affetti", "serve", "--port", "0", "--workers", "1", *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def children(group: int) -> list[int]:
    """Processes of a group that have not ended."""
    alive: list[int] = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            alive.append(int(entry.parent.name))
    return alive


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_cleanly_when_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    process, address = start(tmp_path)
    assert address.startswith("http://127.0.0.1:")
    assert httpx.post(f"{address}api/v1/compose", json=POINT, timeout=120, trust_env=False).status_code == 200
    assert any(tmp_path.iterdir())
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 128 + number)
    assert (out, "Traceback" in err) == ("", False)
    until = time.monotonic() + 60  # Python's own tracker of resources ends a moment after its parent
    while children(process.pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert children(process.pid) == []
    assert not list(tmp_path.glob("affetti-work-*"))
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)


def test_beyond_this_machine_the_address_holds_a_token(tmp_path: Path) -> None:
    process, address = start(tmp_path, "--host", "0.0.0.0")  # noqa: S104
    try:
        assert "/?token=" in address
        port, token = address.split(":")[2].split("/")[0], address.split("=")[1]
        local = f"http://127.0.0.1:{port}"
        assert httpx.get(local, timeout=60, trust_env=False).status_code == 401
        assert httpx.get(f"{local}/api/v1/plane", timeout=60, trust_env=False).status_code == 401
        # The name in the printed address, as another machine would send it.
        named = {"host": address.removeprefix("http://").split("/")[0]}
        opened = httpx.get(f"{local}/?token={token}", headers=named, timeout=60, trust_env=False)
        assert (opened.status_code, opened.headers["location"]) == (303, "/")
        page = httpx.get(local, headers=named, cookies=dict(opened.cookies), timeout=60, trust_env=False)
        assert "<title>affetti</title>" in page.text
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_a_port_that_is_taken_is_one_clear_line(affetti: Callable[..., Any]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = affetti("serve", "--port", taken.getsockname()[1])
    assert ran.code == 2
    assert "cannot listen there" in ran.complaint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"port": 70_000}, "port 70000"),
        ({"workers": 0}, "0 workers"),
        ({"host": "a b"}, "'a b' is no host"),
        ({"host": ".example"}, "cannot listen there"),
        ({"models": ["nowhere"]}, "nowhere"),
        ({"regressor": "nowhere"}, "nowhere"),
        ({"corpora": ["nowhere"]}, "nowhere"),
    ],
)
def test_what_cannot_be_served_is_refused_at_once(settings: dict[str, object], message: str) -> None:
    with pytest.raises(AffettiError, match=message):
        serve.run(**settings)  # type: ignore[arg-type]


def test_a_generator_is_no_regressor_and_the_reverse(run_of: Callable[[str], Path], made: Callable[..., Path]) -> None:
    for settings in ({"models": [run_of("student")]}, {"regressor": run_of("flow")}, {"corpora": [made("flow")]}):
        with pytest.raises(AffettiError):
            serve.run(**settings)  # type: ignore[arg-type]
