"""Make the two pictures of the README: the page of ``affetti serve`` and the top of a report.

    affetti demo --out affetti-demo
    python docs/make_pictures.py affetti-demo

Needs a Chromium and the packages of ``.[dev]``. The pictures are PNG of 128 colours, so that both stay small.
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


def main(demo: Path) -> None:
    """Make both pictures from the folder of a demo."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--mute-audio"])
        save("report.png", report(browser, demo / "report.html"))
        with serving(demo) as address:
            save("serve.png", plane(browser, address))
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


@contextmanager
def serving(demo: Path) -> Generator[str]:
    """The page with the regressor of a demo; gives its address."""
    regressor = next(demo.glob("runs/student*"))
    command = [sys.executable, "-m", "affetti", "serve", "--port", "0", "--json", "--regressor", str(regressor)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            document = "".join(iter(cast(IO[str], server.stdout).readline, "}\n")) + "}"
            yield str(json.loads(document)["address"])
        finally:
            server.terminate()


def save(name: str, png: bytes) -> None:
    """Write a screenshot with few colours."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "affetti-demo"))
