"""The examples in docstrings are run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import affetti

ROOT = Path(affetti.__file__).parent
MODULES = sorted(
    ".".join(("affetti", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_give_what_they_say(name: str) -> None:
    outcome = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert outcome.attempted
    assert not outcome.failed
