"""Every script of bench/ can be imported, and those that need arguments are given them by `make bench`."""

import re
import runpy
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
SCRIPTS = sorted(path.stem for path in BENCH.glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_bench_imports(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    try:
        assert runpy.run_path(str(BENCH / f"{name}.py"), run_name=name)["__doc__"]
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "diffusers":
            raise
        pytest.skip("the peer diffusers is not installed: pip install -e '.[bench]'")


@pytest.mark.parametrize("name", SCRIPTS)
def test_make_bench_gives_the_arguments_that_a_script_requires(name: str) -> None:
    required = re.findall(r'add_argument\("([a-z]\w*)"(?!.*nargs="[?*]")', (BENCH / f"{name}.py").read_text("utf-8"))
    given = re.search(
        rf"^BENCH_ARGUMENTS_{name} := (.*)$", (BENCH.parent / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    assert len(required) == len(given[1].partition("--")[0].split() if given else ())


def test_make_bench_never_overwrites_the_weights_in_the_package() -> None:
    makefile = (BENCH.parent / "Makefile").read_text("utf-8")
    for script in ("shipped_regressor", "pretrain_generators"):
        assert re.search(rf"^BENCH_ARGUMENTS_{script} := \$\(VENV\)/.* --out \$\(VENV\)/", makefile, re.MULTILINE)
