from __future__ import annotations

from pathlib import Path

import pytest
from tests.material import corpus, made, run_of

__all__ = ["corpus", "made", "run_of"]


@pytest.fixture(autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("AFFETTI_CACHE", str(folder))
    return folder
