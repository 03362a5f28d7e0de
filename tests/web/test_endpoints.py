"""The JSON API of a running server: what it answers is what the command line would file."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from starlette.applications import Starlette
from starlette.testclient import TestClient

import affetti
import material
from affetti.compose.curve import CurveSettings, compose_along
from affetti.compose.renderer import render
from affetti.emotion import EmotionCurve
from affetti.web.catalogue import describe
from affetti.web.endpoints import Endpoints, Offer
from affetti.web.errors import ERROR_HANDLERS
from affetti.web.jobs import JobQueue
from affetti.web.limits import MAX_SOUNDS, MAX_WAITING
from affetti.web.settings import ServeSettings
from affetti.web.sounds import SoundStore

POINT = [{"time": 0.0, "valence": 0.5, "arousal": 0.4}]


@pytest.fixture
def client(address: str) -> Generator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api/v1", timeout=120, trust_env=False) as client:
        yield client


def finished(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The last event of a job."""
    assert answer.status_code == 202, answer.text
    return events(client, answer)[-1]


def events(client: httpx.Client, answer: httpx.Response) -> list[dict[str, Any]]:
    job = answer.json()["job"]
    text = client.get(f"/jobs/{job}/events").text
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]


def sound(client: httpx.Client, document: dict[str, Any]) -> bytes:
    answer = client.get(document["sound"]["url"].removeprefix("/api/v1"))
    assert answer.headers["content-type"] == "audio/flac"
    return answer.content


def song(seconds: float = 12.0, rate: int = 22_050) -> bytes:
    piece = render(compose_along(EmotionCurve((0.0,), ((0.3, 0.2),)), seconds), rate)
    file = io.BytesIO()
    soundfile.write(file, piece, rate, format="WAV")
    return file.getvalue()


def test_a_composed_piece_is_what_the_composer_renders(client: httpx.Client) -> None:
    piece = client.post("/compose", json={"curve": POINT, "seconds": 8, "genre": "jazz", "seed": 3}).json()
    samples, rate = soundfile.read(io.BytesIO(sound(client, piece)), dtype="float32")
    expected = render(compose_along(EmotionCurve((0.0,), ((0.5, 0.4),)), 8.0, CurveSettings("jazz", seed=3)), rate)
    assert np.abs(samples - expected).max() < 1e-4
    assert client.get(piece["sound"]["midi"].removeprefix("/api/v1")).content[:4] == b"MThd"


def test_a_held_cue_is_kept(client: httpx.Client) -> None:
    piece = client.post("/compose", json={"curve": POINT, "held": {"timbre": "violin", "register": 60}}).json()
    assert (piece["cues"]["timbre"], piece["cues"]["register"]) == ("violin", 60)


def test_a_sampled_clip_is_the_first_of_what_generate_files(client: httpx.Client, tmp_path: Path) -> None:
    body = {"model": "m0", "valence": 0.25, "arousal": -0.5, "seed": 7}
    result = finished(client, client.post("/sample", json=body))["result"]
    affetti.generate(material.trained("flow"), 1, tmp_path / "made", emotions="0.25,-0.5", seed=7, audio=True)
    assert sound(client, result) == next((tmp_path / "made" / "audio").glob("*.flac")).read_bytes()


def test_a_song_along_a_curve_is_that_of_generate(client: httpx.Client, tmp_path: Path) -> None:
    """The same bytes, from a CSV with the same points."""
    curve = [{"time": 0.0, "valence": -0.5, "arousal": 0.1}, {"time": 7.3, "valence": 0.4, "arousal": 0.33}]
    body = {"model": "m0", "curve": curve, "seconds": 11, "seed": 3, "sampling": {"steps": 2}}
    steps = events(client, client.post("/songs", json=body))
    assert (steps[0]["type"], steps[0]["stage"], steps[-1]["type"]) == ("progress", "denoise", "done")
    rows = [f"{point['time']},{point['valence']},{point['arousal']}" for point in curve]
    (tmp_path / "curve.csv").write_text("\n".join(["time,valence,arousal", *rows]))
    settings: dict[str, Any] = {"seed": 3, "audio": True, "sampling": {"steps": 2}}
    made = tmp_path / "made"
    affetti.generate(material.trained("flow"), 1, made, curve=tmp_path / "curve.csv", seconds=11, **settings)
    assert sound(client, steps[-1]["result"]) == next((made / "songs").glob("*.flac")).read_bytes()


def test_one_song_at_a_time_and_it_can_be_cancelled(client: httpx.Client) -> None:
    body = {"model": "m0", "curve": POINT, "seconds": 180, "sampling": {"steps": 500}}
    job = client.post("/songs", json=body).json()["job"]
    refused = client.post("/songs", json=body)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert refused.json()["error"]["message"] == "another song is being sampled"
    assert client.post("/compose", json={"curve": POINT, "seconds": 4}).status_code == 200
    assert client.delete(f"/jobs/{job}").status_code == 204
    assert client.get(f"/jobs/{job}").json()["error"]["message"] == "was cancelled"
    assert finished(client, client.post("/songs", json=body | {"seconds": 6, "sampling": {}}))["type"] == "done"


def test_an_uploaded_recording_gets_the_prediction_of_predict(client: httpx.Client, tmp_path: Path) -> None:
    upload = song()
    (tmp_path / "song.wav").write_bytes(upload)
    steps = events(client, client.post("/predict", content=upload))
    predicted = steps[-1]["result"]["prediction"]
    expected = affetti.predict(material.trained("student"), tmp_path / "song.wav")[0].to_dict()
    assert predicted == {**expected, "path": None}
    parts = [step for step in steps if step["type"] == "part"]  # drawn beside the others
    assert [part["start"] for part in parts] == [0.0]
    sound_event, points, done = (step for step in steps if step["type"] != "part")
    assert (sound_event["type"], points["type"], done["type"]) == ("sound", "points", "done")
    assert points["points"] == expected["curve"]
    assert sound_event["seconds"] == pytest.approx(12.0)


def test_the_analysis_of_a_sound_predicts_the_file_that_can_be_downloaded(client: httpx.Client, tmp_path: Path) -> None:
    piece = client.post("/compose", json={"curve": POINT}).json()
    analysis = client.post(f"/sounds/{piece['sound']['id']}/analysis").json()
    (tmp_path / "piece.flac").write_bytes(sound(client, piece))
    expected = affetti.predict(material.trained("student"), tmp_path / "piece.flac")[0].to_dict()
    assert analysis["prediction"] == {**expected, "path": None}
    assert analysis["picture"]["bands"] == 64


def test_a_round_has_a_real_clip_and_one_of_each_generator(client: httpx.Client) -> None:
    document = finished(client, client.post("/rounds", json={"corpus": "c0", "seed": 1}))["result"]
    assert [clip["name"] for clip in document["clips"]] == ["real", "flow"]
    assert document["held_out"]
    assert document["neighbours"][0]["of"] == "flow"
    for clip in (*document["clips"], *document["neighbours"]):
        assert len(sound(client, clip)) > 10_000


def test_results_are_shown_in_a_sandbox(client: httpx.Client) -> None:
    reports = {choice["name"].split("/")[-1]: choice["id"] for choice in client.get("/plane").json()["reports"]}
    assert set(reports) == {"run", "page.html"}
    for name, words in (("run", "student"), ("page.html", "Made before")):
        page = client.get(f"/reports/{reports[name]}")
        assert words in page.text
        assert page.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")


def test_the_catalogue_lists_what_can_be_requested(client: httpx.Client) -> None:
    plane = client.get("/plane").json()
    assert plane["words"]["happy"] == [0.6, 0.4]
    assert plane["models"][0]["kind"] == "flow"
    assert {parameter["name"] for parameter in plane["models"][0]["sampling"]} >= {"guidance", "steps"}
    assert plane["regressor"]["interval_level"] is not None


def test_the_openapi_document_describes_every_address(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    described = {path.removeprefix("/api/v1") for path in document["paths"]} - {
        "/sounds/{sound}.flac",
        "/sounds/{sound}.mid",
    }
    source = Endpoints.routes.__code__.co_consts
    served = {text for text in source if isinstance(text, str) and text.startswith("/")}
    assert described == served - {"/openapi.json", "/sounds/{sound}.{kind}"}
    references = set(json.dumps(document).split('"#/components/schemas/')[1:])
    assert {reference.split('"')[0] for reference in references} <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/compose", {}, 422, "curve"),
        ("/compose", {"curve": []}, 422, "0 times"),
        ("/compose", {"curve": POINT, "seconds": 1e9}, 422, "a piece of 1e+09 s"),
        ("/compose", {"curve": POINT, "seconds": "long"}, 422, "wrong setting"),
        ("/compose", {"curve": POINT, "genre": "polka"}, 422, "unknown genre 'polka'"),
        ("/compose", {"curve": POINT, "held": {"speed": 1}}, 422, "unknown cue 'speed'"),
        ("/compose", {"curve": POINT, "held": {"tempo": 99}}, 422, "tempo 99 lies outside"),
        ("/compose", {"curve": [{"time": 0, "valence": 2, "arousal": 0}]}, 422, "valence 2 lies outside"),
        ("/compose", {"curve": POINT, "colour": "red"}, 422, "unknown setting 'colour'"),
        ("/sample", {"model": "../../etc/passwd", "valence": 0, "arousal": 0}, 404, "there is no such model"),
        ("/songs", {"model": "m9", "curve": POINT, "seconds": 9}, 404, "there is no such model"),
        ("/songs", {"model": "m0", "curve": [], "seconds": 9}, 422, "0 times"),
        ("/songs", {"model": "m0", "curve": POINT, "seconds": 181}, 422, "a piece of 181 s"),
        ("/songs", {"model": "m0", "curve": POINT}, 422, "seconds"),
        ("/rounds", {"corpus": "c9"}, 404, "there is no such corpus"),
        ("/rounds", {"corpus": "c0", "seed": -1}, 422, "seed -1 is negative"),
    ],
)
def test_requests_that_make_no_sense_get_one_clear_line(
    client: httpx.Client, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    message = answer.json()["error"]["message"]
    assert words in message
    assert "\n" not in message
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/sample", {"valence": 0, "arousal": 0, "conditions": {"genre": "polka"}}, "polka"),
        ("/songs", {"curve": POINT, "seconds": 9, "conditions": {"genre": "polka"}}, "polka"),
        ("/songs", {"curve": POINT, "seconds": 9, "conditions": {"section": "chorus"}}, "follows from the place"),
        ("/songs", {"curve": POINT, "seconds": 2}, "shorter than a window"),
        ("/songs", {"curve": [{"time": 20, "valence": 0, "arousal": 0}], "seconds": 9}, "the curve ends at 20 s"),
        ("/songs", {"curve": POINT, "seconds": 9, "sampling": {"speed": 2}}, "speed"),
    ],
)
def test_what_the_model_cannot_do_fails_its_job_alone(
    client: httpx.Client, path: str, body: dict[str, Any], words: str
) -> None:
    last = finished(client, client.post(path, json={"model": "m0"} | body))
    assert last["type"] == "error"
    assert words in last["error"]["message"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "the upload is empty"), (b"RIFF" + bytes(40), None), (b"not a sound at all", None), (bytes(5000), None)],
)
def test_uploads_that_are_no_sound_are_refused_without_a_path(
    client: httpx.Client, content: bytes, words: str | None
) -> None:
    answer = client.post("/predict", content=content)
    if words is not None:
        assert (answer.status_code, answer.json()["error"]["message"]) == (422, words)
        return
    last = finished(client, answer)
    assert last["type"] == "error"
    assert "/" not in last["error"]["message"].replace("n/a", "")


def test_a_body_that_is_no_json_is_refused(client: httpx.Client) -> None:
    for content in (b"", b"{", b"[" * 5000, b'"text"', b"\xff\xfe"):
        answer = client.post("/compose", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 422
    assert client.post("/compose", content=b"{}").status_code == 422


def test_a_body_beyond_its_limit_is_refused(client: httpx.Client) -> None:
    answer = client.post("/compose", json={"curve": POINT, "genre": "x" * 100_000})
    assert answer.status_code == 413


def test_ids_that_nothing_has_are_not_found(client: httpx.Client) -> None:
    for path in (
        "/jobs/none",
        "/jobs/none/events",
        "/sounds/none.flac",
        "/sounds/..%2F..%2Fetc%2Fpasswd.flac",
        "/reports/r99",
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["error"]["message"].startswith("there is no such")
    assert client.get("/compose").status_code == 405


def test_the_page_and_its_files_are_served(address: str) -> None:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        page = client.get("/")
        assert "<title>affetti</title>" in page.text
        assert "http://" not in page.text.replace("http://www.w3.org", "")
        static = Path(affetti.__file__).parent / "web" / "static"
        for file in static.iterdir():
            assert client.get(f"/static/{file.name}").status_code == 200
        assert client.get("/static/../app.py").status_code == 404


def test_a_file_that_the_browser_has_is_not_sent_again(address: str) -> None:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        for url in ("/", "/static/main.js"):
            first = client.get(url)
            again = client.get(url, headers={"if-none-match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert "default-src 'none'" in again.headers["content-security-policy"]
            assert client.get(url, headers={"if-none-match": '"another"'}).content == first.content
            assert first.headers["cache-control"] == "no-cache"
        assert client.get("/api/v1/plane").headers["cache-control"] == "no-store"


def test_a_silent_recording_is_said_to_be_silent(client: httpx.Client) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(22_050 * 3, np.float32), 22_050, format="WAV")
    last = finished(client, client.post("/predict", content=file.getvalue()))
    assert last["error"]["message"].startswith("silent")


def test_uploads_do_not_outlive_their_job(client: httpx.Client, temporary: Path) -> None:
    finished(client, client.post("/predict", content=song(8.0)))
    assert list(temporary.glob("affetti-work-*"))
    assert not list(temporary.glob("affetti-work-*/*.upload"))


def test_the_example_client_of_the_docs_runs(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "serve.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    assert "http://127.0.0.1:8765" in code
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    exec(code.replace("http://127.0.0.1:8765", address), {})  # noqa: S102 - of our own docs
    assert capsys.readouterr().out.startswith("done {'path': None, 'valence': ")
    assert soundfile.info(tmp_path / "happy.flac").duration == pytest.approx(14.0, abs=3.0)


def test_a_busy_server_keeps_the_sounds_that_it_has(tmp_path: Path) -> None:
    """A request that is refused takes no sound's place."""
    queue, store = JobQueue(1, tmp_path, os.getpid, ()), SoundStore(tmp_path)
    endpoints = Endpoints(Offer(ServeSettings(), describe(ServeSettings())), queue, store)
    app = TestClient(Starlette(routes=endpoints.routes(), exception_handlers=ERROR_HANDLERS))
    kept = store.new("kept")
    kept.path.write_bytes(b"sound")
    for _ in range(MAX_WAITING):
        queue.submit("test", time.sleep, (600,), 600.0, dict)
    answers = [app.post("/compose", json={"curve": POINT}).status_code for _ in range(MAX_SOUNDS)]
    queue.stop()
    assert set(answers) == {503}
    assert store.get(kept.id) is not None
