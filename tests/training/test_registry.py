from __future__ import annotations

import subprocess
import sys

import pytest

from affetti.config import structure
from affetti.errors import UsageError
from affetti.presets import FRONT_ENDS
from affetti.training.registry import FAMILIES, GENERATORS, REGRESSORS, family, make


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_every_family_names_classes_that_exist(kind: str) -> None:
    entry = family(kind)
    assert isinstance(make(kind, (64, 128), {}), entry.model)  # type: ignore[arg-type]
    assert (entry.objective is None) == (entry.closed_form is not None)
    assert (kind in GENERATORS) == entry.generates
    assert (kind in REGRESSORS) != entry.generates


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_every_family_has_a_budget_and_valid_settings_at_each_preset(kind: str) -> None:
    entry = family(kind)
    for preset in FRONT_ENDS:
        assert entry.budget(preset) == entry.budgets["tiny" if preset in ("tiny", "cqt-tiny") else "full"]
        structure(entry.settings_at(preset), entry.config)


def test_the_registry_imports_no_pytorch_and_gives_the_command_line_its_choices() -> None:
    code = (
        "import sys; from affetti.training.registry import FAMILIES; import affetti.cli.train as train; "
        "assert 'torch' not in sys.modules; from typing import get_args; print(*get_args(get_args(train.ModelName)[0]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == list(FAMILIES)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown model 'diffusion'"):
        family("diffusion")
