"""The API of a listening study, without a browser."""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.listening_robots import make_study
from starlette.testclient import TestClient

from affetti.studies.listening.ratings import FILE, RatingStore
from affetti.studies.listening.study import TASKS, RatingScale, Task
from affetti.web.listening import endpoints
from affetti.web.listening.app import create_app

TOKEN = "the-researchers-token"  # noqa: S105 - of tests
RATING = {"valence": 0.2, "arousal": -0.4, "quality": 4.0}
Api = Callable[..., "Listener"]


class Listener:
    """Somebody who takes part by the API."""

    def __init__(self, client: TestClient, key: str | None = None) -> None:
        self.client, self.key = client, key or secrets.token_urlsafe(24)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"x-listener": self.key}
        return self.client.request(method, f"/api/v1/{path}", headers=headers, json=body)

    def join(self) -> dict[str, Any]:
        return self.send("POST", "listener", {"consent": True}).json()

    def answer(self, trial: Any, answer: Any = RATING, **more: Any) -> Any:
        body = {"trial": trial, "answer": answer, "heard": {"0": 1.0, "1": 1.0, "2": 1.0, "3": 1.0}}
        return self.send("POST", "listener/answers", body | more)


@pytest.fixture
def study_api(tmp_path: Path) -> Generator[Api]:
    clients: list[TestClient] = []

    def start(task: Task = "rate", **changes: Any) -> Listener:
        study = make_study(tmp_path, task, seconds=0.05, **changes)
        app = create_app(study, RatingStore.open(tmp_path, study), tmp_path, TOKEN, ("127.0.0.1",))
        client = TestClient(app, base_url="http://127.0.0.1")
        client.__enter__()
        clients.append(client)
        return Listener(client)

    yield start
    for client in clients:
        client.__exit__(None, None, None)


def answer_to(trial: dict[str, Any]) -> dict[str, float]:
    if trial["task"] == "rate":
        return RATING
    if trial["task"] == "mushra":
        return {sound["id"]: 50.0 for sound in trial["sounds"]}
    return {"choice": 1.0}


@pytest.mark.parametrize("task", TASKS)
def test_a_whole_study_ends_with_its_code(study_api: Api, task: Task) -> None:
    listener = study_api(task)
    state = listener.join()
    assert (state["done"], state["code"]) == (0, "")
    assert len(state["practice"]) == 1
    while state["trial"] is not None:
        trial = state["trial"]
        played = [*trial["sounds"], *([trial["reference"]] if trial["reference"] else [])]
        for sound in played:
            content = listener.send("GET", f"sounds/{trial['id']}/{sound['id']}")
            assert content.headers["content-type"] == "audio/flac"
            assert content.content[:4] == b"fLaC"
        before = state["done"]
        state = listener.answer(trial["id"], answer_to(trial), heard={s["id"]: 1.0 for s in played}).json()
        assert state["done"] == before + 1
    assert state["code"] == "MUSIC-42"
    assert listener.send("GET", "listener").json() == state


@pytest.mark.parametrize("task", TASKS)
def test_nothing_that_a_listener_receives_names_a_system_or_a_clip(study_api: Api, task: Task) -> None:
    listener = study_api(task)
    received = [json.dumps(listener.join()), listener.send("GET", "study").text]
    sound = listener.send("GET", "sounds/0/0")
    received += [str(sound.url), *sound.headers.values()]
    for name in ("real", "flow", "vocoder", "anchor", "song0", "c000", "c001"):
        assert not [text for text in received if name in text], name


def test_the_same_key_is_one_listener(study_api: Api) -> None:
    listener = study_api()
    assert listener.join() == listener.join()
    other = Listener(listener.client)
    other.join()
    assert progress(listener)["progress"]["listeners"] == 2


def progress(listener: Listener) -> dict[str, Any]:
    return listener.client.get("/api/v1/research/progress", headers={"x-researcher": TOKEN}).json()


def test_a_program_that_joins_again_and_again_does_not_fill_the_disk(
    study_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MAX_LISTENERS", 3)
    listener = study_api()
    sent = [Listener(listener.client).send("POST", "listener", {"consent": True}).status_code for _ in range(5)]
    assert sent == [200, 200, 200, 507, 507]


def test_without_consent_nothing_is_stored(study_api: Api) -> None:
    listener = study_api()
    assert listener.send("POST", "listener", {"consent": False}).status_code == 422
    assert listener.send("GET", "listener").status_code == 404
    assert listener.answer("0").status_code == 404


@pytest.mark.parametrize(
    "key", ["", "short", "a" * 65, "a" * 30 + "\xe9", "../../../../etc/passwd/..........", "'--" * 10]
)
def test_a_key_that_is_none_is_nobody(study_api: Api, key: str) -> None:
    listener = study_api()
    listener.key = key
    for method, path in (("POST", "listener"), ("GET", "listener"), ("DELETE", "listener"), ("GET", "sounds/0/0")):
        body = {"consent": True} if method == "POST" else None
        headers = {b"x-listener": key.encode("latin-1")}
        answer = listener.client.request(method, f"/api/v1/{path}", headers=headers, json=body)
        assert answer.status_code == 404, (method, path)


def test_the_first_answer_to_a_trial_counts(study_api: Api, tmp_path: Path) -> None:
    listener = study_api()
    listener.join()
    assert listener.answer("0").json()["done"] == 1
    later = listener.answer("0", RATING | {"quality": 1.0}).json()
    assert (later["done"], later["trial"]["id"]) == (1, "1")
    with sqlite3.connect(tmp_path / FILE) as sql:
        assert [json.loads(text) for (text,) in sql.execute("select answer from answer")] == [RATING]


def test_an_answer_counts_only_when_all_was_heard(study_api: Api) -> None:
    listener = study_api()
    listener.join()
    for heard in ({}, {"0": 0.5}, {"1": 1.0}, {"0": float("nan")}):
        content = json.dumps({"trial": "0", "answer": RATING, "heard": heard})
        headers = {"x-listener": listener.key, "content-type": "application/json"}
        answer = listener.client.post("/api/v1/listener/answers", content=content, headers=headers)
        assert answer.status_code == 422, heard
        assert "heard to its end" in answer.json()["error"]["message"]
    assert listener.answer("0").status_code == 200


def test_a_study_may_let_listeners_answer_before_the_end(study_api: Api) -> None:
    listener = study_api(whole=False)
    listener.join()
    assert listener.answer("0", heard={}).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"answer": {}},
        {"answer": {"valence": 0.1, "arousal": 0.1}},
        {"answer": RATING | {"quality": 6.0}},
        {"answer": RATING | {"quality": 2.5}},
        {"answer": RATING | {"valence": "0.1"}},
        {"answer": RATING | {"valence": True}},
        {"answer": RATING | {"other": 1.0}},
        {"answer": [1, 2]},
        {"seconds": -1.0},
        {"seconds": 1e9},
        {"trial": "99"},
        {"trial": 0},
        {"surprise": 1},
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(study_api: Api, more: dict[str, Any]) -> None:
    listener = study_api()
    listener.join()
    answer = listener.answer(**{"trial": "0"} | more)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
    assert listener.send("GET", "listener").json()["done"] == 0


@pytest.mark.parametrize("trial", ["-1", "p0", "0.0", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 30, ""])
def test_there_is_no_such_trial(study_api: Api, trial: str) -> None:
    listener = study_api()
    listener.join()
    assert listener.answer(trial).status_code == 404


@pytest.mark.parametrize("path", ["0/9", "0/reference", "99/0", "p7/0", "0/..", "0/study.toml", "p/0", "x/0"])
def test_there_is_no_such_sound(study_api: Api, path: str) -> None:
    listener = study_api()
    listener.join()
    assert listener.send("GET", f"sounds/{path}").status_code == 404


def test_withdrawal_deletes_and_ends_the_link(study_api: Api, tmp_path: Path) -> None:
    listener = study_api()
    listener.join()
    listener.answer("0")
    assert listener.send("DELETE", "listener").json() == {"withdrawn": True}
    for path in ("listener", "sounds/0/0"):
        assert listener.send("GET", path).status_code == 404
    assert listener.answer("1").status_code == 404
    shown = progress(listener)["progress"]
    assert (shown["listeners"], shown["answers"], shown["withdrawn"]) == (0, 0, 1)
    with sqlite3.connect(tmp_path / FILE) as sql:
        assert sql.execute("select count(*) from answer").fetchone() == (0,)


def test_the_headphone_check_is_taken_once(study_api: Api) -> None:
    listener = study_api(headphone_check=True)
    assert listener.join()["headphones"]
    assert listener.send("POST", "listener/headphones", {"correct": 7}).status_code == 422
    assert not listener.send("POST", "listener/headphones", {"correct": 4}).json()["headphones"]
    listener.send("POST", "listener/headphones", {"correct": 6})
    assert [one["headphones"] for one in progress(listener)["listeners"]] == [4]


def test_an_attention_check_says_what_to_answer(study_api: Api) -> None:
    listener = study_api(attention_checks=1)
    state = listener.join()
    assert state["total"] == 4
    instructions: list[str] = []
    while state["trial"] is not None:
        instructions.append(state["trial"]["instruction"] or "")
        state = listener.answer(state["trial"]["id"]).json()
    asked = [text for text in instructions if text]
    assert len(asked) == 1
    assert "unpleasant, calm, bad" in asked[0] or "pleasant, excited, excellent" in asked[0]
    assert progress(listener)["listeners"][0]["attention_checks"] == 1


@pytest.mark.parametrize("token", [None, "", "wrong", "\xe9"])
def test_the_researchers_part_needs_the_token(study_api: Api, token: str | None) -> None:
    listener = study_api()
    headers = {} if token is None else {b"x-researcher": token.encode("latin-1")}
    for path in ("progress", "ratings.csv"):
        assert listener.client.get(f"/api/v1/research/{path}", headers=headers).status_code == 403


def test_the_researcher_sees_counts_and_downloads_the_ratings(study_api: Api) -> None:
    listener = study_api()
    state = listener.join()
    while state["trial"] is not None:
        state = listener.answer(state["trial"]["id"]).json()
    shown = progress(listener)
    assert sorted(clip["listeners"] for clip in shown["clips"]) == [0, 0, 0, 1, 1, 1]
    assert shown["listeners"][0] | {"answers": 3, "finished": True} == shown["listeners"][0]
    assert "rating" not in json.dumps(shown)
    table = listener.client.get("/api/v1/research/ratings.csv", headers={"x-researcher": TOKEN})
    assert table.text.startswith("listener,clip,system,scale,rating,")
    assert len(table.text.splitlines()) == 1 + 3 * 3


def test_nothing_about_the_person_is_stored_or_logged(
    study_api: Api, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "affetti")
    listener = study_api()
    listener.client.headers |= {
        "user-agent": "WalkmanBrowser",
        "x-forwarded-for": "203.0.113.77",
        "accept-language": "eo",
    }
    state = listener.join()
    listener.answer(state["trial"]["id"])
    content = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    assert b"quality" in content
    for sign in ("WalkmanBrowser", "203.0.113.77", "testclient", "127.0.0.1", listener.key):
        assert sign.encode() not in content
        assert sign not in caplog.text


def test_a_full_disk_refuses_the_answer_until_there_is_room(study_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    scales = tuple(RatingScale(f"{number:02d}{60 * 's'}", 0.0, 1.0) for number in range(12))
    listener = study_api(conditions=12, scales=scales, plane=False)
    rating = {scale.name: 0.123456789 for scale in scales}  # a few of these fill a page of the file
    state = listener.join()
    store = listener.client.app.state.store  # type: ignore[attr-defined]
    store._connection.execute("pragma max_page_count = 1").fetchall()  # SQLite raises it to what is used
    answer = None
    while state["trial"] is not None:
        answer = listener.answer(state["trial"]["id"], rating)
        if answer.status_code != 200:
            break
        state = answer.json()
    assert answer is not None
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["error"]["message"]
    assert "disk is full" in caplog.text
    assert listener.send("GET", "listener").json()["done"] == state["done"]
    store._connection.execute("pragma max_page_count = 1000000").fetchall()
    assert listener.answer(state["trial"]["id"], rating).json()["done"] == state["done"] + 1


def test_a_clip_that_vanishes_is_said_to_both(study_api: Api, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    listener = study_api()
    listener.join()
    for path in (tmp_path / "clips").iterdir():
        path.unlink()
    answer = listener.send("GET", "sounds/0/0")
    assert answer.status_code == 507
    assert str(tmp_path) not in answer.text
    assert "vanished" in caplog.text


def test_other_hosts_and_pages_are_refused(study_api: Api) -> None:
    listener = study_api()
    assert listener.client.get("/", headers={"host": "evil.example"}).status_code == 421
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        sent = listener.client.post("/api/v1/listener", headers=headers | {"x-listener": listener.key}, json={})
        assert sent.status_code == 403
        assert listener.client.delete("/api/v1/listener", headers=headers).status_code == 403


def test_its_pages_load_nothing_from_elsewhere_and_keep_no_cookie(study_api: Api) -> None:
    client = study_api().client
    for path in ("/", "/research", "/static/listening/main.js", "/static/style.css", "/api/v1/study"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert "http://" not in answer.text.replace("http://www.w3.org", "")
        assert "https://" not in answer.text


def test_under_any_name_where_it_is_open_to_all(tmp_path: Path) -> None:
    study = make_study(tmp_path, "pair")
    app = create_app(study, RatingStore.open(tmp_path, study), tmp_path, TOKEN, None)
    with TestClient(app, base_url="http://lab-machine.local:8000") as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/v1/research/progress").status_code == 403


def test_sounds_of_a_trial_are_those_of_the_design(study_api: Api) -> None:
    listener = study_api("mushra")
    state = listener.join()
    trial = state["trial"]
    contents = {
        sound["id"]: listener.send("GET", f"sounds/{trial['id']}/{sound['id']}").content for sound in trial["sounds"]
    }
    reference = listener.send("GET", f"sounds/{trial['id']}/reference").content
    assert list(contents.values()).count(reference) == 1  # the hidden one
    assert len(set(contents.values())) == 4
    assert np.all([content[:4] == b"fLaC" for content in contents.values()])
