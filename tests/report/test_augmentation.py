from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from affetti.api import report
from affetti.report.augmentation import study_section
from affetti.report.figures import Line, panels
from affetti.studies.augmentation.results import StudyResult


def more(result: dict[str, Any]) -> None:
    """What a study holds in which everything was requested."""
    arms = {row["name"]: row for row in result["arms"]}
    flow = arms["flow"]
    method = {
        "n": 12,
        "quality": 40.0,
        "quality_ci": [20.0, 60.0],
        "diversity": 0.7,
        "emotion": {},
        "information": None,
    }
    method |= {"delta": flow["delta"], "delta_ci": flow["delta_ci"], "claimed": None}
    result["tradeoff"] = [
        method | {"name": f"flow:guidance={v}", "kind": "flow", "sampling": "guidance", "value": v}
        for v in (1.0, 2.0, 3.0)
    ]
    result["training_steps"] = [
        method | {"name": f"flow:trained={u}", "kind": "flow", "updates": u, "seconds": u / 10} for u in (100, 400)
    ]
    result["curve"] = [{"train_fraction": s, "songs": int(50 * s), "arms": result["arms"]} for s in (0.1, 1.0)]
    result["left_out"] = [{"name": "gan@4", "seconds": 100.0}]
    result["best"] = [{"fold": 0, "arm": "mixup+flow"}]
    entry = {"value": 0.5, "range": [0.4, 0.6]}
    protocol: dict[str, Any] = {"honest": False, "why": "test clips are partly synthetic", "generator": "flow"}
    protocol["seeds"] = 2
    protocol |= {"test": {"test": 90, "synthetic": 60}, "real": entry, "mixed": entry, "mixed_on_real": entry}
    protocol |= {"gain": 0.1234, "honest_gain": 0.01, "honest_gain_ci": [-0.1, 0.1], "difference": 0.11}
    result["published_protocol"] = protocol
    result["requested"] = {"train_fractions": [0.1], "sampling": [["guidance", 1.0], ["guidance", 2.0]], "budget": 60.0}


def test_all_that_a_study_can_hold_is_shown(folders, altered, tmp_path) -> None:
    folder = altered(folders.study, "result.json", more)
    report.run([folder], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for words in (
        "Learning curves",
        "What guidance of flow trades",
        "What is gained by training flow longer",
        "Not an honest evaluation",
        "+0.123",
        "60 of 90 test clips are synthetic",
        "Left out, to stay within the budget: gan@4",
        "mixup+flow",
        "no original",
        "--train-fractions 10",
        "--sampling guidance=1,2",
        "--budget 60s",
    ):
        assert words in page, words
    assert not re.search(r"\bNone\b|\bnan\b|Undefined", re.sub(r"data:[^\"]*", "", page))


def test_a_study_of_an_older_affetti_shows_what_it_has(folders, altered, tmp_path) -> None:
    def strip(result: dict[str, Any]) -> None:
        for key in (
            "measure",
            "hierarchy",
            "tradeoff",
            "training_steps",
            "curve",
            "best",
            "notes",
            "left_out",
            "requested",
        ):
            result.pop(key)
        for row in result["arms"]:
            row.pop("delta_ci_simultaneous", None)

    report.run([altered(folders.study, "result.json", strip)], tmp_path / "page.html")
    assert "difference from real" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_quadrant_labels_are_shown_by_accuracy(folders) -> None:
    result = StudyResult.open(folders.study)
    arms = tuple(replace(arm, accuracy=0.625, accuracy_ci=(0.5, 0.75)) for arm in result.arms)
    content = study_section(replace(result, measure="accuracy", arms=arms), "study")
    assert "share of clips predicted in the right quadrant" in content.values
    assert "0.62 [0.50, 0.75]" in content.values


def test_panels_share_an_axis_and_say_their_numbers() -> None:
    nothing = float("nan")
    drawn = panels(
        "songs",
        [("CCC", [Line("flow", [(10, 0.1, 0.0, 0.2), (20, 0.3, nothing, nothing)])]), ("gain", [Line("flow", [])])],
        "Curves.",
    )
    assert drawn.count("whisker") == 1, "no interval, no whisker"
    assert "flow 0.10 at 10, 0.30 at 20" in drawn
    places = [float(x) for x in re.findall(r'circle cx="([\d.]+)"', drawn)]
    assert places == sorted(places)
    assert len(places) == 2
