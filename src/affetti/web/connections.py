"""Connections with limits: of their number, and of the time that a slow client may hold one.

uvicorn waits for a request's headers as long as the client likes, and for the client to take its answer. Bodies have
limits of their own, see :mod:`affetti.web.receiving`.
"""

from __future__ import annotations

import asyncio

from h11 import LocalProtocolError
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from affetti.web.limits import HEADER_SECONDS, MAX_CONNECTIONS, RETRY_SECONDS, TAKE_SECONDS


class LimitedConnection(H11Protocol):
    """uvicorn's connection with these limits."""

    _until_headers: asyncio.TimerHandle | None = None
    _until_taken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; one too many is answered with 503 and closed."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self.app = _busy  # type: ignore[assignment]
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Take bytes: headers, a body, or what is left of a body after its answer."""
        if self._until_headers is None and self._idle:
            self._await_headers()
        super().data_received(data)
        if not self._idle:
            self._cancel_headers()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that cannot be read, and close the connection; after HEAD no body can be sent."""
        try:
            super().send_400_response(msg)
        except LocalProtocolError:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel_headers()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not take what is sent: cut it off unless it does soon."""
        self.flow.pause_writing()
        self._until_taken = self.loop.call_later(TAKE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client takes what is sent."""
        self.flow.resume_writing()
        if self._until_taken is not None:
            self._until_taken.cancel()
            self._until_taken = None

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]

    def _await_headers(self) -> None:
        self._until_headers = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _cancel_headers(self) -> None:
        if self._until_headers is not None:
            self._until_headers.cancel()
            self._until_headers = None


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 503."""
    error = {"message": "too many connections", "hint": "try again in a few seconds"}
    headers = {"retry-after": str(RETRY_SECONDS), "connection": "close"}
    await JSONResponse({"error": error}, status_code=503, headers=headers)(scope, receive, send)
