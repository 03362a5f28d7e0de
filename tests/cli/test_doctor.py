from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest


def test_everything_needed_works_here(affetti: Callable[..., Any]) -> None:
    ran = affetti("doctor", "--json")
    document = json.loads(ran.out)
    assert ran.code == 0, [check for check in document["checks"] if not check["ok"]]
    assert document["ok"]
    assert {"name", "needed", "ok", "detail", "fix"} == set(document["checks"][0])
    assert {"torch", "soundfont", "audio codecs", "log-mel", "disk"} <= {check["name"] for check in document["checks"]}


def test_a_missing_package_is_reported_with_the_command_that_installs_it(
    affetti: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("affetti.api.doctor")
    monkeypatch.setattr(module, "PACKAGES", ("numpy", "no-such-package"))
    ran = affetti("doctor")
    assert ran.code == 2
    assert "MISSING  no-such-package" in ran.out
    assert "fix no-such-package: pip install no-such-package" in ran.out
