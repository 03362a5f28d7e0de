"""One server for all tests of the page, whose worker processes take seconds to start, and a browser."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect, sync_playwright

import material
from affetti.web import serve

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MILLISECONDS = 60_000
"""What anything may take in the browser on a busy machine."""


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Generator[Browser]:
    given = request.config.getoption("--browser-executable")
    executable = given or next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip("no Chromium is installed: name one with --browser-executable")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--mute-audio"])
        except Error as error:
            pytest.skip(f"{executable} does not start: {error}")
        expect.set_options(timeout=MILLISECONDS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def run_of() -> Callable[[str], Path]:
    return material.trained


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server of :func:`address` has its temporary folder, and no other server has."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory, temporary: Path) -> Generator[str]:
    """The address of a server with a generator, a regressor, a corpus and two results."""
    results = tmp_path_factory.mktemp("results")
    (results / "run").symlink_to(material.trained("student"))
    (results / "page.html").write_text("<!doctype html><title>made before</title><h1>Made before</h1>")
    ready, addresses = threading.Event(), []

    def started(url: str) -> None:
        addresses.append(url)
        ready.set()

    settings = serve.ServeSettings(
        models=(material.trained("flow"),),
        regressor=material.trained("student"),
        corpora=(material.composed(),),
        results=(results,),
        port=0,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        server = serve.make_server(settings, started)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert ready.wait(120)
    yield addresses[0].rstrip("/")
    server.stop()
    thread.join(60)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def made() -> Callable[..., Path]:
    return material.generated
