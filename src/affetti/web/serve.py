"""``affetti serve``: the page, until it is interrupted."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from affetti.errors import UsageError
from affetti.web.app import create_app
from affetti.web.catalogue import describe
from affetti.web.connections import LimitedConnection
from affetti.web.endpoints import Offer
from affetti.web.reports import find_results
from affetti.web.security import new_token
from affetti.web.settings import ServeSettings
from affetti.weights import SHIPPED, is_shipped, shipped_regressor

MAX_HEADER_BYTES = 16 * 2**10
STOP_SECONDS = 2
"""Time that open connections have to end when the server stops."""


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
        tuple(map(Path, models)),
        _regressor_folder(regressor),
        tuple(map(Path, corpora)),
        tuple(map(Path, results)),
        host,
        port,
        workers,
    )
    make_server(settings, lambda address: _opened(address, on_address, open_browser)).run()


def make_server(settings: ServeSettings, on_address: Callable[[str], None]) -> PageServer:
    """A server that is bound to its port and not yet running; see :func:`run`."""
    reports = find_results(settings.results)
    offer = Offer(settings, describe(settings, reports), tuple(reports))
    listener = _listen(settings)
    token = None if settings.local else new_token()
    address = _address(settings, listener.getsockname()[1], token)
    config = uvicorn.Config(
        create_app(offer, token),
        log_config=None,
        log_level="critical",  # a request that fails is logged by the endpoint, on one line
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_graceful_shutdown=STOP_SECONDS,
        http=LimitedConnection,
        ws="none",
    )
    return PageServer(_Server(config, lambda: on_address(address)), listener)


@dataclass(frozen=True)
class PageServer:
    """A server and the socket that it listens on."""

    server: _Server
    listener: socket.socket

    def run(self) -> None:
        """Serve until it is interrupted or stopped."""
        try:
            self.server.run(sockets=[self.listener])
        except KeyboardInterrupt:  # uvicorn raises the signal again once it has stopped
            pass
        finally:
            self.listener.close()

    def stop(self) -> None:
        """Have :meth:`run` return, from another thread."""
        self.server.should_exit = True


class _Server(uvicorn.Server):
    """Says when it can be reached."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self.on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self.on_start()


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


def _listen(settings: ServeSettings) -> socket.socket:
    """A socket bound to the host and port.

    Raises:
        UsageError: it cannot be.
    """
    listener = None
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
    except OSError as error:
        if listener is not None:
            listener.close()
        where = f"{settings.host}:{settings.port}"
        raise UsageError(
            f"cannot listen there ({error.strerror or error})", where=where, hint="give another --port, or --port 0"
        ) from error
    return listener


def _address(settings: ServeSettings, port: int, token: str | None) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.everywhere:
        host = socket.gethostname()
    return f"http://{host}:{port}/" + ("" if token is None else f"?token={token}")
