from __future__ import annotations

import math

import numpy as np
import pytest

from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.claims import claims, decide_all
from affetti.studies.audit.sample_size import MAX_UNITS, units_needed


def measured(value: float, low: float, high: float, n: int = 40) -> Measurement:
    return Measurement("m", "M", value, (low, high), n)


def test_an_interval_that_reaches_as_far_as_the_end_needs_the_factor_of_power_alone() -> None:
    assert units_needed(-math.inf, 10, measured(8, 6, 10)) == math.ceil(40 * (2.8 / 1.96) ** 2)


def test_half_the_distance_needs_four_times_the_songs() -> None:
    far, near = (units_needed(-math.inf, 10 + d, measured(10, 6, 14, 200)) for d in (2.0, 1.0))
    assert far is not None
    assert near == pytest.approx(4 * far, abs=4)


def test_outside_the_range_the_nearer_end_counts_and_inside_it_both() -> None:
    assert units_needed(0, 10, measured(12, 8, 16)) == units_needed(-math.inf, 10, measured(12, 8, 16))
    assert units_needed(0, 10, measured(9, 7, 11)) == units_needed(-math.inf, 10, measured(9, 7, 11))
    assert units_needed(7.5, 10, measured(9, 4, 9.1)) == units_needed(7.5, math.inf, measured(9, 4, 9.1))


def test_where_more_songs_would_not_decide_there_is_no_number() -> None:
    for useless in (
        Measurement("m", "M", None, None, 0),
        Measurement("m", "M", 3.0, None, 40),
        Measurement("m", "M", 3.0, (2.0, 4.0), 40, spans_definitions=True),
        measured(10, 9, 11),  # at the end itself
    ):
        assert units_needed(0, 10, useless) is None
    assert units_needed(0, 10, measured(10 - 1e-3, 9, 11)) is None
    assert units_needed(0, 10, measured(5, 4, 6)) == 40 <= MAX_UNITS


def test_the_number_gives_the_promised_power() -> None:
    """Songs of deviation 1 about .3; "at most 0" is contradicted in about 80 % of measurements of so many."""
    n = units_needed(-math.inf, 0, measured(0.3, 0.3 - 1.96 / math.sqrt(20), 0.3 + 1.96 / math.sqrt(20), 20))
    assert n is not None
    means = np.random.default_rng(0).normal(0.3, 1 / math.sqrt(n), 20_000)
    assert np.mean(means - 1.96 / math.sqrt(n) > 0) == pytest.approx(0.8, abs=0.02)


def test_several_definitions_are_marked() -> None:
    two = [measured(1, 0, 2), measured(5, 4, 6)]
    assert Measurement.over_definitions("m", "M", two).spans_definitions
    assert not Measurement.over_definitions("m", "M", two[:1]).spans_definitions


def test_a_claim_that_more_songs_would_decide_says_how_many() -> None:
    questions = {claim.topic: "?" for claim in claims()}
    gan = Measurement("quality_gan", "Q", 69.0, (45.0, 92.0), 34, "songs a side")
    blues = Measurement("blues_readings_stft", "B", 13.9, (2.9, 33.4), 12, spans_definitions=True)
    found = {"ceiling.quality_gan": gan, "genre.blues_readings_stft": blues}
    rows = {row.id: row for row in decide_all(found, questions, composed=True, dataset="", corpus="c")}
    assert rows["tier-gan"].n_needed is None
    assert rows["genre-blues-stft"].n_needed is None
    # One point from the end of its range: more songs than anyone measures.
    assert rows["quality-gan"].n_needed is None
    found["ceiling.quality_gan"] = Measurement("quality_gan", "Q", 60.0, (45.0, 75.0), 34, "songs a side")
    rows = {row.id: row for row in decide_all(found, questions, composed=True, dataset="", corpus="c")}
    assert rows["quality-gan"].n_needed == 157
    assert rows["quality-gan"].needs == "about 157 songs a side (here 34)"
