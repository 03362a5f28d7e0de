"""Sentences for a paper say no more than the intervals that they name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from affetti.studies.audit import paper
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.limitations import LOSSES
from affetti.studies.audit.paper import ccc_sentences, future_work, methods_sentences, relation
from affetti.studies.augmentation.arm_results import ArmResult, PrimaryContrast
from affetti.studies.augmentation.results import MethodRow, StudyResult, TestSet

MITIGATIONS = {row.limitation: row.mitigation for row in LOSSES}


def arm(name: str, delta: float = 0.0, ci: tuple[float, float] = (0.0, 0.0), **more: Any) -> ArmResult:
    row: dict[str, Any] = {"ccc_valence": 0.5, "ccc_arousal": 0.5, "ccc": 0.5, "ci": (0.4, 0.6), "n_train": 1_000}
    return ArmResult(name=name, delta=delta, delta_ci=ci, **(row | more))


def study(gan: ArmResult, **more: Any) -> StudyResult:
    quality = (
        MethodRow(name="real", quality=100, quality_ci=(96, 100), diversity=1.0, n=500),
        MethodRow(name="gan", quality=69, quality_ci=(45, 92), diversity=0.8, n=500),
    )
    base: dict[str, Any] = {"test": TestSet(n=80, songs=40), "seeds": 5, "folds": (0,), "corpus": "c", "seed": 0}
    base |= {"hierarchy": quality, "recipe": ("specaugment",), "reference": "real"}
    return StudyResult(arms=(arm("real"), gan), **(base | more))


def measured(name: str, value: float | None, *ci: float) -> Measurement:
    return Measurement(name, name, value, (ci[0], ci[1]) if ci else None, 40, unit="%" if "." not in name else "")


@pytest.mark.parametrize(
    ("ci", "verb"),
    [
        ((0.001, 0.08), "raises CCC"),
        ((-0.08, -0.001), "lowers CCC"),
        ((0.0, 0.08), "is not shown to change CCC"),
        ((-0.02, 0.08), "is not shown to change CCC"),
    ],
)
def test_the_verb_of_a_gain_follows_from_its_interval(ci: tuple[float, float], verb: str) -> None:
    said = methods_sentences([study(arm("gan", sum(ci) / 2, ci, n_train=2_376, generator_runs=3))])
    assert said.startswith("1,376 clips of gan (Quality Score 69 [45, 92], 'Poor' to 'Excellent' in the study's words")
    assert "below the 100 [96, 100] of real training clips" in said
    assert f"On top of specaugment, this {verb} on 40 real test songs: " in said
    assert f"[{ci[0]:+.3f}, {ci[1]:+.3f}] (95 % interval of this difference alone)." in said
    others = {"raises CCC", "lowers CCC", "is not shown to change CCC"} - {verb}
    assert not any(other in said for other in others)


def test_an_arm_that_was_not_chosen_beforehand_has_the_interval_for_all_arms() -> None:
    gan = arm("gan", 0.04, (0.01, 0.07), delta_ci_simultaneous=(-0.01, 0.09))
    assert "is not shown to change CCC" in methods_sentences([study(gan)])
    assert "[-0.010, +0.090] (95 % interval for all arms at once)" in methods_sentences([study(gan)])
    primary = PrimaryContrast(
        arm="gan",
        reference="real",
        sentence="",
        delta=0.04,
        ci=(0.01, 0.07),
        p=0.01,
        n_songs=40,
        generator_runs=3,
        seeds=5,
    )
    said = methods_sentences([study(gan, primary=primary)])
    assert "raises CCC" in said
    assert "of the primary contrast" in said


def test_a_score_that_overlaps_real_musics_is_not_called_below_it() -> None:
    rows = (
        MethodRow(name="real", quality=100, quality_ci=(91, 100), diversity=1.0, n=500),
        MethodRow(name="gan", quality=69, quality_ci=(45, 92), diversity=0.8, n=500),
    )
    assert "not distinguished from the 100 [91, 100]" in methods_sentences([study(arm("gan"), hierarchy=rows)])
    assert "Quality Score not measured" in methods_sentences([study(arm("gan"), hierarchy=())])
    alone = (replace(rows[1], quality_ci=None),)
    said = methods_sentences([study(arm("gan"), hierarchy=alone)])
    assert "(Quality Score 69)" in said


def test_few_runs_and_exploratory_studies_are_called_that() -> None:
    gan = arm("gan", 0.04, (0.01, 0.07), generator_runs=1)
    said = methods_sentences([study(gan, exploratory=True)])
    assert said.endswith("; the study is exploratory, and it is of one run of the generator, not of the method.")
    assert "of 2 runs of the generator" in methods_sentences([study(replace(gan, generator_runs=2))])
    assert "not of the method" not in methods_sentences([study(replace(gan, generator_runs=3))])


def test_without_a_study_in_ccc_nothing_is_said_of_a_gain() -> None:
    for studies in ([], [study(arm("gan"), measure="accuracy")], [study(arm("mixup"))]):
        assert methods_sentences(studies) == paper.NO_STUDY
    first, second = study(arm("gan", 0.1, (0.05, 0.15))), study(arm("gan", -0.1, (-0.15, -0.05)))
    assert "raises" in methods_sentences([first, second]) and "lowers" not in methods_sentences([first, second])


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        ((0, 1), (2, 3), "below"),
        ((2, 3), (0, 1), "above"),
        ((0, 2), (1, 3), "not distinguished from"),
        ((0, 1), (1, 2), "not distinguished from"),
    ],
)
def test_intervals_that_overlap_or_touch_are_not_ordered(
    first: tuple[float, float], second: tuple[float, float], word: str
) -> None:
    assert relation(first, second) == word


@pytest.mark.parametrize(
    ("label", "ending"),
    [
        ((0.9, 0.85, 0.95), "raters' disagreement alone does not explain what is missing."),
        ((0.7, 0.6, 0.8), "raters' disagreement may explain all that is missing."),
        ((0.7, 0.55, 0.8), "raters' disagreement may explain all that is missing."),
    ],
)
@pytest.mark.parametrize(("probe", "word"), [((0.3, 0.2, 0.39), "above"), ((0.3, 0.2, 0.4), "not distinguished from")])
def test_why_ccc_is_not_higher(
    label: tuple[float, float, float], ending: str, probe: tuple[float, float, float], word: str
) -> None:
    said = ccc_sentences(
        {
            "ceiling.label_ccc": measured("label.ccc", *label),
            "information.own_emotion_ccc_log_mel": measured("probe.ccc", *probe),
        },
        [study(arm("gan"))],
    )
    assert f"caps CCC at {label[0]:.2f} [{label[1]:.2f}, {label[2]:.2f}]" in said
    assert "The regressor of the study (small network) reaches 0.50 [0.40, 0.60] on 40 test songs." in said
    assert f"the regressor is {word} the probe" in said
    assert said.endswith(ending)


def test_what_was_not_measured_of_ccc_is_called_that() -> None:
    said = ccc_sentences({}, [])
    assert said.count("not measured") == 3
    assert "alone" not in said and "may explain" not in said
    only = ccc_sentences({"ceiling.label_ccc": measured("label.ccc", None)}, [study(arm("gan"))])
    assert only.count("not measured") == 2
    probe = {"information.own_emotion_ccc_log_mel": measured("p.ccc", 0.3, 0.2, 0.4)}
    label = {"ceiling.label_ccc": measured("l.ccc", 0.9, 0.8, 0.95)}
    assert "The interval of the probe lies below" in ccc_sentences(probe | label, [])


def test_future_work_comes_in_the_order_of_what_was_measured_to_cost_most() -> None:
    shares = {
        "variance.genre": measured("genre", -0.2, -1.0, 0.4),
        "variance.lyrics": measured("lyrics", 3.0, 0.3, 9.0),
        "variance.harmony": measured("harmony", 20.0, 10.0, 30.0),
        "variance.timbre": measured("timbre", None),
    }
    said = future_work(shares, MITIGATIONS, composed=False)
    assert [sentence.partition(":")[0] for sentence in said[:3]] == ["harmony", "lyrics", "genre"]
    assert {sentence.partition(":")[0] for sentence in said} == set(MITIGATIONS)
    assert "explains 20.0% [10.0, 30.0] more of the variance of emotion with it." in said[0]
    assert "place" not in said[1], "intervals that do not overlap"
    assert "No gain is shown" in said[2] and "its place after lyrics is not established" in said[2]
    assert all("was not measured" in sentence for sentence in said[3:])
    assert "composer's labels" in future_work(shares, MITIGATIONS, composed=True)[0]
    assert len(future_work({}, MITIGATIONS, composed=True)) == len(MITIGATIONS)


def test_an_interval_that_holds_zero_is_never_called_a_gain() -> None:
    for low in (-1.0, 0.0):
        sentence = future_work({"variance.genre": measured("genre", 5.0, low, 9.0)}, MITIGATIONS, composed=False)[0]
        assert "No gain is shown" in sentence and "explains" not in sentence
