from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affetti.corpus.ceiling import ceiling
from affetti.errors import InputError, UsageError
from affetti.studies.listening.analysis import AnalysisInputs, analyse
from affetti.studies.listening.crossed import Crossed
from affetti.studies.listening.labels import emotion_scale, labels, to_unit
from affetti.studies.listening.rating_table import RatingTable
from affetti.studies.listening.ratings import RatingStore
from affetti.studies.listening.result import ListeningResult
from affetti.studies.listening.screening import RULES, screen
from affetti.studies.listening.sequential import next_analysis
from affetti.studies.listening.study import Task
from listening_material import answer, simulated, study, tidy, with_files


def emotions(seed: int = 0) -> tuple[pd.DataFrame, dict[str, tuple[float, float]]]:
    """Ratings of valence, arousal and quality of three systems, the first of which follows requests best."""
    made = simulated(12, 10, systems=3, shared=True, spreads=(0.1, 0.05, 0.1, 0.15), seed=seed)
    target = np.random.default_rng(seed).uniform(-0.7, 0.7, (10, 2))
    requested = {name: (target[k % 10, 0], target[k % 10, 1]) for k, name in enumerate(made.clips)}
    slope = np.array([0.9, 0.6, 0.1])[made.system]
    parts = [tidy(replace(made, rating=made.rating + made.system), "quality")]
    for axis, name in enumerate(("valence", "arousal")):
        rating = np.clip(made.rating + slope * target[made.condition, axis], -1, 1)
        parts.append(tidy(replace(made, rating=rating), name))
    return pd.concat(parts), requested


def test_a_study_is_analysed_from_ratings_to_result(tmp_path: Path) -> None:
    table, requested = emotions()
    predicted = {name: (0.8 * v, 0.8 * a) for name, (v, a) in requested.items()}
    scores = {"s0": 60.0, "s1": 50.0, "s2": 40.0}
    inputs = AnalysisInputs(requested=requested, predicted=predicted, quality_scores=scores)
    result = analyse(RatingTable.of(table), inputs)
    assert (result.listeners, result.ratings) == (12, 1080)
    assert [(it.name, it.scale) for it in result.systems][:3] == [
        ("s0", "quality"),
        ("s1", "quality"),
        ("s2", "quality"),
    ]
    assert len(result.pairs) == 9
    crossed = Crossed(RatingTable.of(table).scale("quality"))
    assert result.pairs[0].difference == crossed.difference(0, 1).value
    assert result.pairs[0].p_adjusted == crossed.difference(0, 1).adjusted_p(3)
    slopes = {(row.system, row.axis): row.slope for row in result.control}
    for system, slope in (("s0", 0.9), ("s1", 0.6), ("s2", 0.1)):
        for axis in ("valence", "arousal"):
            low, high = slopes[system, axis].ci or (1, 0)
            assert low - 0.1 <= slope <= high + 0.1
    assert {(row.system, row.axis) for row in result.regressor} == {
        (system, axis) for system in ("all", "s0", "s1", "s2") for axis in ("valence", "arousal")
    }
    best = next(row for row in result.regressor if (row.system, row.axis) == ("s0", "valence"))
    assert best.correlation.value > 0.9
    (order,) = result.quality_score
    assert (order.tau.value, order.tau.ci) == (
        -1.0,
        (-1.0, 1.0),
    )  # listeners prefer the other end, and three show nothing
    assert [it.scale for it in result.reliability] == ["quality", "valence", "arousal"]
    assert all(it.icc2 is not None and it.icc1 is not None and it.alpha is not None for it in result.reliability)
    assert {it.limit for it in result.variance} <= {"clips", "listeners", "error"}
    assert result.ceiling.valence is not None
    result.save(tmp_path)
    assert ListeningResult.open(tmp_path) == result
    shuffled = table[table["scale"] == "quality"].sample(frac=1, random_state=0)
    pair = next(it for it in analyse(RatingTable.of(shuffled)).pairs if {it.a, it.b} == {"s0", "s1"})
    assert pair.p == pytest.approx(result.pairs[0].p)


@pytest.mark.parametrize("task", ["rate", "pair", "mushra", "spot"])
def test_every_task_is_analysed_from_its_answers(task: Task, tmp_path: Path) -> None:
    made = with_files(study(task, 4, 3, repeats=1), tmp_path)
    with RatingStore.open(tmp_path) as store:
        for seed in range(6):
            token, rng = store.add_listener(), np.random.default_rng(seed)
            for trial in store.trials(store.listener(token)):
                store.record(token, trial.number, answer(made, trial, rng))
        table = RatingTable.of(store.table())
    if task == "mushra":  # or nobody would pass the rule on hidden references
        changed = table.table.copy()
        changed.loc[changed["system"] == "reference", "rating"] = 100.0
        table = RatingTable(changed)
    result = analyse(table, AnalysisInputs(task=task))
    assert result.listeners == 6
    assert len(result.pairs) == {"rate": 9, "pair": 3, "mushra": 3, "spot": 0}[task]
    assert len(result.triangles) == (3 if task == "spot" else 0)
    if task == "pair":
        for row in result.pairs:
            own = table.main[(table.main["system"] == row.a) & (table.main["against"] == row.b)]
            assert row.preferred == own["rating"].mean()
    if task == "mushra":
        assert all(it.median is not None for it in result.systems)
    assert ListeningResult.from_dict(result.to_dict()) == result


def test_a_later_look_has_wider_intervals_and_larger_p() -> None:
    table, _ = emotions()
    rated = RatingTable.of(table[table["scale"] == "quality"])
    once = analyse(rated)
    early = analyse(rated, AnalysisInputs(analysis=next_analysis([], 12, 24)))
    assert early.analysis.interim
    assert any("planned for 24" in note for note in early.notes)
    for a, b in zip(once.pairs, early.pairs, strict=True):
        assert a.ci is not None
        assert b.ci is not None
        assert b.ci[0] < a.ci[0] < a.ci[1] < b.ci[1]
        assert (b.p_adjusted or 0) >= (a.p_adjusted or 0)


def with_rows(listener: str, ratings: list[float], purpose: str = "main", **columns: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "listener": listener,
            "clip": [f"c{it}" for it in range(len(ratings))],
            "system": "s0",
            "scale": "quality",
            "rating": ratings,
            "purpose": purpose,
            "against": "",
            **columns,
        }
    )


def test_screening_leaves_out_by_its_rules_alone() -> None:
    varied = [1.0, 2.0, 3.0, 4.0, 5.0, 3.0]
    table = pd.concat(
        [
            with_rows("good", varied),
            with_rows("good", varied, "repeat"),
            with_rows("good", [1.0, 0.0], "attention", scale="attention"),
            with_rows("careless", varied),
            with_rows("careless", [0.0, 0.0, 1.0], "attention", scale="attention"),
            with_rows("constant", [3.0] * 6),
            with_rows("erratic", varied),
            with_rows("erratic", [*varied[::-1][:5], 1.0], "repeat"),
            with_rows("deaf", [50.0, 100.0, 60.0], system="reference"),
            with_rows("keen", [100.0, 95.0, 100.0], system="reference"),
        ]
    )
    assert {it.listener: it.reason for it in screen(table)} == {
        "careless": RULES[0],
        "constant": RULES[1],
        "erratic": RULES[3],
        "deaf": RULES[2],
    }


def test_screening_is_shown_with_its_effect_and_may_leave_nobody() -> None:
    table, _ = emotions()
    constant = table[table["listener"] == "l0"].assign(listener="flat", rating=0.0)
    result = analyse(RatingTable.of(pd.concat([table, constant])))
    assert [it.listener for it in result.screening.excluded] == ["flat"]
    assert result.listeners == 12
    for it in result.screening.effect:
        own = table[(table["system"] == it.name) & (table["scale"] == it.scale)]["rating"]
        assert it.mean == pytest.approx(own.mean())
        assert it.without_screening == pytest.approx(own.mean() * 12 / 13)
    with pytest.raises(InputError, match="screening leaves no listener"):
        analyse(RatingTable.of(constant))


def test_a_system_without_requests_is_named_in_the_notes() -> None:
    table, requested = emotions()
    known = {clip: emotion for clip, emotion in requested.items() if clip not in [f"c{k}" for k in range(10)]}
    result = analyse(RatingTable.of(table), AnalysisInputs(requested=known))
    assert {row.system for row in result.control} == {"s1", "s2"}
    assert any("clips of s0 have a requested valence" in note for note in result.notes)
    assert not any("s1" in note for note in result.notes)
    nothing = analyse(RatingTable.of(table))
    assert not nothing.notes
    assert not nothing.control


def compared(scale: str, both: bool) -> pd.DataFrame:
    """Five listeners' answers to four pairs or triangles of systems whose names have spaces."""
    rows = list[dict[str, object]]()
    for listener, request in itertools.product(range(5), range(4)):
        systems = ("the flow", "a real one")
        for own, other in (systems, systems[::-1]) if both else (systems,):
            rating = float((listener + request) % 3 > 0)
            row: dict[str, object] = {
                "listener": f"l{listener}",
                "clip": f"{own}{request}",
                "system": own,
                "condition": f"r{request}",
            }
            rows.append(row | {"against": other, "scale": scale, "rating": rating if own == systems[0] else 1 - rating})
    return pd.DataFrame(rows)


def test_names_of_systems_may_have_spaces() -> None:
    result = analyse(RatingTable.of(compared("spotted", both=False)), AnalysisInputs(task="spot"))
    assert [(row.a, row.b, row.answers) for row in result.triangles] == [("a real one", "the flow", 20)]
    preferred = analyse(RatingTable.of(compared("preference", both=True)), AnalysisInputs(task="pair"))
    assert [(row.a, row.b) for row in preferred.pairs] == [("a real one", "the flow")]


def test_a_comparison_with_one_row_is_refused_and_not_dropped() -> None:
    whole = compared("preference", both=True)
    for wrong in (compared("preference", both=False), whole.iloc[1:], whole.assign(against="")):
        with pytest.raises(InputError, match="one row of two"):
            analyse(RatingTable.of(wrong), AnalysisInputs(task="pair"))


def test_too_little_data_gives_notes_and_no_intervals() -> None:
    table, requested = emotions()
    two = table[table["listener"].isin(["l0", "l1"])]
    result = analyse(RatingTable.of(two), AnalysisInputs(requested=requested))
    assert any("too few listeners for an interval: 2" in note for note in result.notes)
    assert all(it.ci is None for it in (*result.systems, *result.pairs))
    one = table[table["clip"].isin(["c0", "c10", "c20"])]
    result = analyse(RatingTable.of(one), AnalysisInputs(requested=requested))
    assert any("too few clips of s1 for an interval: 1" in note for note in result.notes)
    assert all(it.p is None for it in result.pairs)
    some = table[(table["scale"] != "arousal") & (table["clip"] < "c2")]
    same = analyse(RatingTable.of(some.assign(rating=some["rating"].where(some["scale"] == "valence", 3.0))))
    assert any("every rating on quality is 3" in note for note in same.notes)
    assert all(it.ci is None for it in (*same.systems, *same.pairs) if it.scale == "quality")
    assert any(it.ci is not None for it in same.systems)
    with pytest.raises(InputError, match="same rating to every clip"):
        analyse(RatingTable.of(table.assign(rating=3.0)))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda it: it.drop(columns="rating"), "'rating' is missing"),
        (lambda it: it.iloc[:0], "holds no ratings"),
        (lambda it: it.assign(rating=["x", *it["rating"][1:]]), "'x' of l0, c"),
        (lambda it: it.assign(rating=np.nan), "is not a number"),
        (lambda it: it.assign(listener=""), "row 1 has no listener"),
        (lambda it: pd.concat([it, it]), "twice"),
        (lambda it: it.assign(system=[f"s{k}" for k in range(len(it))]), "systems"),
        (lambda it: it.assign(purpose="repeat"), "no answers to main trials"),
    ],
)
def test_tables_that_cannot_be_used_are_one_line(wrong: Callable[[pd.DataFrame], pd.DataFrame], named: str) -> None:
    table = tidy(simulated(4, 4))
    with pytest.raises(InputError) as refused:
        RatingTable.of(wrong(table))
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_labels_are_means_with_spread_and_number_of_raters() -> None:
    table, _ = emotions()
    rated = RatingTable.of(table[~((table["listener"] == "l3") & (table["clip"] == "c4"))])
    made = labels(rated).set_index("clip")
    own = table[(table["clip"] == "c4") & (table["scale"] == "valence") & (table["listener"] != "l3")]["rating"]
    assert made.loc["c4", "valence"] == pytest.approx(own.mean())
    assert made.loc["c4", "valence_std"] == pytest.approx(own.std(ddof=1))
    assert (made.loc["c4", "raters"], made.loc["c5", "raters"]) == (11, 12)
    assert analyse(rated).ceiling == ceiling(made.rename(columns={"condition": "song_id"}))
    assert not len(labels(RatingTable.of(table[table["scale"] == "quality"])))


def test_emotions_on_another_scale_are_declared_or_refused() -> None:
    table, _ = emotions()
    nine = table.assign(rating=5 + 4 * table["rating"].where(table["scale"] != "quality", 0))
    rated = RatingTable.of(nine)
    with pytest.raises(InputError, match=r"outside \[-1, 1\]"):
        emotion_scale(rated)
    unit = to_unit(rated, emotion_scale(rated, "1..9"))
    back = unit.main[unit.main["scale"] == "valence"]["rating"].to_numpy()
    assert back == pytest.approx(table[table["scale"] == "valence"]["rating"].to_numpy())
    with pytest.raises(UsageError, match="unknown scale"):
        emotion_scale(rated, "1..10")
