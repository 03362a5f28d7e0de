"""What every request has to pass."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from affetti.web.security import SecurityMiddleware, cookie_name
from affetti.web.server import ServerSettings

COOKIE = cookie_name("right-token")


def client(token: str | None = None, host: str = "127.0.0.1") -> TestClient:
    async def answer(_request: Request) -> Response:
        return PlainTextResponse("secret")

    checks = Middleware(SecurityMiddleware, names=ServerSettings(host=host).names, token=token)
    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])], middleware=[checks])
    return TestClient(app, base_url="http://127.0.0.1:8765", follow_redirects=False)


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:1", "[::1]:80", "LOCALHOST", "127.0.0.1"])
def test_its_own_names_are_answered(host: str) -> None:
    assert client().get("/", headers={"host": host}).text == "secret"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "a:b:c", "[::1", ""]
)
def test_another_host_name_is_refused(host: str) -> None:
    answer = client().get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": "http://[x]"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_post_of_another_page_is_refused(headers: dict[str, str]) -> None:
    assert client().post("/", headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-origin"}])
def test_a_post_of_the_page_itself_is_answered(headers: dict[str, str]) -> None:
    assert client().post("/", headers=headers).text == "secret"


def test_every_answer_forbids_what_is_not_its_own() -> None:
    for answer in (client().get("/"), client().get("/", headers={"host": "evil.example"}), client().get("/none")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_without_the_token_nothing_but_a_notice_is_served() -> None:
    guarded = client("right-token")
    for url in ("/", "/?token=wrong", "/?token=", "/?token=right-toke%00"):
        answer = guarded.get(url)
        assert (answer.status_code, "secret" in answer.text) == (401, False)
    assert guarded.get("/", headers={"cookie": f"{COOKIE}=wrong"}).status_code == 401
    assert guarded.get("/", headers={"cookie": "\x7f;;=="}).status_code == 401


def test_the_token_opens_the_page_and_leaves_the_address() -> None:
    guarded = client("right-token")
    answer = guarded.get("/?token=right-token")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in answer.headers["set-cookie"].split(";")}
    assert guarded.get("/").text == "secret"


def test_the_tokens_of_two_servers_do_not_displace_each_other() -> None:
    """A browser sends the cookies of a host to all its ports."""
    first, second = client("first-token"), client("second-token")
    first.get("/?token=first-token")
    second.get("/?token=second-token")
    both = {"cookie": "; ".join(f"{name}={value}" for it in (first, second) for name, value in it.cookies.items())}
    assert first.get("/", headers=both).text == second.get("/", headers=both).text == "secret"


def test_on_all_addresses_the_token_alone_decides() -> None:
    guarded = client("right-token", "0.0.0.0")  # noqa: S104
    headers = {"host": "my-machine.lan:8765"}
    assert guarded.get("/", headers=headers).status_code == 401
    assert guarded.get("/", headers=headers | {"cookie": f"{COOKIE}=right-token"}).text == "secret"
    with pytest.raises(ValueError, match="without a token"):
        SecurityMiddleware(Starlette(), None, None)


def test_the_host_it_listens_on_is_one_of_its_names() -> None:
    assert client(host="192.168.1.5").get("/", headers={"host": "192.168.1.5:8765"}).text == "secret"
    assert "[fe80::1]" in (ServerSettings(host="fe80::1").names or ())
