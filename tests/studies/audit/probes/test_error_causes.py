"""A regression of absolute errors on what is known of clips."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from affetti.errors import InputError
from affetti.studies.audit.probes.error_causes import beside_the_mean, explain_errors, standardised

SONGS = np.repeat([f"s{i:03d}" for i in range(100)], 3)


def test_coefficients_are_those_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    errors = np.abs(0.3 + 0.1 * x[:, 0] + 0.05 * rng.normal(size=300))
    explained = explain_errors(errors, {"a": x[:, 0], "b": x[:, 1]}, SONGS)
    expected = LinearRegression().fit(x, errors).coef_
    assert [explained.values["a"], explained.values["b"]] == pytest.approx(expected, abs=1e-4)
    assert explained.intervals["a"][0] > 0.08
    assert 0.6 < r2_score(errors, explained.left_out) < 1


def test_intervals_of_values_that_play_no_part_contain_zero_as_often_as_they_say() -> None:
    """Values and errors of songs, each its own for all clips: clips alone would be too sure."""
    inside: list[bool] = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        errors = np.abs(np.repeat(rng.normal(size=100), 3) * 0.3 + 0.05 * rng.normal(size=300))
        explained = explain_errors(errors, {"a": np.repeat(rng.normal(size=100), 3)}, SONGS, seed)
        low, high = explained.intervals["a"]
        inside.append(low <= 0 <= high)
    assert 0.86 <= np.mean(inside) <= 1


def test_a_label_is_compared_with_the_mean_over_clips() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat(rng.choice(["rock", "jazz", "folk"], 100, p=[0.5, 0.3, 0.2]), 3)
    design = beside_the_mean(labels, SONGS)
    assert set(design) == set(np.unique(labels)) - {max(np.unique(labels), key=lambda it: (labels == it).sum())}
    truth = np.select([labels == "rock", labels == "jazz"], [0.2, 0.5], 0.3)
    explained = explain_errors(truth + 1e-3 * rng.normal(size=300), design, SONGS)
    for label, value in explained.values.items():
        assert value == pytest.approx(truth[labels == label][0] - truth.mean(), abs=1e-3)


def test_rare_and_unknown_labels_have_no_column() -> None:
    labels = np.repeat(["rock"] * 96 + ["jazz"] * 4, 3)
    assert beside_the_mean(labels, SONGS) == {}
    assert beside_the_mean(np.full(300, ""), SONGS) == {}


def test_values_are_standardised_where_they_are_known() -> None:
    values, known = np.array([1.0, 3.0, np.nan]), np.array([True, True, False])
    scaled = standardised(values, known)
    assert scaled is not None and scaled.tolist() == [-1.0, 1.0, 0.0]
    assert standardised(np.ones(3), np.ones(3, dtype=bool)) is None
    assert standardised(np.full(3, np.nan), np.zeros(3, dtype=bool)) is None


def test_too_few_songs_and_nothing_known_are_refused() -> None:
    with pytest.raises(InputError, match="2 songs for 1 values"):
        explain_errors(np.ones(4), {"a": np.arange(4.0)}, np.array(["a", "a", "b", "b"]))
    with pytest.raises(InputError, match="for 0 values"):
        explain_errors(np.ones(300), {}, SONGS)
