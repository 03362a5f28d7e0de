"""Bodies of requests, within limits of size and time: JSON as typed dataclasses, uploads as files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request

from affetti import config
from affetti.errors import InputError, UsageError
from affetti.web.errors import TooLargeError
from affetti.web.limits import MAX_BODY_BYTES, MAX_BODY_SECONDS, MAX_UPLOAD_BYTES, MAX_UPLOAD_SECONDS

T = TypeVar("T")
WRITTEN_BYTES = 2**20
"""How much of an upload is written at a time: each time a thread has to be woken."""


async def read_json(request: Request, kind: type[T]) -> T:
    """The body as ``kind``.

    Raises:
        UsageError: it is no JSON object of that form.
        TooLargeError: it is longer than it may be.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise UsageError("the body is not declared as JSON", hint="send content-type: application/json")
    content = bytearray()
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > MAX_BODY_BYTES:
                    raise TooLargeError(f"the body is longer than {MAX_BODY_BYTES} bytes", hint="send less")
    except (TimeoutError, ClientDisconnect):
        raise InputError("the request did not arrive in time", hint="send it again") from None
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageError("the body is no JSON", hint="send a JSON object") from None
    if not isinstance(values, dict):
        raise UsageError("the body is no JSON object", hint="send a JSON object")
    return config.structure(values, kind, "body")


async def save_upload(request: Request, path: Path) -> None:
    """File the body at ``path``; nothing is left there of one that does not arrive whole.

    Raises:
        TooLargeError: it is longer than an upload may be.
        InputError: it is empty, or took too long to arrive.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_UPLOAD_BYTES:
        raise _too_large()
    length, waiting = 0, bytearray()
    try:
        async with asyncio.timeout(MAX_UPLOAD_SECONDS), await anyio.open_file(path, "wb") as file:
            async for chunk in request.stream():
                length += len(chunk)
                if length > MAX_UPLOAD_BYTES:
                    raise _too_large()
                waiting += chunk
                if len(waiting) >= WRITTEN_BYTES:
                    await file.write(waiting)
                    waiting = bytearray()
            await file.write(waiting)
        if length == 0:
            raise InputError("the upload is empty", hint="choose a recording")
    except BaseException as error:  # also where the disk is full or the server stops
        path.unlink(missing_ok=True)
        if isinstance(error, TimeoutError | ClientDisconnect):
            raise InputError("the upload did not arrive in time", hint="send it again") from None
        raise


def _too_large() -> TooLargeError:
    return TooLargeError(f"the upload is larger than {MAX_UPLOAD_BYTES // 2**20} MB", hint="give a shorter recording")
