"""``affetti serve``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from affetti.cli.flags import CommonFlags, parse, resolve
from affetti.cli.output import print_result
from affetti.weights import SHIPPED

NONE = "none"
"""As --regressor: nothing is predicted."""


@dataclass(frozen=True)
class Flags(CommonFlags):
    """Open a page in the browser: click on the emotion plane and hear music; drop a song and see its emotion.

    Works with no model: then the composer plays. Nothing leaves this machine. Ctrl-C ends it.
    """

    model: tuple[Path, ...] = ()
    """Runs of generators, a tab each."""
    regressor: Path | None = None
    """Run of a regressor, or an ONNX file (default shipped: the regressor that ships with affetti; none: nothing is
    predicted)."""
    corpus: tuple[Path, ...] = ()
    """Corpora whose clips can be played beside generated ones."""
    results: tuple[Path, ...] = ()
    """Scorecards, studies, audits, runs, corpora, or folders that hold them: shown as reports."""
    host: str | None = None
    """Address to listen on (default 127.0.0.1: this machine alone); with any other the page's address holds a token."""
    port: int | None = None
    """Port (default 8765; 0: any free one)."""
    workers: int | None = None
    """Processes that compute (default 2)."""
    open: bool = False
    """Open the page in a browser."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "serve")
    settings = resolve(flags, {"regressor": SHIPPED, "host": "127.0.0.1", "port": 8765, "workers": 2}, flags.config)
    from affetti.web import serve

    serve.run(
        models=settings.get("model", ()),
        regressor=None if str(settings["regressor"]) == NONE else settings["regressor"],
        corpora=settings.get("corpus", ()),
        results=settings.get("results", ()),
        host=settings["host"],
        port=settings["port"],
        workers=settings["workers"],
        open_browser=settings.get("open", False),
        on_address=lambda address: print_result({"address": address}, flags.json, address),
    )
    return 0
