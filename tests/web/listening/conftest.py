"""Servers of listening studies, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from bench.listening_robots import make_study

from affetti.studies.listening.study import Task
from affetti.web.listening.serve import StudyAddresses, make_server
from affetti.web.server import Server, ServerSettings

SECONDS = 120


@pytest.fixture
def serve_study(tmp_path: Path) -> Generator[Callable[..., StudyAddresses]]:
    """``serve_study(task, **changes)`` makes a study in ``tmp_path/study`` and serves it; returns its addresses."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(task: Task, **changes: Any) -> StudyAddresses:
        make_study(tmp_path / "study", task, **changes)
        ready, addresses = threading.Event(), list[StudyAddresses]()

        def started(given: StudyAddresses) -> None:
            addresses.append(given)
            ready.set()

        server = make_server(tmp_path / "study", ServerSettings(port=0), started)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        assert ready.wait(SECONDS)
        return addresses[0]

    yield start
    for server, thread in running:
        server.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()
