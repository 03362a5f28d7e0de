"""Errors of requests as answers: JSON objects with a message and the next step, which say nothing of paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from affetti.errors import AffettiError, InputError
from affetti.web.limits import MAX_WAITING, RETRY_SECONDS

MAX_MESSAGE = 300
"""Characters of an error's message; it may repeat a value of the request."""
MESSAGES = {404: "there is no such page", 405: "this address does not take that method"}


AGAIN = "try again in a few seconds"


class NotFoundError(InputError):
    """Nothing has this id."""


class TooLargeError(InputError):
    """A body beyond its limit."""


class QueueFullError(AffettiError):
    """No more jobs can wait; try again in a few seconds."""

    def __init__(self, what: str = f"{MAX_WAITING} requests are waiting", hint: str = AGAIN) -> None:
        super().__init__(what, hint=hint)


def error_message(error: AffettiError) -> dict[str, Any]:
    """What is wrong, on one line of bounded length, and the next step; without its place, which may be a path."""
    line = " ".join(error.what.split())
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line[:MAX_MESSAGE])
    return {"message": shown + "\N{HORIZONTAL ELLIPSIS}" * (len(line) > MAX_MESSAGE), "hint": error.hint}


def error_response(_request: Request, error: Exception) -> Response:
    """What answers a request that met an error of ours."""
    if not isinstance(error, AffettiError):
        raise error
    if isinstance(error, QueueFullError):
        return JSONResponse({"error": error_message(error)}, 503, {"retry-after": str(RETRY_SECONDS)})
    status = 404 if isinstance(error, NotFoundError) else 413 if isinstance(error, TooLargeError) else 422
    return JSONResponse({"error": error_message(error)}, status)


def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = MESSAGES.get(status, "the request cannot be answered")
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse({"error": {"message": message, "hint": None}}, status_code=status, headers=headers)


ERROR_HANDLERS: Mapping[Any, ExceptionHandler] = {HTTPException: _http_error, AffettiError: error_response}
"""Of a Starlette application."""
