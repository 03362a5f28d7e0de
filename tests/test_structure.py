"""The structure of the package: no circular imports, and files and functions of a size that one can read."""

import ast
import graphlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import affetti

ROOT = Path(affetti.__file__).parent
PROJECT = Path(__file__).parent.parent
FILES = sorted(ROOT.rglob("*.py"))
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 400, 80, 10


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_no_two_modules_import_each_other() -> None:
    graph = grimp.build_graph("affetti", exclude_type_checking_imports=True, cache_dir=None)
    # The one exception: a result draws itself by what draws it on the page.
    for drawing in ("notebook", "plots"):
        graph.remove_import(importer="affetti.results", imported=f"affetti.report.{drawing}")
    graphlib.TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    ).prepare()


def test_a_cycle_would_be_detected() -> None:
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES
    for function in functions(path):
        where = f"{function.name}, line {function.lineno}"
        parameters = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        count = sum(parameter.arg not in ("self", "cls") for parameter in parameters)
        verb = path.parent.name == "api" and function.name in ("run", "plan")
        assert verb or count <= MAX_PARAMETERS, f"{where}: {count} parameters"
        assert verb or function.end_lineno is None or function.end_lineno - function.lineno < MAX_FUNCTION_LINES, where


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"\nversion: {project['version']}\n" in (PROJECT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## [{project['version']}]" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
