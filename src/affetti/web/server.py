"""A web server of this machine: its address, its socket, and its end. For any application of this package."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from affetti.errors import UsageError
from affetti.web.connections import LimitedConnection
from affetti.web.security import LOCAL_NAMES

MAX_HEADER_BYTES = 16 * 2**10
STOP_SECONDS = 2
"""Time that open connections have to end when the server stops."""


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where a server listens.

    Raises:
        UsageError: a port out of range, or a host that is not an address or a name.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    """0: any free one."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65_536:
            raise UsageError(f"port {self.port}", where="--port", hint="give 0 to 65535; 0 is any free one")
        if not self.host or any(character in self.host for character in " /@"):
            raise UsageError(f"{self.host!r} is no host", where="--host", hint="give an address such as 127.0.0.1")

    @property
    def everywhere(self) -> bool:
        """Whether it listens on all addresses of this machine."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - what the user asked for

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names under which it may be reached; None: it cannot list them.

        Other machines know this one by names of their own. A page elsewhere that takes on such a name has no token: the
        cookie that holds it belongs to the name under which the token was given.
        """
        if self.everywhere:
            return None
        return (*LOCAL_NAMES, f"[{self.host}]" if ":" in self.host else self.host)


class Server:
    """A server that is bound to its port, and serves once it is run."""

    def __init__(
        self, app: ASGIApp, settings: ServerSettings, on_address: Callable[[str], None], token: str | None = None
    ) -> None:
        """Bind the port.

        Args:
            app: what answers.
            settings: where it listens.
            on_address: receives its address once it can be reached.
            token: what the address holds, where the application requires one.

        Raises:
            UsageError: the port is taken, or the host is not this machine's.
        """
        self._listener = _listen(settings)
        address = _address(settings, self._listener.getsockname()[1], token)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",  # a request that fails is logged by the endpoint, on one line
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            timeout_graceful_shutdown=STOP_SECONDS,
            http=LimitedConnection,
            ws="none",
        )
        self._server = _Server(config, lambda: on_address(address))

    def run(self) -> None:
        """Serve until it is interrupted (Ctrl-C, SIGTERM) or stopped."""
        try:
            self._server.run(sockets=[self._listener])
        except KeyboardInterrupt:  # uvicorn raises the signal again once it has stopped
            pass
        finally:
            self._listener.close()

    def stop(self) -> None:
        """Have :meth:`run` return, from another thread."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """Says when it can be reached."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self.on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self.on_start()


def _listen(settings: ServerSettings) -> socket.socket:
    """A socket bound to the host and port."""
    listener = None
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
    except (OSError, UnicodeError) as error:  # a name with an empty part cannot be encoded
        if listener is not None:
            listener.close()
        where = f"{settings.host}:{settings.port}"
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise UsageError(
            f"cannot listen there ({reason})", where=where, hint="give another --port, or --port 0"
        ) from error
    return listener


def _address(settings: ServerSettings, port: int, token: str | None) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.everywhere:
        host = socket.gethostname()
    return f"http://{host}:{port}/" + ("" if token is None else f"?token={token}")
