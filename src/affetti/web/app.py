"""The application of ``affetti serve``: its page, static files and JSON API, behind the security middleware."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from affetti.scratch import ScratchFolder
from affetti.web import tasks
from affetti.web.endpoints import Endpoints, Offer
from affetti.web.errors import ERROR_HANDLERS
from affetti.web.jobs import JobQueue
from affetti.web.pages import page_route, static_routes
from affetti.web.security import SecurityMiddleware
from affetti.web.sounds import SoundStore

API = "/api/v1"


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

    return Starlette(
        routes=[
            page_route("/", "page.html"),
            Mount(API, routes=endpoints.routes()),
            Mount("/static", routes=static_routes()),
        ],
        middleware=[Middleware(SecurityMiddleware, names=settings.names, token=token)],
        exception_handlers=ERROR_HANDLERS,
        lifespan=lifespan,
    )
