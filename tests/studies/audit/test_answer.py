from __future__ import annotations

import json

import numpy as np
import pytest

from affetti import config, metrics
from affetti.studies.audit.answer import (
    Answer,
    IntervalFigure,
    LineFigure,
    Measurement,
    MelFigure,
    Panel,
    Series,
    Sound,
    format_measurement,
)


def test_a_mean_is_resampled_by_song_and_leaves_unknown_values_out() -> None:
    rng = np.random.default_rng(0)
    songs = np.repeat([f"s{i}" for i in range(30)], 4)
    values = np.repeat(rng.normal(size=30), 4) + 0.01 * rng.normal(size=120)
    result = Measurement.of_mean("m", "mean", values, songs=songs)
    assert result.value == pytest.approx(values.mean())
    assert result.n == 30
    assert result.ci is not None
    # Four clips of a song are hardly more than one: the interval is that of 30 values, not of 120.
    assert result.ci[1] - result.ci[0] == pytest.approx(2 * 1.96 * values[::4].std() / np.sqrt(30), rel=0.2)
    with_gaps = Measurement.of_mean("m", "mean", np.append(values, np.nan), songs=np.append(songs, "none"))
    assert (with_gaps.value, with_gaps.ci, with_gaps.n) == (result.value, result.ci, 30)


def test_undefined_values_are_none_with_a_reason() -> None:
    songs = np.array(["a", "b", "c"])
    result = Measurement.of_statistic("r", "r", metrics.pearson, [1.0, 1.0, 1.0], [1.0, 2.0, 3.0], songs=songs)
    assert result.value is None
    assert "not measurable here" in result.note
    alone = Measurement.of_mean("m", "m", [1.0, 2.0], songs=["a", "a"])
    assert (alone.value, alone.ci) == (1.5, None)
    assert "one song alone" in alone.note
    nothing = Measurement.of_mean("m", "m", [np.nan], songs=["a"])
    assert (nothing.value, nothing.n) == (None, 0)


def test_a_failure_is_never_a_number() -> None:
    with pytest.raises(ValueError, match="nan is not a finite number"):
        Measurement("m", "m", float("nan"), None, 3)
    with pytest.raises(ValueError, match="inf is not a finite number"):
        Measurement("m", "m", 1.0, (0.0, float("inf")), 3)
    one = Measurement("m", "m", 1.0, None, 3)
    with pytest.raises(ValueError, match="named twice: m"):
        Answer("…", (one, one))


def test_the_interval_of_several_definitions_spans_all_of_theirs() -> None:
    alternatives = [
        Measurement("a", "A", 30.0, (27.0, 33.0), 12, "ways", "%"),
        Measurement("b", "B", 4.0, (3.0, 5.0), 12),
    ]
    result = Measurement.over_definitions("c", "C", [*alternatives, Measurement.missing("d", "D", "sound")])
    assert (result.value, result.ci, result.n, result.of) == (17.0, (3.0, 33.0), 12, "ways")
    assert "spans 2 definitions: a, b" in result.note
    assert Measurement.over_definitions("c", "C", [Measurement.missing("d", "D", "sound")]).value is None


def test_an_answer_is_restored_from_json() -> None:
    answer = Answer(
        "It is so.",
        (Measurement("a", "A", 1.0, (0.5, 1.5), 12), Measurement.missing("b", "B", "sound")),
        IntervalFigure("CCC", ("a", "b"), zero=True),
        LineFigure("t", "x", "y", (Series("s", ((0.0, 1.0, 0.5, 1.5),)),)),
        MelFigure("m", (Panel("p", "key"),)),
        (Sound("original", "recording", "sounds/x.flac"),),
        ("Careful.",),
    )
    assert config.structure(json.loads(json.dumps(config.unstructure(answer))), Answer) == answer
    assert answer["a"].value == 1.0


def test_a_measurement_in_words() -> None:
    assert format_measurement(Measurement("a", "A", 0.456, (0.35, 0.5349), 9)) == "0.46 [0.35, 0.53]"
    assert format_measurement(Measurement("a", "A", 12.0, (10, 14), 9, unit="%"), 0) == "12% [10, 14]"
    assert format_measurement(Measurement("a", "A", -3.0, None, 9, unit="dB"), 1) == "-3.0 dB"
    assert format_measurement(Measurement.missing("a", "A", "sound")) == "(not measured)"
    assert format_measurement(Measurement("a", "A", -0.001, (-0.004, 0.002), 9)) == "0.00 [0.00, 0.00]"
    assert format_measurement(Measurement("a", "A", 135885.0, None, 9, unit="bit/s"), 0) == "135,885 bit/s"
