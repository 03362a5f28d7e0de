"""What every application of this package serves besides its API: pages and static files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from affetti import provenance

HERE = Path(__file__).parent
MEDIA_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}


def page_route(address: str, template: str, **values: Any) -> Route:
    """A page of ``templates/``, rendered once, with the version of affetti and ``values``."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = templates.get_template(template).render(version=provenance.versions()["affetti"], **values)
    return _file_route(address, text.encode(), "text/html")


def static_routes(folder: Path = HERE / "static") -> list[Route]:
    """A route for each file of a folder."""
    files = sorted(folder.iterdir())
    return [_file_route(f"/{path.name}", path.read_bytes(), MEDIA_TYPES[path.suffix]) for path in files]


def _file_route(address: str, content: bytes, media_type: str) -> Route:
    """A file that is kept in memory: while workers are busy, a thread that opens it would wait for a processor.

    Browsers keep it, and ask each time whether it is still the same.
    """
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}

    async def answer(request: Request) -> Response:
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    return Route(address, answer)
