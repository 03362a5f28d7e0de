from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affetti.studies.listening.design import Design, Trial, practice_trials
from affetti.studies.listening.study import Study, Task
from listening_material import clip, study


def main(trials: tuple[Trial, ...]) -> list[Trial]:
    return [trial for trial in trials if trial.purpose == "main"]


def counts(made: Study, listeners: int) -> list[Counter[tuple[str, ...]]]:
    """How often each unit was answered after each listener."""
    design, total = Design(made), Counter[tuple[str, ...]]()
    after: list[Counter[tuple[str, ...]]] = []
    for number in range(listeners):
        total.update(tuple(sorted(set(trial.clips))) for trial in main(design.trials(number)))
        after.append(total.copy())
    return after


def unit_count(made: Study) -> int:
    versions = len(made.systems)
    return {"rate": len(made.clips), "mushra": len(made.conditions)}.get(
        made.task, len(made.conditions) * versions * (versions - 1) // 2
    )


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["rate", "pair", "mushra", "spot"]),
    st.integers(1, 9),
    st.integers(2, 5),
    st.integers(0, 3),
    st.data(),
)
def test_units_are_answered_equally_often_within_one_after_every_listener(
    task: Task, conditions: int, systems: int, seed: int, data: st.DataObject
) -> None:
    made = study(task, conditions, systems, seed=seed)
    most = conditions if task in ("rate", "mushra") else unit_count(made)
    made = replace(made, per_listener=data.draw(st.integers(1, most)))
    for total in counts(made, 12):
        values = [*total.values(), *[0] * (unit_count(made) - len(total))]
        assert max(values) - min(values) <= 1
    for number in range(12):
        trials = main(Design(made).trials(number))
        assert len(trials) == made.per_listener
        heard = [made.by_id[trial.clips[0]].condition for trial in trials]
        if made.per_listener <= conditions:
            assert len(set(heard)) == len(heard)
        assert len({frozenset(trial.clips) for trial in trials}) == len(trials)


def test_trials_depend_on_the_study_and_the_number_alone() -> None:
    made = study(per_listener=4, repeats=2, attention_checks=1)
    forwards = Design(made)
    expected = [forwards.trials(number) for number in range(20)]
    assert [Design(made).trials(number) for number in reversed(range(20))] == expected[::-1]
    assert [Design(replace(made, seed=1)).trials(number) for number in range(20)] != expected
    assert len({tuple(trial.clips for trial in trials) for trials in expected}) > 15


def test_a_listener_rates_every_system_as_often_as_the_numbers_allow() -> None:
    made = study("rate", 12, 3)
    design = Design(made)
    for number in range(30):
        by_system = Counter(made.by_id[trial.clips[0]].system for trial in main(design.trials(number)))
        assert sorted(by_system.values()) == [4, 4, 4]


def test_systems_and_clips_come_early_as_often_as_late() -> None:
    made = study("rate", 12, 3)
    design = Design(made)
    places: dict[str, list[int]] = defaultdict(list)
    for number in range(240):
        for place, trial in enumerate(main(design.trials(number))):
            places[trial.clips[0]].append(place)
    means = np.array([np.mean(it) for it in places.values()])
    assert len(means) == 36
    # Unbalanced orders would give a standard error of 3.45 / √80 = 0.39; alternation brings it well below that.
    assert np.abs(means - 5.5).max() < 0.6
    assert means.std() < 0.3


def test_the_two_orders_of_a_pair_are_balanced_within_one() -> None:
    made = study("pair", 5, 3)
    design = Design(made)
    orders = Counter(trial.clips for number in range(47) for trial in main(design.trials(number)))
    for clips, count in orders.items():
        assert abs(count - orders[clips[::-1]]) <= 1


def test_a_triangle_goes_through_its_six_arrangements() -> None:
    made = study("spot", 4, 2)
    design = Design(made)
    arrangements: dict[frozenset[str], Counter[tuple[str, ...]]] = defaultdict(Counter)
    for number in range(13):
        for trial in main(design.trials(number)):
            arrangements[frozenset(trial.clips)][trial.clips] += 1
    assert len(arrangements) == 4
    for seen in arrangements.values():
        assert len(seen) == 6
        assert max(seen.values()) - min(seen.values()) <= 1
        assert all(sorted(Counter(clips).values()) == [1, 2] for clips in seen)


def test_mushra_plays_every_version_in_an_order_of_its_own_beside_the_reference() -> None:
    made = study("mushra", 5, 4)
    orders: set[tuple[str, ...]] = set()
    for number in range(8):
        for trial in Design(made).trials(number):
            assert made.by_id[trial.reference].system == "reference"
            assert trial.reference in trial.clips
            assert len(set(trial.clips)) == 4
            orders.add(tuple(made.by_id[it].system for it in trial.clips))
    assert len(orders) > 15


@pytest.mark.parametrize("task", ["rate", "pair", "spot"])
def test_repeats_come_late_and_checks_are_spread(task: Task) -> None:
    made = study(task, 12, 2, repeats=4, attention_checks=2)
    for number in range(20):
        trials = Design(made).trials(number)
        assert [trial.number for trial in trials] == list(range(18))
        assert Counter(trial.purpose for trial in trials) == {"main": 12, "repeat": 4, "attention": 2}
        for trial in trials:
            if trial.purpose == "repeat":
                first = next(it for it in trials if it.purpose == "main" and set(it.clips) == set(trial.clips))
                assert trial.number - first.number >= 2
                assert task == "rate" or trial.clips != first.clips
            assert bool(trial.expected) == (trial.purpose == "attention")
        checks = [trial.number for trial in trials if trial.purpose == "attention"]
        assert checks[0] < 10 < checks[1] + 2


def test_a_practice_page_uses_clips_of_its_own() -> None:
    practice = (clip("p1", "p", "real"), clip("p2", "p", "flow"), clip("q1", "q", "real"))
    assert [it.clips for it in practice_trials(study(practice=practice))] == [("p1",), ("p2",), ("q1",)]
    assert [it.clips for it in practice_trials(study("pair", practice=practice))] == [("p1", "p2")]
    assert [it.clips for it in practice_trials(study("spot", practice=practice))] == [("p1", "p2", "p1")]
    assert practice_trials(study()) == ()
    made = study("mushra", practice=(clip("r", "p", "reference"), *practice[:2]))
    assert [(it.clips, it.reference) for it in practice_trials(made)] == [(("r", "p1", "p2"), "r")]


def test_systems_alternate_in_the_deck() -> None:
    made = study("rate", 9, 3, per_listener=3)
    design = Design(made)
    hands = [[made.by_id[trial.clips[0]].system for trial in design.trials(number)] for number in range(6)]
    assert sum(len(set(hand)) == 3 for hand in hands) >= 3
    assert all(a != b for a, b in pairwise(map(tuple, hands))) or len({tuple(hand) for hand in hands}) > 2
