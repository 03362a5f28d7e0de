"""``affetti listen serve`` as a command: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from bench.listening_robots import make_study

import affetti as library
from affetti.errors import StorageError, UsageError
from affetti.studies.listening.ratings import RatingStore
from affetti.studies.listening.study import Study
from affetti.web.listening.serve import make_server
from affetti.web.server import ServerSettings


def start(folder: Path, *flags: str) -> tuple[subprocess.Popen[str], list[str]]:
    command = [sys.executable, "-m", "affetti", "listen", "serve", str(folder), "--port", "0", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, [process.stdout.readline() for _ in range(4 if "--json" in flags else 2)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_two_addresses_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    make_study(tmp_path, "pair")
    process, lines = start(tmp_path)
    listeners, researcher = (line.split()[1] for line in lines)
    assert researcher.startswith(f"{listeners}research#")
    token = researcher.partition("#")[2]
    with httpx.Client(base_url=listeners, timeout=60, trust_env=False) as client:
        assert "<title>Listening study</title>" in client.get("/").text
        assert client.get("/api/v1/research/progress", headers={"x-researcher": token}).status_code == 200
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 128 + number)
    assert (out, err) == ("", "")


def test_json_is_one_document(tmp_path: Path) -> None:
    make_study(tmp_path, "pair")
    process, lines = start(tmp_path, "--json", "--url", "https://listen.example.org/study")
    process.kill()
    process.communicate()
    addresses = json.loads("".join(lines))
    assert addresses["listeners"] == "https://listen.example.org/study/"
    assert addresses["researcher"].startswith("https://listen.example.org/study/research#")


def test_behind_a_proxy_the_name_of_the_url_is_answered_and_another_is_not(tmp_path: Path) -> None:
    make_study(tmp_path, "pair")
    started = threading.Event()
    server = make_server(tmp_path, ServerSettings(port=0), lambda _: started.set(), "https://listen.example.org/study/")
    port = server._listener.getsockname()[1]
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(120)
    try:
        for name, status in (("listen.example.org", 200), ("127.0.0.1", 200), ("evil.example", 421)):
            answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"host": name}, timeout=60, trust_env=False)
            assert answer.status_code == status, name
        secret = {"host": "listen.example.org", "origin": "https://listen.example.org"}
        joined = httpx.post(
            f"http://127.0.0.1:{port}/api/v1/listener", headers=secret, json={"consent": True}, timeout=60
        )
        assert joined.status_code == 404  # the origin is its own; the key is missing
    finally:
        server.stop()
        thread.join(60)


def test_what_cannot_be_served_is_one_clear_line(affetti: Callable[..., Any], tmp_path: Path) -> None:
    ran = affetti("listen", "serve", tmp_path)
    assert (ran.code, "no study.toml" in ran.complaint) == (2, True)
    make_study(tmp_path, "pair")
    ran = affetti("listen", "serve", tmp_path, "--port", "70000")
    assert (ran.code, "port 70000" in ran.complaint) == (2, True)
    for url in ("listen.example.org", "http://[", "https://listen.example.org:99999"):
        ran = affetti("listen", "serve", tmp_path, "--url", url)
        assert (ran.code, "is no address" in ran.complaint) == (2, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = affetti("listen", "serve", tmp_path, "--port", taken.getsockname()[1])
    assert (ran.code, "cannot listen there" in ran.complaint) == (2, True)
    next((tmp_path / "clips").iterdir()).unlink()
    ran = affetti("listen", "serve", tmp_path)
    assert (ran.code, "a clip of the study is missing" in ran.complaint) == (2, True)


def test_a_study_that_was_edited_after_answers_came_is_refused_and_keeps_them(tmp_path: Path) -> None:
    study = make_study(tmp_path, "pair")
    with RatingStore.open(tmp_path, study) as store:
        store.record(store.add_listener(), 0, {"choice": 1.0})
    replace(study, no_difference=not study.no_difference).save(tmp_path)
    with pytest.raises(StorageError, match="holds 1 answers to another version"):
        library.listen_serve(tmp_path, port=0)
    study.save(tmp_path)
    with RatingStore.open(tmp_path) as store:
        assert store.progress().answers == 1


def test_a_changed_clip_is_refused(tmp_path: Path) -> None:
    study = make_study(tmp_path, "pair")
    (tmp_path / study.clips[0].file).write_bytes((tmp_path / study.clips[1].file).read_bytes())
    with pytest.raises(StorageError, match="SHA-256 differs"):
        make_server(tmp_path, ServerSettings(port=0), lambda _: None)


def test_texts_of_the_study_may_be_in_any_language(tmp_path: Path) -> None:
    make_study(tmp_path, "pair", wording={"language": "de", "next": "Weiter"})
    assert Study.open(tmp_path).text("next") == "Weiter"
    file = tmp_path / "study.toml"
    file.write_text(file.read_text("utf-8").replace("next =", "nexd ="), "utf-8")
    with pytest.raises(UsageError, match="Did you mean next"):
        Study.open(tmp_path)
