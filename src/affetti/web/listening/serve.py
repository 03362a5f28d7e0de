"""``affetti listen serve``: a study's pages, until it is interrupted."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from affetti.errors import UsageError
from affetti.studies.listening.ratings import RatingStore
from affetti.studies.listening.study import Study
from affetti.web.listening.app import create_app
from affetti.web.security import name_of, new_token
from affetti.web.server import Server, ServerSettings


@dataclass(frozen=True)
class StudyAddresses:
    """Where a study can be reached."""

    listeners: str
    """What participants open."""
    researcher: str
    """Progress and answers; it holds the token after the #, which browsers do not send."""


def run(
    study: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    url: str | None = None,
    open_browser: bool = False,
    on_addresses: Callable[[StudyAddresses], None] | None = None,
) -> None:
    """Serve a listening study to listeners, and its progress to the researcher.

    Returns when it is interrupted (Ctrl-C, SIGTERM). Every answer that the page has gone on from is in
    ``listening.sqlite`` of the study's folder, and listeners continue where they were when it is started again.

    Args:
        study: folder of the study, see :mod:`affetti.studies.listening.study`.
        host: address to listen on.
        port: 0 is any free one.
        url: address under which a reverse proxy makes it known; None: none does.
        open_browser: whether to open the researcher's page in a browser.
        on_addresses: receives the addresses once they can be opened.

    Raises:
        UsageError: the port is taken, the host is not this machine's, or the address is none.
        StorageError: a clip is missing or was changed, or the study was edited after answers came.
    """

    def started(addresses: StudyAddresses) -> None:
        if on_addresses is not None:
            on_addresses(addresses)
        if open_browser:
            webbrowser.open(addresses.researcher)

    make_server(study, ServerSettings(host=host, port=port), started, url).run()


def make_server(
    folder: str | Path, settings: ServerSettings, on_addresses: Callable[[StudyAddresses], None], url: str | None = None
) -> Server:
    """A server that is bound to its port and not yet running; see :func:`run`."""
    folder = Path(folder)
    public = None if url is None else _public(url)
    study = Study.open(folder)
    store = RatingStore.open(folder, study)
    token = new_token()
    names = settings.names
    if names is not None and public is not None:
        names = (*names, name_of(urlsplit(public).netloc))

    def started(address: str) -> None:
        base = public or address
        on_addresses(StudyAddresses(base, f"{base}research#{token}"))

    try:
        return Server(create_app(study, store, folder, token, names), settings, started)
    except UsageError:
        store.close()
        raise


def _public(url: str) -> str:
    """An address with a slash at its end.

    Raises:
        UsageError: it is no address of a page.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not name_of(parts.netloc) or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is no address", where="--url", hint="give one such as https://example.org/study/")
    return url if url.endswith("/") else f"{url}/"
