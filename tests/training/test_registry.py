from __future__ import annotations

import pytest

from affetti.errors import UsageError
from affetti.training.registry import FAMILIES, GENERATORS, REGRESSORS, family, make


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_every_family_names_classes_that_exist(kind: str) -> None:
    entry = family(kind)
    assert isinstance(make(kind, (64, 128), {}), entry.model)  # type: ignore[arg-type]
    assert (entry.objective is None) == (entry.closed_form is not None)
    assert (kind in GENERATORS) == entry.generates
    assert (kind in REGRESSORS) != entry.generates


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown model 'diffusion'"):
        family("diffusion")
