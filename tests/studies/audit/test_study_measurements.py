from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student_t

from affetti.studies.audit import study_measurements
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.claims import claims, decide


def arm(name: str, ccc: float, delta: float, *ci: float) -> dict[str, Any]:
    row = {"name": name, "ccc_valence": ccc, "ccc_arousal": ccc, "ccc": ccc, "ci": [ccc - 0.1, ccc + 0.1]}
    return row | {"delta": delta, "delta_ci": list(ci)}


def method(name: str, quality: float | None, diversity: float, delta: float | None, ccc: float) -> dict[str, Any]:
    reported = {"ccc": {"value": ccc, "ci": [ccc - 0.1, ccc + 0.1]}, "slope": {"value": 0.5, "ci": None}}
    return {
        "name": name,
        "quality": quality,
        "quality_ci": None if quality is None else [quality - 5, quality + 5],
        "diversity": diversity,
        "delta": delta,
        "emotion": {"valence": reported, "arousal": reported},
        "n": 100,
    }


def write(folder: Path, **more: Any) -> Path:
    document: dict[str, Any] = {
        "arms": [
            arm("real", 0.5, -0.1, -0.2, 0.0),
            arm("real-longer", 0.6, 0.0, 0.0, 0.0),
            arm("gan", 0.66, 0.06, 0.03, 0.09),
        ],
        "hierarchy": [
            method("real", 100, 1.0, None, 0.8),
            method("specaugment", 20, 0.9, 0.03, 0.4),
            method("mixup", 30, 0.6, 0.02, 0.2),
            method("time-stretch", 60, 0.95, 0.04, 0.6),
            method("gan", 40, 0.5, 0.01, 0.3),
            method("pitch-shift", 80, 0.7, 0.025, 0.5),
            method("flow", None, 0.4, 0.00, 0.3),
        ],
        "training_steps": [],
        "measure": "ccc",
        "test": {"n": 80, "songs": 20},
        "seeds": 5,
        "folds": [0],
        "corpus": "corpus",
        "seed": 0,
    }
    run = folder / "runs" / "gan-f0"
    run.mkdir(parents=True)
    (run / "result.json").write_text(json.dumps({"seconds": 1800}))
    (folder / "result.json").write_text(json.dumps(document | more))
    return folder


def by_name(folder: Path) -> dict[str, Measurement]:
    return {result.name: result for result in study_measurements.study_measurements([folder])}


def test_gains_are_relative_to_the_reference(tmp_path: Path) -> None:
    result = by_name(write(tmp_path / "study"))
    assert result["gain_gan"].value == pytest.approx(10.0)
    assert result["gain_gan"].ci == pytest.approx((5.0, 15.0))
    assert result["efficiency_gan"].value == pytest.approx(20.0)  # half an hour of training
    assert result["gain_gan"].n == 20
    assert "gain_flow" not in result  # no such arm
    assert result["emotion_gan"].value == pytest.approx(37.5)
    # .3 ± .1 over .8 ± .1, by Fieller: the roots of (.3 - .8 θ)² = .1² + .1² θ².
    assert result["emotion_gan"].ci == pytest.approx(sorted(100 * np.roots([0.63, -0.48, 0.08])))
    assert "independent" in result["emotion_gan"].note
    assert result["quality_mixup"].ci == (25, 35)
    assert "quality_flow" not in result


def with_ccc(name: str, value: float, low: float, high: float) -> dict[str, Any]:
    reported = {"ccc": {"value": value, "ci": [low, high]}, "slope": {"value": 0.5, "ci": None}}
    return method(name, 50, 1.0, 0.0, value) | {"emotion": {"valence": reported, "arousal": reported}}


def test_each_end_of_a_ratio_holds_the_error_that_moves_it_there(tmp_path: Path) -> None:
    """A ratio falls with a smaller numerator or a greater denominator; below zero, with a smaller one."""
    hierarchy = [
        with_ccc("real", 0.5, 0.4, 0.8),
        with_ccc("gan", 0.4, 0.2, 0.44),
        with_ccc("mixup", -0.4, -0.6, -0.36),
        with_ccc("flow", 0.0, -0.1, 0.2),
    ]
    result = by_name(write(tmp_path / "study", hierarchy=hierarchy))
    # By the squares of each end's own errors: (.4 - .5 θ)² = .2² + .3² θ² below, .04² + .1² θ² above.
    low, high = np.roots([0.16, -0.4, 0.12]).min(), np.roots([0.24, -0.4, 0.1584]).max()
    assert result["emotion_gan"].ci == pytest.approx((100 * low, 100 * high))
    low, high = np.roots([0.24, 0.4, 0.12]).min(), np.roots([0.16, 0.4, 0.1584]).max()
    assert result["emotion_mixup"].ci == pytest.approx((100 * low, 100 * high))
    assert result["emotion_flow"].value == 0
    assert result["emotion_flow"].ci == pytest.approx((-100 * 0.1 / 0.24**0.5, 100 * 0.2 / 0.24**0.5))


def test_a_denominator_without_an_interval_leaves_the_ratio_without_one(tmp_path: Path) -> None:
    real = with_ccc("real", 0.5, 0.4, 0.6)
    real["emotion"]["valence"] = {"ccc": {"value": 0.5, "ci": None}, "slope": {"value": 0.5, "ci": None}}
    result = by_name(write(tmp_path / "study", hierarchy=[real, with_ccc("gan", 0.4, 0.2, 0.5)]))
    assert result["emotion_gan"].value == pytest.approx(80.0)
    assert result["emotion_gan"].ci is None


def test_rank_correlations_over_methods(tmp_path: Path) -> None:
    result = by_name(write(tmp_path / "study"))
    assert result["diversity_with_gain"].value == pytest.approx(1.0)
    assert result["diversity_with_gain"].n == 6
    # Without real: qualities 20 30 60 40 80 and diversities .9 .6 .95 .5 .7 rank 1 2 4 3 5 and 4 2 5 1 3.
    assert result["quality_with_diversity"].value == pytest.approx(1 - 6 * (9 + 0 + 1 + 4 + 4) / (5 * 24))
    low, high = result["quality_with_diversity"].ci or (0, 0)
    assert low < 0 < high


def test_training_longer_is_compared_with_a_fifth(tmp_path: Path) -> None:
    rows = [
        method(f"gan:trained={n}", None, 1.0, d, 0.5) | {"kind": "gan", "updates": n, "seconds": 1.0}
        for n, d in ((100, 0.0), (400, 0.03), (2000, 0.036))
    ]
    result = by_name(write(tmp_path / "study", training_steps=rows))
    assert result["returns_gan"].value == pytest.approx(1.0)
    assert result["returns_gan"].ci is None
    assert "no contrast of gan:trained=2000 and gan:trained=400" in result["returns_gan"].note
    assert "5.0 times longer" in result["returns_gan"].label


def test_training_longer_is_decided_by_the_contrast_of_the_study(tmp_path: Path) -> None:
    rows = [
        method(f"gan:trained={n}", None, 1.0, d, 0.5) | {"kind": "gan", "updates": n, "seconds": 1.0}
        for n, d in ((180, 0.01), (900, 0.03))
    ]
    difference = {"delta": 0.02, "delta_ci": [0.012, 0.03]}
    pairs = [
        {"arm": "gan", "reference": "gan:trained=180", "delta": 9.0, "delta_ci": [8.0, 9.0]},
        {"arm": "gan:trained=900", "reference": "gan:trained=180"} | difference,
    ]
    result = by_name(write(tmp_path / "study", training_steps=rows, contrasts=pairs))["returns_gan"]
    assert result.value == pytest.approx(100 * 0.02 / 0.6)
    assert result.ci == pytest.approx((100 * 0.012 / 0.6, 100 * 0.03 / 0.6))
    claim = next(claim for claim in claims() if claim.id == "returns")
    # 1.7 points are claimed, ± 10 %: the whole interval, 2.0 to 5.0, lies above.
    assert decide(claim, result, composed=True) == ("contradicted", "")


def test_quadrants_give_no_gain_in_ccc_and_the_first_study_speaks(tmp_path: Path) -> None:
    first = write(tmp_path / "quadrants", measure="accuracy", hierarchy=[])
    second = write(tmp_path / "numbers")
    result = {its.name: its for its in study_measurements.study_measurements([first, second])}
    assert result["gain_gan"].value == pytest.approx(10.0)
    assert result["diversity_with_gain"].value is None
    assert study_measurements.study_measurements([]) == []


def test_information_is_that_of_methods_that_change_a_clip(tmp_path: Path) -> None:
    hierarchy = [
        method("real", 100, 1.0, None, 0.8) | {"information": 100.0, "information_ci": [100, 100]},
        method("mixup", 30, 0.6, 0.02, 0.2) | {"information": 32.0, "information_ci": [27, 36]},
        method("gan", 40, 0.5, 0.01, 0.3) | {"information": None, "information_ci": None},
        method("flow", 40, 0.5, 0.01, 0.3),  # a study of 0.1 has no such key
    ]
    result = by_name(write(tmp_path / "study", hierarchy=hierarchy))
    assert (result["information_mixup"].value, result["information_mixup"].ci) == (32.0, (27.0, 36.0))
    assert not {"information_real", "information_gan", "information_flow"} & result.keys()


def test_diversity_above_80_is_welchs_difference_of_generated_sets(tmp_path: Path) -> None:
    """Closed form: means .5 and .9, variances .01 and .02 / 3 of two and four sets."""
    above, below = (0.4, 0.6), (0.8, 0.9, 0.9, 1.0)
    sets = [(f"flow:guidance={i}", 85, d) for i, d in enumerate(above)]
    sets += [(f"gan:trained={i}", 80, d) for i, d in enumerate(below)]
    rows = [method(name, quality, d, 0.0, 0.5) for name, quality, d in sets]
    hierarchy = [method("real", 100, 1.0, None, 0.8), method("time-stretch", 95, 3.0, 0.0, 0.5), *rows[:1]]
    extra = [{"kind": "flow", "sampling": "guidance", "value": 1.0}, {"kind": "gan", "updates": 1, "seconds": 1.0}]
    result = by_name(
        write(
            tmp_path / "study",
            hierarchy=hierarchy,  # the first is in two tables and counts once; signal methods do not count
            tradeoff=[row | extra[0] for row in rows[:2]],
            training_steps=[row | extra[1] for row in rows[2:]],
        )
    )["diversity_above_80"]
    assert (result.value, result.n) == (pytest.approx(-0.4), 6)
    a, b = 0.02 / 2, (0.02 / 3) / 4
    freedom = (a + b) ** 2 / (a**2 / 1 + b**2 / 3)
    half = float(student_t.ppf(0.975, freedom)) * math.sqrt(a + b)
    assert result.ci == pytest.approx((-0.4 - half, -0.4 + half))


@pytest.mark.parametrize("quality", [None, 70, 90])
def test_sets_on_one_side_of_80_say_nothing_of_diversity_above_it(quality: float | None, tmp_path: Path) -> None:
    rows = [method(name, quality, 0.5, 0.0, 0.5) for name in ("gan", "flow")]
    result = by_name(write(tmp_path / "study", hierarchy=[method("real", 100, 1.0, None, 0.8), *rows]))
    assert result["diversity_above_80"].value is None
    assert "either side of quality 80" in result["diversity_above_80"].note


def test_sets_that_do_not_vary_have_no_interval(tmp_path: Path) -> None:
    rows = [method(f"gan:guidance={q}", q, 0.5, 0.0, 0.5) for q in (70, 75, 85, 90)]
    result = by_name(write(tmp_path / "study", hierarchy=[method("real", 100, 1.0, None, 0.8), *rows]))
    assert (result["diversity_above_80"].value, result["diversity_above_80"].ci) == (0.0, None)
