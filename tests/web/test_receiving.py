"""Bodies of requests that do not arrive whole."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.requests import Request

from affetti.errors import InputError
from affetti.web.receiving import save_upload


@pytest.mark.parametrize(
    ("fault", "raised"),
    [(OSError(errno.ENOSPC, "no space"), OSError), (TimeoutError(), InputError), (None, InputError)],
)
def test_an_upload_that_does_not_arrive_whole_leaves_nothing(
    tmp_path: Path, fault: Exception | None, raised: type[Exception]
) -> None:
    messages = [] if fault is None else [{"type": "http.request", "body": b"a" * 2**20, "more_body": True}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        if fault is not None:
            raise fault
        return {"type": "http.request", "body": b"", "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(raised):
        anyio.run(save_upload, request, tmp_path / "upload")
    assert list(tmp_path.iterdir()) == []
