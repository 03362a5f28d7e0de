from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from affetti import api

PLANNED = ("audit", "audit_recordings", "compare", "compare_recordings", "demo", "generate", "prepare", "train")


def loaded(module: str) -> set[str]:
    """Modules of affetti that a fresh interpreter holds after it imported ``module``."""
    code = f"import sys, {module}; print(*(name for name in sys.modules if name.startswith('affetti.')))"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize("verb", sorted({*api.__all__} - {"demo"}))
def test_a_verb_loads_no_other_verb_and_no_study_of_another(verb: str) -> None:
    modules = loaded(f"affetti.api.{verb}")
    assert modules & {f"affetti.api.{other}" for other in api.__all__} == {f"affetti.api.{verb}"}
    studies = {name.split(".")[2] for name in modules if name.startswith("affetti.studies.")}
    assert studies <= {"score": {"scorecard"}, "compare": {"augmentation"}}.get(verb, studies)
    if verb.startswith("listen"):
        assert studies == {"listen_results": {"listening", "scorecard"}}.get(verb, {"listening"})
    elif verb not in ("score", "compare", "audit", "audit_recordings", "compare_recordings", "report", "runs"):
        assert not studies


@pytest.mark.parametrize("verb", ["doctor", "export", "predict", "prepare", "report", "score", "train"])
def test_a_verb_loads_no_generator_before_it_uses_one(verb: str) -> None:
    generators = {f"affetti.models.generators.{name}" for name in ("gan", "flow", "waveform")}
    assert not loaded(f"affetti.api.{verb}") & generators


@pytest.mark.parametrize("verb", sorted({*api.__all__} - {"audit_recordings", "compare_recordings"}))
def test_the_help_of_a_verb_loads_neither_torch_nor_a_model(verb: str) -> None:
    words = verb.split("_")
    code = (
        "import sys\nfrom affetti.cli.main import main\n"
        f"try: main({[*words, '--help']})\n"
        "except SystemExit: print(*(name for name in sys.modules if name.startswith(('affetti.models', 'torch'))))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.startswith(f"usage: affetti {' '.join(words)}")
    assert ran.stdout.splitlines()[-1] == ""


def test_the_package_of_the_verbs_loads_none_of_them() -> None:
    assert loaded("affetti.api") == {"affetti.api"}
    assert set(api.__all__) <= set(dir(api))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        api.nothing  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("verb", PLANNED)
def test_a_plan_takes_the_arguments_of_its_run(verb: str) -> None:
    module = import_module(f"affetti.api.{verb}")
    run, plan = (list(inspect.signature(function).parameters) for function in (module.run, module.plan))
    assert plan == run
