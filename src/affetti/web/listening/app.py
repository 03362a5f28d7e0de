"""The application of a listening study: its pages, static files and JSON API, behind the security middleware.

Everybody may take part, so that no token is required but for the researcher's part of the API. The pages keep no
cookie: the keys of listeners and of the researcher travel in headers, which no other page can make a browser send.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount

from affetti.errors import StorageError
from affetti.studies.listening.ratings import RatingStore
from affetti.studies.listening.study import Study
from affetti.web.errors import ERROR_HANDLERS, error_message
from affetti.web.listening.endpoints import Endpoints, ForbiddenError
from affetti.web.pages import page_route, static_routes
from affetti.web.security import SecurityMiddleware

API = "/api/v1"
STATIC = Path(__file__).parent / "static"
INSUFFICIENT_STORAGE = 507
LOG_SECONDS = 60.0
"""How often the same fault of the disk is logged."""


def create_app(
    study: Study, store: RatingStore, folder: Path, token: str, names: Iterable[str] | None = None
) -> Starlette:
    """The application of one study; it closes ``store`` when it ends.

    Args:
        study: the study.
        store: its answers.
        folder: where its clips lie.
        token: of the researcher.
        names: host names under which it may be reached; None: any.
    """
    endpoints = Endpoints(study, store, folder, token)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            store.close()

    app = Starlette(
        routes=[
            page_route("/", "listening.html"),
            page_route("/research", "research.html"),
            Mount(API, routes=endpoints.routes()),
            Mount("/static/listening", routes=static_routes(STATIC)),
            Mount("/static", routes=static_routes()),
        ],
        middleware=[Middleware(SecurityMiddleware, names=names, token=None, public=True)],
        exception_handlers={**ERROR_HANDLERS, StorageError: _StorageFault(), ForbiddenError: _forbidden},
        lifespan=lifespan,
    )
    app.state.store = store
    return app


class _StorageFault:
    """Answers a request whose answer could not be stored, and says so to whoever runs the server, now and then."""

    def __init__(self) -> None:
        self._logged: dict[str, float] = {}

    def __call__(self, _request: Request, error: Exception) -> Response:
        if not isinstance(error, StorageError):
            raise error
        now = time.monotonic()
        if now - self._logged.get(str(error), -LOG_SECONDS) >= LOG_SECONDS:
            self._logged[str(error)] = now
            logging.getLogger(__name__).warning("%s", error)
        return JSONResponse({"error": error_message(error)}, INSUFFICIENT_STORAGE)


def _forbidden(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ForbiddenError):
        raise error
    return JSONResponse({"error": error_message(error)}, 403)
