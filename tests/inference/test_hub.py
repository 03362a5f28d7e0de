from __future__ import annotations

import sys
from pathlib import Path

import pytest

from affetti.errors import InputError, MissingDependencyError
from affetti.inference.hub import FILES, resolve_run_folder

hub = pytest.importorskip("huggingface_hub", reason="the optional package huggingface_hub is not installed")


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Requests to the Hub; it returns ``tmp_path``."""
    names: list[str] = []

    def fetch(name: str, allow_patterns: list[str]) -> str:
        assert allow_patterns == list(FILES)
        names.append(name)
        if name == "user/missing":
            raise OSError("404 Client Error\nmore")
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", fetch)
    monkeypatch.chdir(tmp_path)
    return names


def test_local_models_are_never_fetched(requested: list[str], tmp_path: Path) -> None:
    (tmp_path / "runs/student").mkdir(parents=True)
    for text in ("runs/student", "runs/studnet", "student", "../elsewhere/run", "/somewhere/run", "a/b/c", tmp_path):
        assert resolve_run_folder(text) == Path(text)
    assert requested == []


def test_a_model_of_the_hub_is_fetched_when_it_is_named(requested: list[str], tmp_path: Path) -> None:
    assert resolve_run_folder("user/model") == tmp_path
    (tmp_path / "user").mkdir()
    assert resolve_run_folder("hf:user/model") == tmp_path
    assert requested == ["user/model", "user/model"]


def test_a_missing_model_is_reported_in_one_line(requested: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"none to fetch from the Hub \(404 Client Error\)"):
        resolve_run_folder("user/missing")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r"affetti\[hub\]"):
        resolve_run_folder("user/model")
    assert requested == ["user/missing"]
