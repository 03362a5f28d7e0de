from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from affetti.api import doctor_engine
from affetti.execution.ray_nodes import NodeReport
from affetti.provenance import versions


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


def test_an_engine_that_cannot_be_used_is_reported(
    affetti: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    ran = affetti("doctor", "--engine", "slurm")
    assert ran.code == 2
    assert "MISSING  engine slurm:" in ran.out
    assert affetti("doctor", "--engine", "moon").code == 2


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (NodeReport("n1", versions(), True), (True, "sees this folder", "")),
        (NodeReport("n1", versions(), False), (False, "does not see", "all nodes share")),
        (
            NodeReport("n1", {**versions(), "torch": "1.0"}, True),
            (False, "torch 1.0 instead", "pip install torch=="),
        ),
        (NodeReport("n1", {}, False, "No module named 'affetti'"), (False, "No module named", "pip install affetti==")),
    ],
)
def test_what_a_node_lacks_is_named_with_the_step_that_corrects_it(
    report: NodeReport, line: tuple[bool, str, str]
) -> None:
    name, ok, detail, fix = doctor_engine._node(report)
    assert (name, ok) == ("node n1", line[0])
    assert line[1] in detail
    assert line[2] in fix
