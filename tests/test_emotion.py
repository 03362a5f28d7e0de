from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetti.emotion import CATEGORIES, QUADRANTS, SCALES, WORDS, Emotion, Scale, quadrant
from affetti.errors import InputError, UsageError


@pytest.mark.parametrize("name", SCALES)
def test_a_scale_is_named_for_its_ends_and_maps_them_to_one(name: str) -> None:
    low, high = map(float, name.split(".."))
    assert SCALES[name] == Scale(low, high)
    assert SCALES[name].to_unit([low, (low + high) / 2, high]).tolist() == [-1.0, 0.0, 1.0]


@given(name=st.sampled_from(sorted(SCALES)), values=st.lists(st.floats(-1, 1), min_size=1))
def test_a_round_trip_changes_nothing(name: str, values: list[float]) -> None:
    scale = SCALES[name]
    there = np.clip(scale.from_unit(values), scale.low, scale.high)
    np.testing.assert_allclose(scale.to_unit(there), values, atol=1e-12)


@given(name=st.sampled_from(sorted(SCALES)), data=st.data(), places=st.integers(0, 12))
def test_a_decimal_label_is_restored_bit_for_bit(name: str, data: st.DataObject, places: int) -> None:
    scale = SCALES[name]
    written = data.draw(st.decimals(scale.low, scale.high, places=places))
    label = float(written)
    assert scale.from_unit(scale.to_unit(label)) == label


@pytest.mark.parametrize("name", CATEGORIES)
def test_a_category_is_at_the_centre_of_its_region_and_can_be_recovered(name: str) -> None:
    categories = CATEGORIES[name]
    for category in categories.centres:
        assert categories.from_unit(*categories.to_unit(category)) == category
    assert categories.from_unit(0.9, -0.1) == list(categories.centres)[3]
    with pytest.raises(InputError, match=r"unknown category 'Q5'\. Choose from"):
        categories.to_unit("Q5")


def test_signs_are_the_quadrants_by_another_name() -> None:
    for signs, centre in CATEGORIES["signs"].centres.items():
        assert [sign == "+" for sign in signs] == [value > 0 for value in centre]
    assert list(CATEGORIES["signs"].centres.values()) == list(QUADRANTS.values())


@given(name=st.sampled_from(sorted(SCALES)), values=st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_a_spread_scales_with_the_values(name: str, values: list[float]) -> None:
    ratings = SCALES[name].from_unit(values)
    np.testing.assert_allclose(SCALES[name].spread_to_unit(ratings.std()), np.std(values), atol=1e-12)


@pytest.mark.parametrize("bad", [9.01, 0.99, math.nan, math.inf])
def test_a_label_outside_its_scale_is_named_with_its_row(bad: float) -> None:
    with pytest.raises(InputError, match=rf"label {bad:g} \(row 3\) lies outside \[1, 9\]"):
        SCALES["1..9"].to_unit([1.0, 9.0, bad, 20.0])


@pytest.mark.parametrize(("word", "home"), [("happy", "Q1"), ("angry", "Q2"), ("sad", "Q3"), ("calm", "Q4")])
def test_words_lie_in_the_quadrant_of_the_circumplex(word: str, home: str) -> None:
    assert quadrant(*WORDS[word]) == home


def test_the_centre_of_each_quadrant_lies_in_it_and_zero_counts_as_positive() -> None:
    assert [str(quadrant(*centre)) for centre in QUADRANTS.values()] == list(QUADRANTS)
    assert quadrant([0.0, -0.1, 0.0], [0.0, 0.0, -0.1]).tolist() == ["Q1", "Q2", "Q4"]


@pytest.mark.parametrize(
    ("text", "point"),
    [(" Sad ", WORDS["sad"]), ("-0.5,0.2", (-0.5, 0.2)), ("1, -1", (1.0, -1.0)), ("-0,0", (0.0, 0.0))],
)
def test_an_emotion_is_a_word_or_two_numbers(text: str, point: tuple[float, float]) -> None:
    assert Emotion.parse(text) == Emotion(*point)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("hapy", UsageError, "Did you mean happy"),
        ("0.5", UsageError, "Write V,A"),
        ("0.1,0.2,0.3", UsageError, "is not an emotion"),
        ("", UsageError, "is not an emotion"),
        ("0,1.5", InputError, "arousal 1.5 lies outside"),
        ("nan,0", InputError, "valence nan lies outside"),
    ],
)
def test_an_invalid_emotion_is_refused(text: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        Emotion.parse(text)
