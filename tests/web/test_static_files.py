"""What browsers load: small, and without anything that Firefox 128 or Safari 17.5 lack."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.web.too_new import LIST

import affetti

WEB = Path(affetti.__file__).parent / "web"
SCRIPTS = sorted(WEB.rglob("*.js"))
STYLES = sorted(WEB.rglob("*.css"))
TOO_NEW = {tuple(line.split()) for line in LIST.read_text(encoding="utf-8").splitlines()}
DEFINED = re.compile(
    r"^\s*(?:export )?(?:async )?(?:function |get |set |const |let )?(\w+)\s*(?:\(.*\{$|=)", re.MULTILINE
)
"""Functions, methods and constants of our own."""
NEW_SYNTAX = {
    "a class's private member in an `in` test": r"#\w+ in \w",
    "a static block": r"static \{",
    "an import with attributes": r"import [^;]+ with \{",
    "a hashbang, decorator or using": r"^(#!|\s*@\w+|\s*using )",
}
PREFIXED = {"user-select"}
"""Properties that Safari has under a prefix, which stands beside them."""


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", text, flags=re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(WEB))


@pytest.mark.parametrize("folder", sorted({path.parent for path in SCRIPTS}), ids=name)
def test_scripts_of_a_page_are_small(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.glob("*.js")) < 150_000


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_uses_nothing_that_is_too_new(path: Path) -> None:
    text = without_comments(path.read_text(encoding="utf-8"))
    own = {defined for script in SCRIPTS for defined in DEFINED.findall(script.read_text(encoding="utf-8"))}
    used = set(re.findall(r"\.(\w+)\(", text)) | set(re.findall(r"\bnew (\w+)", text))
    assert {found for found in used - own if ("js", found) in TOO_NEW} == set()
    assert [what for what, pattern in NEW_SYNTAX.items() if re.search(pattern, text, re.MULTILINE)] == []


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_a_style_sheet_uses_nothing_that_is_too_new(path: Path) -> None:
    text = without_comments(path.read_text(encoding="utf-8"))
    properties = set(re.findall(r"[{;]\s*([a-z-]+)\s*:", text)) - PREFIXED
    selectors = set(re.findall(r"::?([a-z-]+)[^;{}]*\{", text))
    rules = set(re.findall(r"@([a-z-]+)", text))
    for kind, found in (("css", properties), ("selector", selectors), ("at-rule", rules)):
        assert {one for one in found if (kind, one) in TOO_NEW} == set()


@pytest.mark.parametrize(
    ("kind", "new"),
    [("js", "sumPrecise"), ("js", "Temporal"), ("css", "interpolate-size"), ("selector", "details-content")],
)
def test_the_list_knows_what_is_new(kind: str, new: str) -> None:
    assert (kind, new) in TOO_NEW


@pytest.mark.parametrize(
    ("kind", "old"),
    [("js", "replaceChildren"), ("js", "AudioContext"), ("js", "map"), ("css", "accent-color"), ("selector", "is")],
)
def test_the_list_knows_what_is_old(kind: str, old: str) -> None:
    assert (kind, old) not in TOO_NEW
