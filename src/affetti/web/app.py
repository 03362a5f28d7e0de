"""The application: pages, static files and the JSON API, behind the security middleware."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from affetti import provenance
from affetti.errors import AffettiError
from affetti.scratch import ScratchFolder
from affetti.web import tasks
from affetti.web.endpoints import Endpoints, Offer, error_response
from affetti.web.jobs import JobQueue
from affetti.web.security import SecurityMiddleware, server_names
from affetti.web.sounds import SoundStore

HERE = Path(__file__).parent
API = "/api/v1"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def create_app(offer: Offer, token: str | None = None) -> Starlette:
    """The application of one server. Its worker processes and temporary folder live as long as it does.

    Args:
        offer: its settings, models and results.
        token: required of every request, where it is given.
    """
    settings = offer.settings
    scratch = ScratchFolder()  # readable by this user alone
    queue = JobQueue(settings.workers, scratch.path, tasks.initialise, (settings.regressor,))
    endpoints = Endpoints(offer, queue, SoundStore(scratch.path))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        try:
            queue.warm_up()
            yield
        finally:
            queue.stop()
            scratch.remove()

    # Other machines know this one by names that it cannot list. A page elsewhere that takes on such a name has no
    # token: the cookie that holds it belongs to the name under which the token was given.
    names = None if settings.everywhere else server_names(settings.host)
    content = _page()

    async def page(_request: Request) -> Response:
        return HTMLResponse(content)

    return Starlette(
        routes=[
            Route("/", page),
            Mount(API, routes=endpoints.routes()),
            Mount("/static", routes=[_static(path) for path in sorted((HERE / "static").iterdir())]),
        ],
        middleware=[Middleware(SecurityMiddleware, names=names, token=token)],
        exception_handlers={HTTPException: _http_error, AffettiError: error_response},
        lifespan=lifespan,
    )


def _page() -> str:
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return templates.get_template("page.html").render(version=provenance.versions()["affetti"])


def _static(path: Path) -> Route:
    """A file that is kept in memory: while workers are busy, a thread that opens it would wait for a processor."""
    content, media_type = path.read_bytes(), MEDIA_TYPES[path.suffix]

    async def answer(_request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(f"/{path.name}", answer)


def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    messages = {404: "there is no such page", 405: "this address does not take that method"}
    message = messages.get(status, "the request cannot be answered")
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse({"error": {"message": message, "hint": None}}, status_code=status, headers=headers)
