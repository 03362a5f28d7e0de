"""``affetti serve``: the page, until it is interrupted."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from affetti.web.app import create_app
from affetti.web.catalogue import describe
from affetti.web.endpoints import Offer
from affetti.web.reports import find_results
from affetti.web.security import new_token
from affetti.web.server import Server
from affetti.web.settings import ServeSettings
from affetti.weights import SHIPPED, is_shipped, shipped_regressor


def run(
    *,
    models: Sequence[str | Path] = (),
    regressor: str | Path | None = SHIPPED,
    corpora: Sequence[str | Path] = (),
    results: Sequence[str | Path] = (),
    host: str = "127.0.0.1",
    port: int = 8765,
    open_browser: bool = False,
    workers: int = 2,
    on_address: Callable[[str], None] | None = None,
) -> None:
    """Serve a page on which one clicks on the emotion plane and hears music, and sees the emotion of recordings.

    Returns when it is interrupted (Ctrl-C, SIGTERM); no process, port or temporary file is left.

    Args:
        models: runs of generators, a tab each; without any, the composer plays.
        regressor: run of a regressor, by default the one that ships with affetti; None: nothing is predicted.
        corpora: corpora whose clips can be played beside generated ones.
        results: results and folders of results, shown as reports.
        host: address to listen on; with any but this machine's own, the address of the page holds a token.
        port: 0 is any free one.
        open_browser: whether to open the page in a browser.
        workers: processes that compute.
        on_address: receives the address of the page once it can be opened.

    Raises:
        UsageError: the port is taken, or the host is not this machine's.
        AffettiError: a model, corpus or result cannot be opened.
    """
    settings = ServeSettings(
        models=tuple(map(Path, models)),
        regressor=_regressor_folder(regressor),
        corpora=tuple(map(Path, corpora)),
        results=tuple(map(Path, results)),
        host=host,
        port=port,
        workers=workers,
    )
    make_server(settings, lambda address: _opened(address, on_address, open_browser)).run()


def make_server(settings: ServeSettings, on_address: Callable[[str], None]) -> Server:
    """A server that is bound to its port and not yet running; see :func:`run`."""
    reports = find_results(settings.results)
    offer = Offer(settings, describe(settings, reports), tuple(reports))
    token = None if settings.local else new_token()
    return Server(create_app(offer, token), settings, on_address, token)


def _regressor_folder(regressor: str | Path | None) -> Path | None:
    """Where the regressor lies; a fixed place, whatever lies in the folder that the server runs in."""
    if regressor is None:
        return None
    return shipped_regressor() if is_shipped(regressor) else Path(regressor)


def _opened(address: str, on_address: Callable[[str], None] | None, open_browser: bool) -> None:
    if on_address is not None:
        on_address(address)
    if open_browser:
        webbrowser.open(address)
