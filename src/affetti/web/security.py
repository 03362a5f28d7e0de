"""What every request has to pass, and what every answer carries.

*Host*: a page elsewhere whose name resolves to this machine (DNS rebinding) sends its own name; only the server's own
names are answered. *Origin*: a request that changes something must come from the page itself. *Token*: where other
machines can reach the server, nothing but a notice is served without the token that it printed. *Body*: a request that
is no upload is cut off at 64 kB. *Answers* forbid scripts, styles, frames and connections of any other
origin, and are not kept by browsers unless they say so themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
ENCODED_HEADERS = tuple((name.encode(), value.encode()) for name, value in HEADERS.items())
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")


def cookie_name(token: str) -> str:
    """The cookie that holds a token; of its own for each, since a browser has the same cookies for all ports."""
    return f"affetti_{hashlib.sha256(token.encode()).hexdigest()[:8]}"


def new_token() -> str:
    """A token for a server that other machines can reach."""
    return secrets.token_urlsafe(24)


class SecurityMiddleware:
    """Checks requests and adds headers to answers; see the module.

    Args:
        app: what answers.
        names: host names, without port, under which the server may be reached; None: any, where there is a token.
        token: required of every request where it is given.
        public: whether what is served without a token is for everybody, under whatever name.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] | None, token: str | None, public: bool = False) -> None:
        if names is None and token is None and not public:
            raise ValueError("without a token the names of the host must be known")
        self.app, self.token = app, token
        self.names = None if names is None else frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = message.get("headers", [])
                names = {name for name, _ in given}
                message["headers"] = [*given, *((name, value) for name, value in ENCODED_HEADERS if name not in names)]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            # Were it raised further, uvicorn would close a connection that the client goes on to use.
            logging.getLogger(__name__).warning("a request failed: %s: %s", type(error).__name__, error)
            if started:
                raise
            await _error("the server failed at this request", 500)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.names is not None and name_of(host) not in self.names:
            return _error("this server does not answer to that host name", 421)
        if scope["method"] not in SAFE_METHODS:
            origin = headers.get("origin")
            if origin is not None and _place_of(origin) != host.lower():
                return _error("the request comes from another page", 403)
            if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return _error("the request comes from another page", 403)
        return None if self.token is None else self._without_token(scope, headers)

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        token = self.token or ""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if given and hmac.compare_digest(given.encode(), token.encode()):
            response = RedirectResponse(scope["path"], status_code=303)
            response.set_cookie(cookie_name(token), token, httponly=True, samesite="strict", path="/")
            return response
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(cookie_name(token))
        except CookieError:
            cookie = None
        if cookie is not None and hmac.compare_digest(cookie.value.encode(), token.encode()):
            return None
        return PlainTextResponse("Open the address that affetti serve printed: it holds a token.\n", status_code=401)


def name_of(host: str) -> str:
    """The name in a ``Host`` header, without its port."""
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return ""
    if name is None or "@" in host or "/" in host:
        return ""
    return f"[{name}]" if ":" in name else name


def _place_of(origin: str) -> str | None:
    """The host and port in an ``Origin`` header, in lower case; None: it is malformed."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _error(message: str, status: int) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "hint": None}}, status_code=status)
