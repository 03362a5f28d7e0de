"""``affetti listen serve``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro

from affetti.cli.flags import parse
from affetti.cli.output import print_result


@dataclass(frozen=True)
class Flags:
    """Serve a listening study: listeners open a link, you see how far it is on a page of your own.

    Every answer is on disk before the page goes on; listeners continue where they were when it is started again.
    Nobody's name or address is kept. Ctrl-C ends it.
    """

    study: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="STUDY")]]
    """Folder of the study, with study.toml and clips/."""
    host: str = "127.0.0.1"
    """Address to listen on; by default this machine alone can open the study."""
    port: int = 8000
    """Port; 0: any free one."""
    url: str | None = None
    """Address under which a reverse proxy makes the study known, such as https://example.org/study/."""
    open: bool = False
    """Open your page in a browser."""
    json: bool = False
    """Print one JSON document to stdout, nothing else."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "listen serve")
    from affetti.web.listening import serve

    def started(addresses: serve.StudyAddresses) -> None:
        lines = f"listeners   {addresses.listeners}\nresearcher  {addresses.researcher}"
        print_result(asdict(addresses), flags.json, lines)

    serve.run(
        flags.study,
        host=flags.host,
        port=flags.port,
        url=flags.url,
        open_browser=flags.open,
        on_addresses=started,
    )
    return 0
