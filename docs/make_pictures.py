"""Make the pictures: the page of ``affetti serve`` and the top of a report (README), and a trial of a listening study.

    affetti demo --out affetti-demo
    python docs/make_pictures.py affetti-demo [STUDY]

STUDY is the folder of a listening study of the task ``rate`` with the plane. Needs a Chromium and the packages of
``.[dev]``. The pictures are PNG of 128 colours, so that they stay small.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

IMAGES = Path(__file__).parent / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
COLOURS = 128
TIMEOUT = 60_000
"""Milliseconds that anything may take."""


def main(demo: Path, study: Path | None) -> None:
    """Make the pictures from the folder of a demo, and that of a study where one is given."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--mute-audio"])
        save("report.png", report(browser, demo / "report.html"))
        regressor = next(demo.glob("runs/student*"))
        with serving("serve", "--regressor", str(regressor)) as document:
            save("serve.png", plane(browser, document["address"]))
        if study is not None:
            with serving("listen", "serve", str(study)) as document:
                save("listening.png", trial(browser, document["listeners"]))
        browser.close()


def report(browser: Browser, path: Path) -> bytes:
    """The top of a report."""
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(path.resolve().as_uri())
    page.locator("h2").first.scroll_into_view_if_needed()
    return page.screenshot()


def plane(browser: Browser, address: str) -> bytes:
    """The emotion plane after a click: the music's log-mel, its predicted emotion, its cues."""
    page = browser.new_page(viewport={"width": 1200, "height": 860})
    page.set_default_timeout(TIMEOUT)
    page.goto(address)
    svg = page.locator("#plane svg")
    svg.click(position={"x": 350, "y": 140})
    expect(page.locator("#plane-stop")).to_be_enabled(timeout=TIMEOUT)
    expect(page.locator("#plane-facts")).to_contain_text(re.compile(r"Predicted\s*valence"), timeout=TIMEOUT)
    page.wait_for_timeout(1_000)  # the log-mel is drawn after it
    return page.screenshot()


def trial(browser: Browser, address: str) -> bytes:
    """The first page of a listening study, answered."""
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.set_default_timeout(TIMEOUT)
    page.goto(address)
    page.locator("#agree").check()
    page.get_by_role("button", name="Begin").click()
    page.locator(".play").click()
    page.get_by_role("button", name="Next").click()
    page.locator(".pad").click(position={"x": 300, "y": 130})
    for choices in page.locator("fieldset").all():
        choices.locator("label").nth(3).click()
    page.locator(".trial .play").click()
    page.wait_for_timeout(1_000)
    return page.screenshot()


@contextmanager
def serving(*verb: str) -> Generator[dict[str, str]]:
    """A server of affetti; gives the document that it prints."""
    command = [sys.executable, "-m", "affetti", *verb, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield json.loads("".join(iter(cast(IO[str], server.stdout).readline, "}\n")) + "}")
        finally:
            server.terminate()


def save(name: str, png: bytes) -> None:
    """Write a screenshot with few colours."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "affetti-demo"), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
