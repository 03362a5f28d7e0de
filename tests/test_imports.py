from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import affetti
from affetti.cli.main import VERBS

HEAVY = ("torch", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "soundfile", "lightning_fabric")

SERVERS = {"serve": "affetti.web.serve", "listen_serve": "affetti.web.listening.serve"}
"""Modules of the verbs that are not in ``affetti.api``."""


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_affetti_or_asking_for_help_imports_nothing_heavy() -> None:
    reported = f"print([name for name in {HEAVY} if name in sys.modules])"
    assert python(f"import sys, affetti; affetti.__all__; {reported}") == "[]"
    helped = python(f"import sys; from affetti.cli.main import main; print(main(['--help'])); {reported}")
    assert helped.endswith("Begin with: affetti demo\n0\n[]")


def test_every_verb_is_a_function_of_its_name() -> None:
    of_recordings = {"audit_recordings", "compare_recordings"}
    assert set(affetti.__all__) == {verb.replace(" ", "_") for verb in VERBS} | of_recordings
    for verb in affetti.__all__:
        function = getattr(affetti, verb)
        assert inspect.isfunction(function), verb
        assert function is import_module(SERVERS.get(verb, f"affetti.api.{verb}")).run
        assert function.__doc__
        assert verb in dir(affetti)


@pytest.mark.parametrize(
    "before",
    [
        "import affetti.report; import affetti",
        "import affetti; affetti.report; import affetti.report",
        "from affetti.report import wording; import affetti; affetti.report",
        "from affetti import report; import affetti; assert report is affetti.report",
    ],
)
def test_report_stays_a_verb_beside_the_package_of_that_name(before: str) -> None:
    # In this process, where the package may have been imported or not: the order of tests is random.
    scope: dict[str, object] = {}
    exec(f"{before}; verb = affetti.report", scope)  # noqa: S102
    assert inspect.isfunction(scope["verb"])
    assert scope["verb"] is import_module("affetti.api.report").run
    assert inspect.ismodule(sys.modules["affetti.report"])


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        affetti.nothing  # noqa: B018


def test_no_package_hides_a_submodule_behind_another_thing_of_its_name() -> None:
    root = Path(affetti.__file__).parent
    hidden: list[str] = []
    for init in root.rglob("*/__init__.py"):
        package = ".".join(("affetti", *init.parent.relative_to(root).parts))
        submodules = {path.stem for path in init.parent.glob("*.py")} | {
            path.parent.name for path in init.parent.glob("*/__init__.py")
        }
        for node in ast.walk(ast.parse(init.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module != package:
                hidden += [
                    f"{package}.{name.asname or name.name}"
                    for name in node.names
                    if (name.asname or name.name) in submodules
                ]
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in submodules:
                hidden.append(f"{package}.{node.name}")
    assert not hidden
