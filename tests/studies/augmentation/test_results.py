from __future__ import annotations

from typing import Any

import pytest

from affetti.errors import StorageError
from affetti.studies.augmentation.results import StudyResult


def arm(name: str) -> dict[str, Any]:
    ccc = {"ccc_valence": 0.2, "ccc_arousal": 0.4, "ccc": 0.3, "ci": [0.1, 0.5]}
    return {"name": name, **ccc, "delta": 0.0, "delta_ci": [0, 0], "probability_of_harm": None, "by_genre": []}


def of_01() -> dict[str, Any]:
    """A study as affetti 0.1 wrote it."""
    emotion = {"valence": {"ccc": {"value": 0.5, "ci": [0.4, 0.6]}, "slope": {"value": 0.3, "ci": []}}}
    method = {"quality": 40.0, "quality_ci": [30.0, 50.0], "published_quality": 60.0, "diversity": 0.8, "n": 12}
    method |= {"emotion": emotion, "information": None, "information_ci": None, "delta": 0.1, "delta_ci": [0.0, 0.2]}
    method |= {"claimed": {"quality": "65–80", "information": "55 %", "emotion": "80 %"}}
    return {
        "verb": "compare",
        "arms": [arm("real"), arm("real-longer")],
        "ridge": [arm("real")],
        "reference": "real-longer",
        "measure": "ccc",
        "test": {"n": 80, "songs": 10, "synthetic": 0},
        "seeds": 2,
        "folds": [0],
        "ratio": 1.0,
        "exploratory": True,
        "detectable": 0.1,
        "best": [{"fold": 0, "is": "mixup+flow"}],
        "hierarchy": [method | {"name": "flow"}],
        "tradeoff": [method | {"name": "flow:guidance=2", "kind": "flow", "dial": "guidance", "value": 2.0}],
        "returns": [method | {"name": "flow:trained=9", "kind": "flow", "updates": 9, "seconds": 3.0}],
        "curve": [{"share": 0.5, "songs": 5, "arms": [arm("real")]}],
        "published_protocol": None,
        "left_out": [{"name": "gan@4", "seconds": 100.0}],
        "notes": ["a note"],
        "asked": {
            "arms": ["all"],
            "shares": [50.0],
            "dials": [["guidance", 2.0]],
            "returns": [9],
            "budget": None,
            "published_protocol": False,
        },
        "synthetic": [{"name": "flow", "fold": 0, "share": 0.5, "path": "flow-f0-p50"}],
        "corpus": "corpus",
        "seed": 0,
        "versions": {"affetti": "0.1.0"},
    }


def test_a_study_of_01_opens_under_the_present_names() -> None:
    result = StudyResult.from_dict(of_01())
    assert result.best[0].arm == "mixup+flow"
    assert (result.tradeoff[0].sampling, result.training_steps[0].updates) == ("guidance", 9)
    assert (result.curve[0].train_fraction, result.synthetic[0].train_fraction) == (0.5, 0.5)
    assert result.requested.train_fractions == (0.5,), "0.1 kept percentages"
    assert (result.requested.sampling, result.requested.training_steps) == ((("guidance", 2.0),), (9,))
    assert result.hierarchy[0].emotion["valence"].slope.ci is None
    assert StudyResult.from_dict(result.to_dict()) == result


def test_a_document_that_is_not_a_study_is_refused_in_one_line() -> None:
    for document in ({"verb": "compare"}, of_01() | {"seeds": "two"}, of_01() | {"unknown": 1}, []):
        with pytest.raises(StorageError) as caught:
            StudyResult.from_dict(document, "study/result.json")
        assert "\n" not in str(caught.value)
