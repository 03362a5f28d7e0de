"""Listening studies in a real browser, from consent to the completion code, by mouse and by keyboard."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Route, expect

from affetti.studies.listening.ratings import FILE, RatingStore
from affetti.studies.listening.study import QUALITY, SAM, Task
from affetti.web.listening.serve import StudyAddresses

MILLISECONDS = 60_000
CONDITIONS = 2
KINDS: dict[str, tuple[Task, dict[str, Any]]] = {
    "plane": ("rate", {}),
    "manikins": ("rate", {"scales": (*SAM, QUALITY), "plane": False}),
    "pair": ("pair", {}),
    "mushra": ("mushra", {}),
    "spot": ("spot", {}),
}
Serve = Callable[..., StudyAddresses]


@contextmanager
def visiting(browser: Browser, **settings: Any) -> Generator[BrowserContext]:
    """A browser of somebody, on whose console nothing may appear."""
    faults: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # A refused request is on the console too, and is what some tests are about.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            faults.append(message.text)

    context = browser.new_context(**settings)
    context.set_default_timeout(MILLISECONDS)
    context.on("console", on_console)
    context.on("weberror", lambda error: faults.append(str(error.error)))
    yield context
    context.close()
    assert faults == []


@pytest.fixture
def person(browser: Browser) -> Generator[BrowserContext]:
    with visiting(browser) as context:
        yield context


def begin(page: Page, address: str) -> None:
    """Consent, set the volume."""
    page.goto(address)
    page.locator("#agree").check()
    page.get_by_role("button", name="Begin").click()
    set_volume(page)


def set_volume(page: Page) -> None:
    expect(page.get_by_role("heading", name="Set the volume")).to_be_visible()
    page.locator(".play").click()
    page.get_by_role("button", name="Next").click()


def listen(page: Page, press: Callable[[Locator], None] = Locator.click) -> None:
    """Play every sound of the trial to its end."""
    plays = page.locator(".trial .play")
    expect(plays.first).to_be_visible()
    in_a_loop = page.locator(".mushra").count() > 0
    for i in range(plays.count()):
        press(plays.nth(i))
        expect(page.locator(".play.playing, .play.whole")).not_to_have_count(0)
        assert page.locator(".play.playing").count() <= 1
        while in_a_loop and not is_whole(plays.nth(i)):  # counted once it is stopped
            page.wait_for_timeout(500)
            press(plays.nth(i))
            if not is_whole(plays.nth(i)):
                press(plays.nth(i))
        expect(plays.nth(i)).to_have_class(re.compile("whole"))
    expect(page.locator(".play.whole")).to_have_count(plays.count())
    expect(page.locator(".play.playing")).to_have_count(0)


def is_whole(play: Locator) -> bool:
    return "whole" in (play.get_attribute("class") or "").split()


def at(place: Locator, across: float, down: float) -> Any:
    box = place.bounding_box()
    assert box is not None
    return {"x": across * box["width"], "y": down * box["height"]}


def answer(page: Page, kind: str) -> None:
    """Answer by mouse."""
    if kind == "plane":
        page.locator(".pad").click(position=at(page.locator(".pad"), 0.75, 0.25))
    if kind == "manikins":
        for axis, point in (("valence", 7), ("arousal", 2)):
            page.locator(f"input[name={axis}]").nth(point - 1).check()
    if kind in ("plane", "manikins"):
        page.locator("label", has_text="good").click()
    elif kind == "mushra":
        for i, slider in enumerate(page.locator("input[type=range]").all()):
            slider.click(position=at(slider, 0.1 + 0.2 * i, 0.5))
    else:
        page.locator(".choice").nth(1).click()


def answers_of(folder: Path) -> list[dict[str, float]]:
    with sqlite3.connect(folder / FILE) as sql:
        return [json.loads(text) for (text,) in sql.execute("select answer from answer order by trial")]


def assert_accessible(page: Page) -> None:
    report = Axe().run(page).response
    serious = [fault for fault in report["violations"] if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in serious] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_study_by_mouse(person: BrowserContext, serve_study: Serve, tmp_path: Path, kind: str) -> None:
    task, changes = KINDS[kind]
    addresses = serve_study(task, conditions=CONDITIONS, **changes)
    page = person.new_page()
    begin(page, addresses.listeners)
    for heading in ("Practice", "Question 1 of 2", "Question 2 of 2"):
        expect(page.get_by_role("heading", name=heading)).to_be_focused()
        listen(page)
        page.get_by_role("button", name="Next").click()
        expect(page.locator("main .status.error")).to_have_text(
            re.compile("Answer every question first|Rate every sound")
        )
        answer(page, kind)
        if heading == "Practice":
            assert_accessible(page)
        page.get_by_role("button", name="Next").click()
    expect(page.locator("#code")).to_have_text("MUSIC-42")
    stored = answers_of(tmp_path / "study")
    assert len(stored) == CONDITIONS
    if kind == "plane":
        assert stored[0]["valence"] == pytest.approx(0.58, abs=0.03)
        assert stored[0]["arousal"] == pytest.approx(0.58, abs=0.03)
    expected = {"plane": {"quality": 4.0}, "manikins": {"valence": 7.0, "arousal": 2.0, "quality": 4.0}}
    assert stored[0].items() >= expected.get(kind, {} if kind == "mushra" else {"choice": 1.0}).items()
    if kind == "mushra":
        assert [stored[0][str(i)] for i in range(4)] == pytest.approx([9, 29, 50, 71], abs=4)


def tab_to(page: Page, place: Locator) -> None:
    """Press Tab until the keyboard is there."""
    for _ in range(60):
        if place.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {place}")


def press_on(page: Page, place: Locator, key: str) -> None:
    tab_to(page, place)
    page.keyboard.press(key)


def answer_by_keyboard(page: Page, kind: str) -> None:
    if kind == "plane":
        press_on(page, page.locator(".pad"), "Shift+ArrowRight")
        page.keyboard.press("ArrowUp")
    if kind == "manikins":
        for axis in ("valence", "arousal"):
            press_on(page, page.locator(f"input[name={axis}]").first, "ArrowRight")
    if kind in ("plane", "manikins"):
        press_on(page, page.locator("input[name=quality]").first, "Space")
    elif kind == "mushra":
        for slider in page.locator("input[type=range]").all():
            press_on(page, slider, "PageUp")
    else:
        press_on(page, page.locator("input[name=choice]").first, "Space")


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_study_by_keyboard_on_a_phone_in_the_dark(
    browser: Browser, serve_study: Serve, tmp_path: Path, kind: str
) -> None:
    task, changes = KINDS[kind]
    addresses = serve_study(task, conditions=CONDITIONS, practice=False, **changes)
    small = {"viewport": {"width": 360, "height": 700}, "color_scheme": "dark", "reduced_motion": "reduce"}
    with visiting(browser, **small) as context:
        page = context.new_page()
        page.goto(addresses.listeners)
        press_on(page, page.locator("#agree"), "Space")
        press_on(page, page.get_by_role("button", name="Begin"), "Enter")
        expect(page.get_by_role("heading", name="Set the volume")).to_be_focused()
        expect(page.locator(".play")).to_be_visible()
        press_on(page, page.locator(".play"), "Enter")
        press_on(page, page.locator("#volume"), "ArrowLeft")
        press_on(page, page.get_by_role("button", name="Next"), "Enter")
        for heading in ("Question 1 of 2", "Question 2 of 2"):
            expect(page.get_by_role("heading", name=heading)).to_be_focused()
            listen(page, lambda play: press_on(page, play, "Space"))
            answer_by_keyboard(page, kind)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
            if heading == "Question 1 of 2":
                assert_accessible(page)
            press_on(page, page.get_by_role("button", name="Next"), "Enter")
        expect(page.locator("#code")).to_have_text("MUSIC-42")
    stored = answers_of(tmp_path / "study")
    assert len(stored) == CONDITIONS
    expected = {
        "plane": {"valence": 0.2, "arousal": 0.05, "quality": 1.0},
        "manikins": {"valence": 2.0, "arousal": 2.0},
    }
    points = {str(i): 60.0 for i in range(4)} if kind == "mushra" else {"choice": 0.0}
    assert stored[0].items() >= expected.get(kind, points).items()


def test_consent_and_the_end_are_accessible_and_withdrawal_deletes(
    person: BrowserContext, serve_study: Serve, tmp_path: Path
) -> None:
    addresses = serve_study("pair", conditions=1, practice=False)
    page = person.new_page()
    page.goto(addresses.listeners)
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("main .status")).to_have_text("Tick the box if you agree to take part.")
    assert_accessible(page)
    begin(page, addresses.listeners)
    listen(page)
    answer(page, "pair")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#code")).to_have_text("MUSIC-42")
    assert_accessible(page)
    page.get_by_role("button", name="Withdraw and delete my answers").click()
    assert_accessible(page)
    page.locator("#withdraw-no").click()
    assert len(answers_of(tmp_path / "study")) == 1
    page.get_by_role("button", name="Withdraw and delete my answers").click()
    page.locator("#withdraw-yes").click()
    expect(page.get_by_role("heading", name="You have withdrawn")).to_be_focused()
    assert answers_of(tmp_path / "study") == []


def test_a_closed_tab_continues_from_its_link_and_two_tabs_are_one_listener(
    browser: Browser, serve_study: Serve, tmp_path: Path
) -> None:
    addresses = serve_study("pair", conditions=3, practice=False)
    with visiting(browser) as first:
        page = first.new_page()
        begin(page, addresses.listeners)
        expect(page.get_by_role("heading", name="Question 1 of 3")).to_be_visible()
        other = first.new_page()
        other.goto(addresses.listeners)  # without the link: the same browser
        set_volume(other)
        expect(other.get_by_role("heading", name="Question 1 of 3")).to_be_visible()
        for tab, choice in ((page, 0), (other, 1)):
            listen(tab)
            tab.locator(".choice").nth(choice).click()
            tab.get_by_role("button", name="Next").dblclick()
            expect(tab.get_by_role("heading", name="Question 2 of 3")).to_be_visible()
        link = page.url
    assert [answer["choice"] for answer in answers_of(tmp_path / "study")] == [0.0]
    with visiting(browser) as elsewhere:
        page = elsewhere.new_page()
        page.goto(link)
        set_volume(page)
        expect(page.get_by_role("heading", name="Question 2 of 3")).to_be_visible()
        page.goto(addresses.listeners + "#new")
        expect(page.get_by_role("heading", name="Before you begin")).to_be_visible()


def test_an_answer_is_kept_and_sent_again_while_the_server_has_no_room(
    person: BrowserContext, serve_study: Serve, tmp_path: Path
) -> None:
    addresses = serve_study("spot", conditions=2, practice=False)
    page = person.new_page()
    full = True

    def on_answer(route: Route) -> None:
        if full:
            error = json.dumps({"error": {"message": "the disk is full", "hint": None}})
            route.fulfill(status=507, content_type="application/json", body=error)
        else:
            route.continue_()

    page.route("**/listener/answers", on_answer)
    begin(page, addresses.listeners)
    listen(page)
    answer(page, "spot")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("main .status.error")).to_contain_text("It is kept here and sent again")
    expect(page.locator("input[name=choice]").first).to_be_disabled()
    page.reload()
    set_volume(page)
    expect(page.locator("main .status.error")).to_contain_text("It is kept here and sent again")
    assert answers_of(tmp_path / "study") == []
    other = person.new_page()  # somebody else at the same computer, who has not answered
    begin(other, addresses.listeners + "#new")
    expect(other.locator(".trial .play").first).to_be_visible()
    full = False
    expect(page.get_by_role("heading", name="Question 2 of 2")).to_be_visible()
    expect(other.get_by_role("heading", name="Question 1 of 2")).to_be_visible()
    assert answers_of(tmp_path / "study") == [{"choice": 1.0}]


def test_next_waits_for_every_sound_to_end(person: BrowserContext, serve_study: Serve) -> None:
    addresses = serve_study("pair", conditions=1, practice=False, seconds=3.0)
    page = person.new_page()
    begin(page, addresses.listeners)
    plays = page.locator(".trial .play")
    plays.nth(0).click()
    answer(page, "pair")
    plays.nth(1).click()
    expect(page.locator(".play.playing")).to_have_count(1)
    expect(plays.nth(1)).to_have_class(re.compile("playing"))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("main .status.error")).to_have_text("Listen to the end first: A")
    expect(plays.nth(0)).to_be_focused()


SOUND_SPY = """
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...given) {
  window.lastSound = this.buffer;
  return start.apply(this, given);
};
"""
QUIETEST = """(speakers) => {
  const [left, right] = [0, 1].map((channel) => window.lastSound.getChannelData(channel));
  const third = Math.floor(left.length / 3);
  const loudness = [0, 1, 2].map((part) => {
    let sum = 0;
    for (let i = part * third; i < (part + 1) * third; i++) {
      sum += speakers ? (left[i] + right[i]) ** 2 : (2 * left[i]) ** 2;
    }
    return sum;
  });
  return loudness.indexOf(Math.min(...loudness));
}"""


@pytest.mark.parametrize(("speakers", "correct"), [(False, 6), (True, 0)])
def test_the_headphone_check_distinguishes_headphones_from_loudspeakers(
    person: BrowserContext, serve_study: Serve, tmp_path: Path, speakers: bool, correct: int
) -> None:
    """Over headphones one ear is heard alone; over loudspeakers both channels add up, and opposite ones cancel."""
    addresses = serve_study("pair", conditions=1, practice=False, headphone_check=True)
    page = person.new_page()
    page.add_init_script(SOUND_SPY)

    def shorter(route: Route) -> None:
        text = (
            route.fetch().text().replace("TONE = 1, PAUSE = 0.5, RAMP = 0.1", "TONE = 0.2, PAUSE = 0.05, RAMP = 0.02")
        )
        route.fulfill(body=text, content_type="text/javascript")

    page.route("**/headphones.js", shorter)
    begin(page, addresses.listeners)
    for number in range(1, 7):
        expect(page.locator(".count")).to_have_text(f"Round {number} of 6")
        if number == 1:
            assert_accessible(page)
        listen(page)
        page.locator(".choice").nth(page.evaluate(QUIETEST, speakers)).click()
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Question 1 of 1")).to_be_visible()
    with RatingStore.open(tmp_path / "study") as store:
        assert [listener.headphones for listener in store.listeners().values()] == [correct]


def test_the_researcher_sees_how_far_the_study_is(person: BrowserContext, serve_study: Serve) -> None:
    addresses = serve_study("pair", conditions=1, practice=False)
    page = person.new_page()
    begin(page, addresses.listeners)
    listen(page)
    answer(page, "pair")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#code")).to_be_visible()
    page.goto(addresses.researcher)
    expect(page.locator("#numbers")).to_contain_text("Finished1")
    expect(page.locator("#balance")).to_have_text("Each clip has answers of 1 listener.")
    expect(page.locator("#listeners tbody tr")).to_have_count(1)
    assert page.locator("#link").input_value() == addresses.listeners
    assert_accessible(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download ratings.csv").click()
    table = pd.read_csv(download.value.path())
    assert list(table["scale"]) == ["preference", "preference"]
    page.goto(addresses.listeners + "research#wrong")
    page.reload()
    expect(page.locator("#status")).to_contain_text("the token is wrong")
