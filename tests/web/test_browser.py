"""The page in a real browser, used by mouse and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Position,
    Request,
    Route,
    expect,
)

from affetti.compose.curve import compose_along
from affetti.compose.renderer import render
from affetti.emotion import EmotionCurve

SECONDS = 60_000
"""Milliseconds that anything may take on a busy machine."""
WATCH = """() => {
  const line = document.getElementById("song-status");
  window.seen = [];
  new MutationObserver(() => window.seen.push(line.textContent)).observe(line, { childList: true });
}"""
"""Keeps what the status of the page Song says."""


@pytest.fixture
def page(browser: Browser, address: str) -> Generator[Page]:
    """A page on whose console nothing may appear, and which may reach nothing but the server."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(SECONDS)
    faults: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            faults.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((address, "blob:", "data:")):
            faults.append(f"a request to {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", on_request)
    yield page
    page.close()
    assert faults == []


def at(plane: Locator, across: float, down: float) -> Position:
    box = plane.bounding_box()
    assert box is not None
    return {"x": across * box["width"], "y": down * box["height"]}


def test_a_click_on_the_plane_plays_music_of_that_emotion(page: Page, address: str) -> None:
    page.goto(address)
    plane = page.locator("#plane svg")
    plane.click(position=at(plane, 0.75, 0.3))
    expect(page.locator("#plane-facts")).to_contain_text("Predicted")
    expect(page.locator("#plane-facts")).to_contain_text("Its cues give")
    expect(page.locator("#plane-stop")).to_be_enabled()
    assert page.locator("#cue-mode").input_value() == "major"
    without_serious_faults(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="MIDI").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"MThd"
    page.locator("#plane-stop").click()
    expect(page.locator("#plane-status")).to_have_text("Stopped.")


def test_the_plane_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("#plane svg").focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator("#plane-facts")).to_contain_text("valence \u22120.10, arousal \u22120.25")
    expect(page.locator("#plane-stop")).to_be_enabled()


def test_a_cue_that_is_moved_stays_where_it_is(page: Page, address: str) -> None:
    page.goto(address)
    plane = page.locator("#plane svg")
    plane.click(position=at(plane, 0.7, 0.3))
    expect(page.locator("#effect-mode")).to_contain_text("V +0.47")
    page.locator("#cue-mode").select_option("minor")
    expect(page.locator("#effect-mode")).to_contain_text("V +0.00")
    plane.click(position=at(plane, 0.8, 0.3))
    expect(page.locator("#follow")).to_be_enabled()
    assert page.locator("#cue-mode").input_value() == "minor"
    page.locator("#follow").click()
    expect(page.locator("#effect-mode")).to_contain_text("V +0.47")


def test_a_generator_is_sampled_where_one_clicks(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("tab", name="flow").click()
    plane = page.locator("#plane svg")
    plane.click(position=at(plane, 0.3, 0.3))
    expect(page.locator("#plane-facts")).to_contain_text("Predicted")
    expect(page.locator("#sampling")).to_contain_text("Requested of flow")
    expect(page.locator("#plane-stop")).to_be_enabled()


def test_a_path_becomes_a_piece_with_its_curve(page: Page, address: str) -> None:
    page.goto(f"{address}#path")
    plane = page.locator("#path-plane svg")
    for across, down in ((0.2, 0.8), (0.5, 0.5), (0.8, 0.3)):
        plane.click(position=at(plane, across, down))
    page.locator("#path-seconds").fill("20")
    page.locator("#path-make").click()
    expect(page.locator("#path-status")).to_contain_text("20 seconds in 3 sections")
    expect(page.locator("#path-curve polyline")).to_have_count(4)
    expect(page.locator("#path-curve")).to_contain_text("predicted")
    without_serious_faults(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert Path(download.value.path()).read_text().startswith("what,time,valence,arousal\nrequested,0,")


def test_a_generator_follows_a_path(page: Page, address: str) -> None:
    page.goto(f"{address}#path")
    page.locator("#path-source").select_option(label="flow (joint denoising)")
    expect(page.locator("#path-composer")).to_be_hidden()
    plane = page.locator("#path-plane svg")
    for across, down in ((0.2, 0.8), (0.8, 0.3)):
        plane.click(position=at(plane, across, down))
    page.locator("#path-seconds").fill("12")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#path-status")).to_have_text("12 seconds by flow, made by joint denoising.")
    expect(page.locator("#path-curve")).to_contain_text("predicted (solid)")
    expect(page.locator("#path-downloads a")).to_have_text(["FLAC", "CSV"])
    expect(page.locator("#path-progress")).to_be_hidden()
    page.locator("#path-seconds").fill("180")
    page.locator("#path-sampling").get_by_text("Sampling parameters").click()
    page.locator("#path-sampling-steps").fill("900")
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#path-status")).to_have_text("was cancelled: send it again")


def test_a_path_that_is_drawn_keeps_its_timing(page: Page, address: str) -> None:
    page.goto(f"{address}#path")
    plane = page.locator("#path-plane svg")
    expect(plane).to_be_visible()
    box = plane.bounding_box()
    assert box is not None

    def move(across: float, down: float) -> None:
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])

    move(0.2, 0.5)
    page.mouse.down()
    move(0.4, 0.5)
    page.wait_for_timeout(1200)  # the hand rests: so does the music
    move(0.4, 0.51)
    move(0.8, 0.5)
    page.mouse.up()
    expect(page.locator("#path-status")).to_contain_text("1 part, as long in the piece as in the drawing")
    page.locator("#path-seconds").fill("20")
    with page.expect_request("**/api/v1/compose") as sent:
        page.locator("#path-make").click()
    curve = json.loads(sent.value.post_data or "")["curve"]
    assert curve[0]["time"] == 0 and curve[-1]["time"] == 20
    rest = max(range(1, len(curve)), key=lambda i: curve[i]["time"] - curve[i - 1]["time"])
    assert curve[rest]["time"] - curve[rest - 1]["time"] > 10
    assert abs(curve[rest]["valence"] - curve[rest - 1]["valence"]) < 0.1
    expect(page.locator("#path-status")).to_contain_text("20 seconds in")
    page.locator("#path-undo").click()
    expect(page.locator("#path-make")).to_be_disabled()


def test_a_path_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(f"{address}#path")
    page.locator("#path-plane svg").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#path-status")).to_contain_text("2 points")


def test_a_recording_is_predicted_and_downloaded(page: Page, address: str, tmp_path: Path) -> None:
    for name, valence in (("sad.wav", -0.5), ("happy.wav", 0.5)):
        soundfile.write(
            tmp_path / name, render(compose_along(EmotionCurve((0.0,), ((valence, valence),)), 10), 22_050), 22_050
        )
    (tmp_path / "broken.mp3").write_bytes(b"no sound")
    page.goto(f"{address}#song")
    expect(page.locator("#drop")).to_be_visible()  # files can be set on a page that is hidden still
    page.locator("#files").set_input_files([tmp_path / "sad.wav", tmp_path / "happy.wav"])
    rows = page.locator("#songs tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Valence").click()
    expect(page.locator("#songs th[aria-sort=ascending]")).to_contain_text("Valence")
    page.locator("#songs").get_by_role("button", name="happy.wav").click()
    expect(page.locator("#song-curve polyline")).to_have_count(2)
    with page.expect_download() as download:
        page.locator("#song-downloads").get_by_role("link", name="CSV").click()
    assert Path(download.value.path()).read_text().startswith("time,valence,arousal\n")
    without_serious_faults(page)
    page.locator("#files").set_input_files(tmp_path / "broken.mp3")
    expect(page.locator("#song-status")).to_contain_text("broken.mp3:")
    expect(rows).to_have_count(2)


def test_a_long_recording_is_drawn_while_it_is_read(page: Page, address: str, tmp_path: Path) -> None:
    piece = render(compose_along(EmotionCurve((0.0,), ((-0.5, 0.5),)), 20), 22_050)
    soundfile.write(tmp_path / "long.wav", np.tile(piece, 20), 22_050)
    page.goto(f"{address}#song")
    expect(page.locator("#drop")).to_be_visible()
    page.evaluate(WATCH)
    page.locator("#files").set_input_files(tmp_path / "long.wav")
    expect(page.locator("#songs tbody tr")).to_have_count(1)
    seen = page.evaluate("() => window.seen")
    read = [line for line in seen if "read to" in line]
    assert read[0].startswith("long.wav: read to 0:11")
    assert len(read) > 5
    assert any("predicted to" in line for line in seen)
    expect(page.locator("#song-curve-note")).to_contain_text("Each point is predicted from the 6 s around it")


def test_songs_listening_and_reports_by_keyboard_alone(page: Page, address: str, tmp_path: Path) -> None:
    def press(selector: str, key: str = "Enter") -> None:
        page.locator(selector).focus()
        page.keyboard.press(key)

    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 60_000), 22_050)
    page.goto(f"{address}#song")
    expect(page.locator("#drop")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        press("#files", "Space")
    chooser.value.set_files(tmp_path / "noise.wav")
    expect(page.locator("#songs tbody tr")).to_have_count(1)
    press("#songs [data-sort=arousal]")
    expect(page.locator("#songs th[aria-sort]")).to_contain_text("Arousal")
    press("#songs tbody button")
    expect(page.locator("#song-name")).to_have_text("noise.wav")
    press("[data-page=listen]")
    expect(page.locator("#listen-next")).to_be_visible()
    press("#listen-next")
    expect(page.locator("#listen-clips button")).to_have_count(2)
    press("#listen-clips li:last-child button", "Space")
    expect(page.locator("#listen-clips li:last-child button")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("() => document.activeElement.closest('#listen-clips') !== null")  # the focus stays there
    press("#listen-reveal")
    expect(page.locator("#listen-clips")).to_contain_text("real (")
    without_serious_faults(page)
    press("[data-page=reports]")
    expect(page.locator("#report-open")).to_be_visible()
    page.locator("#report-choice").focus()
    page.keyboard.type("results0/page")
    press("#report-open")
    expect(page.frame_locator("#report-frame").locator("h1")).to_have_text("Made before")


def test_a_round_is_blind_until_its_names_are_shown(page: Page, address: str) -> None:
    page.goto(f"{address}#listen")
    page.locator("#listen-next").click()
    clips = page.locator("#listen-clips button")
    expect(clips).to_have_count(2)
    expect(clips.first).to_have_text("Clip 1")
    clips.first.click()
    expect(clips.first).to_have_attribute("aria-pressed", "true")
    page.locator("#listen-reveal").click()
    expect(page.locator("#listen-clips")).to_contain_text("real (")
    expect(page.locator("#listen-near")).to_contain_text("of flow")


def test_a_page_is_not_shown_before_it_works(page: Page, address: str) -> None:
    def slowly(route: Route) -> None:
        page.wait_for_timeout(700)
        route.continue_()

    page.route("**/static/listen.js", slowly)
    page.goto(f"{address}#listen")
    page.locator("#listen-next").click()
    expect(page.locator("#listen-clips button")).to_have_count(2)


def test_a_report_opens_in_place(page: Page, address: str) -> None:
    page.goto(f"{address}#reports")
    page.locator("#report-choice").select_option(label="results0/page.html")
    page.locator("#report-open").click()
    expect(page.frame_locator("#report-frame").locator("h1")).to_have_text("Made before")


def without_serious_faults(page: Page) -> None:
    """axe-core finds nothing serious in what the page shows now."""
    report = Axe().run(page).response
    assert len(report["passes"]) > 10
    serious = [fault for fault in report["violations"] if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in serious] == []


@pytest.mark.parametrize("name", ["plane", "path", "song", "listen", "reports"])
def test_no_page_has_a_serious_fault_of_accessibility(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}#{name}")
    expect(page.locator(f"#page-{name}")).to_be_visible()
    page.wait_for_timeout(300)
    without_serious_faults(page)


def test_it_fits_a_phone_and_the_dark(browser: Browser, address: str, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 640}, color_scheme="dark")
    page.set_default_timeout(SECONDS)
    for name in ("plane", "path", "song", "listen", "reports"):
        page.goto(f"{address}#{name}")
        expect(page.locator(f"#page-{name}")).to_be_visible()
        page.wait_for_timeout(200)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, name
    page.goto(f"{address}#song")
    expect(page.locator("#drop")).to_be_visible()
    long_name = tmp_path / f"{'a_long_name_' * 8}.wav"
    soundfile.write(long_name, np.random.default_rng(0).normal(0, 0.1, 60_000), 22_050)
    page.locator("#files").set_input_files(long_name)
    expect(page.locator("#songs tbody tr")).to_have_count(1)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    page.close()
