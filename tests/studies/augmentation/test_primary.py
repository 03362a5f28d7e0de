from __future__ import annotations

from dataclasses import replace

import pytest

from affetti.studies.augmentation.arm_results import Difference
from affetti.studies.augmentation.primary import primary_sentence

ROW = Difference(delta=0.012, delta_ci=(-0.014, 0.042), p_alone=0.4, songs_needed_alone=596, generator_runs=3)


def test_the_sentence_has_all_that_a_reviewer_asks_for() -> None:
    assert primary_sentence(("flow", "real"), ROW, 114, 3, "ccc") == (
        "On 114 real songs that no model was trained on, flow changes CCC by +0.012 against real (95 % interval -0.014 "
        "to +0.042, p = 0.4, over songs and 3 generator runs of one seed each): no difference is shown, and one of "
        "this size would take about 600 songs."
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"delta_ci": (0.001, 0.03), "p_alone": 1e-5}, ["p < 0.001", "): it helps."]),
        ({"delta_ci": (-0.03, -0.001)}, ["): it harms."]),
        (
            {"generator_runs": 1},
            ["this run of flow changes", "over songs and 6 seeds, and says nothing of another"],
        ),
        ({"generator_runs": 2}, ["3 runs or more are needed for a verdict on the method"]),
        ({"generator_runs": 3}, ["3 generator runs of 6 seeds in all"]),
        ({"generator_runs": None}, ["over songs and 6 seeds)"]),
        ({"songs_needed_alone": None}, ["more songs alone would not show one of this size"]),
        ({"songs_needed_alone": 90_000}, ["would take more than 5,000 songs"]),
    ],
)
def test_the_sentence_says_what_holds(changed: dict, says: list[str]) -> None:
    sentence = primary_sentence(("flow", "real"), replace(ROW, **changed), 114, 6, "accuracy")
    assert "the share of clips in the right quadrant" in sentence
    for words in says:
        assert words in sentence, sentence
    assert sentence.count(". ") == 0
