from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from affetti.errors import StorageError
from affetti.results import BaseResult


@dataclass(frozen=True)
class Part:
    value: float
    ci: tuple[float, float] | None
    label: str | int | None = None


@dataclass(frozen=True)
class Outcome(BaseResult):
    verb: ClassVar[str | None] = "try"
    renamed: ClassVar[dict[str, str]] = {"heard": "trained_on"}

    trained_on: int
    parts: dict[str, Part]
    notes: tuple[str, ...] = ()


OUTCOME = Outcome(3, {"a": Part(0.5, (0.25, 0.75), "x"), "b": Part(1.0, None, 2)}, ("first",))


def test_a_result_is_saved_and_opened_again_the_same(tmp_path: Path) -> None:
    OUTCOME.save(tmp_path)
    assert Outcome.open(tmp_path) == Outcome.open(tmp_path / "result.json") == OUTCOME


def test_the_document_is_plain_json_with_the_verb_first() -> None:
    document = OUTCOME.to_dict()
    assert list(document) == ["verb", "trained_on", "parts", "notes"]
    assert json.loads(json.dumps(document))["parts"]["a"] == {"value": 0.5, "ci": [0.25, 0.75], "label": "x"}


def test_a_key_of_an_earlier_version_gets_its_new_name() -> None:
    assert Outcome.from_dict({"heard": 3, "parts": {}}) == Outcome(3, {})


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"parts": {}}, "trained_on"),
        ({"trained_on": "3", "parts": {}}, "expected int"),
        ({"trained_on": 3, "parts": {}, "more": 1}, "unknown setting 'more'"),
        ([1], "not a result"),
    ],
)
def test_another_document_is_refused(document: object, what: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(document))
    with pytest.raises(StorageError, match=what):
        Outcome.open(tmp_path)


def test_the_result_of_another_verb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"verb": "score"}))
    with pytest.raises(StorageError, match="of affetti score, not of try"):
        Outcome.open(tmp_path)
