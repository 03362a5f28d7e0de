from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.material import present

from affetti.metrics import concordance
from affetti.studies.augmentation.comparison import (
    REFERENCE,
    ResampleWeights,
    choose_measure,
    compare_arms,
    verdict,
    weighted_accuracy,
    weighted_concordance,
)
from affetti.studies.augmentation.results import ArmResult, Interval

SONGS, CLIPS = 40, 4


def arm(name: str, delta: float, interval: Interval) -> ArmResult:
    """A row that matters for its difference alone."""
    ccc = {"ccc_valence": 0.3, "ccc_arousal": 0.3, "ccc": 0.3, "ci": (0.2, 0.4)}
    return ArmResult(name=name, **ccc, delta=delta, delta_ci=interval)  # type: ignore[arg-type]


def material(noise: dict[str, float], seed: int, seeds: int = 3) -> tuple[dict, NDArray, NDArray]:
    """Predictions of arms that miss the target by a noise of a song, of a seed and of a clip."""
    rng = np.random.default_rng(seed)
    songs = np.repeat([f"s{i}" for i in range(SONGS)], CLIPS)
    target = np.repeat(rng.uniform(-0.8, 0.8, (SONGS, 2)), CLIPS, axis=0)
    hard = np.repeat(rng.normal(0, 0.3, (SONGS, 2)), CLIPS, axis=0)  # what is hard for all arms alike
    predictions = {
        arm: np.stack([target + hard + rng.normal(0, size, target.shape) for _ in range(seeds)])
        for arm, size in noise.items()
    }
    return predictions, target, songs


def test_weighted_concordance_with_equal_weights_is_the_metric_of_each_column() -> None:
    predictions, target, _ = material({"a": 0.2}, 0)
    result = weighted_concordance(predictions["a"], target, np.ones((1, len(target))))
    assert result.shape == (1, 3, 2)
    for s in range(3):
        for axis in range(2):
            assert result[0, s, axis] == pytest.approx(concordance(predictions["a"][s, :, axis], target[:, axis]))


def test_a_weight_of_two_is_the_clip_twice() -> None:
    predictions, target, _ = material({"a": 0.2}, 1, seeds=1)
    weights = np.ones((1, len(target)))
    weights[0, 5] = 2
    twice = np.append(np.arange(len(target)), 5)
    result = weighted_concordance(predictions["a"], target, weights)[0, 0, 0]
    assert result == pytest.approx(concordance(predictions["a"][0, twice, 0], target[twice, 0]))


def test_the_difference_of_the_reference_from_itself_is_zero() -> None:
    predictions, target, songs = material({REFERENCE: 0.2, "flow": 0.2}, 2)
    row = compare_arms(predictions, target, songs, REFERENCE, 0).arms[0]
    assert (row.name, row.delta, row.delta_ci) == (REFERENCE, 0.0, (0.0, 0.0))
    assert row.ccc == pytest.approx(np.mean([row.ccc_valence, row.ccc_arousal]))
    assert row.ci[0] < row.ccc < row.ci[1]


def test_a_planted_gain_and_a_planted_harm_are_detected() -> None:
    predictions, target, songs = material({REFERENCE: 0.3, "better": 0.1, "worse": 0.6}, 3, seeds=5)
    rows = {row.name: row for row in compare_arms(predictions, target, songs, REFERENCE, 0).arms}
    assert verdict(rows["better"], SONGS, 5, 2) == "helps"
    assert verdict(rows["worse"], SONGS, 5, 2) == "harms"
    assert rows["better"].share_below_zero == 0.0


def test_no_difference_is_called_one_no_more_often_than_it_should() -> None:
    alarms = 0
    for seed in range(60):
        predictions, target, songs = material({REFERENCE: 0.3, "same": 0.3}, 100 + seed, seeds=3)
        low, high = compare_arms(predictions, target, songs, REFERENCE, seed).arms[1].delta_ci
        alarms += low > 0 or high < 0
    # 5 % nominal: 9 of 60 or more would come by chance less than once in a thousand such tests.
    assert alarms < 9


def test_the_order_of_clips_does_not_matter() -> None:
    predictions, target, songs = material({REFERENCE: 0.3, "flow": 0.2}, 4)
    order = np.random.default_rng(0).permutation(len(target))
    first = compare_arms(predictions, target, songs, REFERENCE, 0).arms
    moved = {k: p[:, order] for k, p in predictions.items()}
    second = compare_arms(moved, target[order], songs[order], REFERENCE, 0).arms
    assert second[1].delta == pytest.approx(first[1].delta)
    assert second[1].delta_ci == pytest.approx(first[1].delta_ci)


def test_more_songs_narrow_the_interval() -> None:
    predictions, target, songs = material({REFERENCE: 0.3, "flow": 0.3}, 5)
    few = np.flatnonzero(np.isin(songs, [f"s{i}" for i in range(10)]))
    all_low, all_high = compare_arms(predictions, target, songs, REFERENCE, 0).arms[1].delta_ci
    part = {arm: p[:, few] for arm, p in predictions.items()}
    low, high = compare_arms(part, target[few], songs[few], REFERENCE, 0).arms[1].delta_ci
    assert all_high - all_low < 0.8 * (high - low)


def test_genres_are_reported_with_counts_and_those_of_too_few_songs_left_out() -> None:
    predictions, target, songs = material({REFERENCE: 0.3}, 6)
    genres = np.array(["jazz" if song in ("s0", "s1") else "pop" for song in songs])
    rows = compare_arms(predictions, target, songs, REFERENCE, 0, genres).arms[0].by_genre
    assert [(row.genre, row.songs, row.n) for row in rows] == [("pop", 38, 152)]


def test_few_seeds_runs_and_folds_are_called_exploratory_with_the_reason() -> None:
    row = arm("flow", 0.02, (0.01, 0.03))
    assert verdict(row, 50, 3, 1) == "helps (exploratory: fewer than 5 seeds, one fold)"
    assert verdict(row, 9, 5, 2) == "helps (exploratory: fewer than 10 test songs)"
    assert verdict(row, 10, None, 2) == "helps", "fitted without chance"
    assert verdict(row, 50, 5, 2) == "helps"
    assert verdict(replace(row, generator_runs=3), 50, 5, 2) == "helps"
    assert verdict(replace(row, generator_runs=2), 50, 5, 2) == "helps (exploratory: fewer than 3 generator runs)"
    undecided = replace(arm("flow", 0.02, (-0.02, 0.06)), songs_needed=391)
    assert verdict(undecided, 50, 5, 2) == "can't tell: would need about 400 test songs"
    assert verdict(replace(undecided, songs_needed=20), 50, 5, 2) == "can't tell: would need about 50 test songs"
    nothing = replace(arm("flow", 0.0001, (-0.02, 0.02)), songs_needed=40_000)
    assert verdict(nothing, 50, 5, 2) == "can't tell: so small a difference would need more than 5,000 test songs"
    assert verdict(replace(undecided, songs_needed=None), 50, 5, 2) == (
        "can't tell: so small a difference would need more seeds or generator runs, whatever the test songs"
    )
    assert verdict(arm(REFERENCE, 0.0, (0.0, 0.0)), 50, 5, 2) == "the reference"


def test_a_verdict_on_one_run_is_of_that_run() -> None:
    row = replace(arm("flow", 0.02, (0.01, 0.03)), generator_runs=1)
    assert verdict(row, 50, 5, 2) == "this run helps"
    assert verdict(replace(row, delta_ci=(-0.03, -0.01)), 50, 5, 2) == "this run harms"
    assert verdict(replace(row, delta_ci=(-0.1, 0.1)), 50, 5, 2).startswith("can't tell of this run: ")


def test_runs_that_differ_widen_the_interval_and_runs_that_do_not_leave_it() -> None:
    predictions, target, songs = material({REFERENCE: 0.3, "flow": 0.3}, 8, seeds=6)
    runs = {"flow": (0, 1, 2, 0, 1, 2)}
    alike = compare_arms(predictions, target, songs, REFERENCE, 0, runs=runs).arms[1]
    shift = np.array([-0.2, 0.0, 0.2])[list(runs["flow"])]
    predictions["flow"] = predictions["flow"] * (1 + shift[:, None, None])
    apart = compare_arms(predictions, target, songs, REFERENCE, 0, runs=runs).arms[1]
    one = compare_arms(predictions, target, songs, REFERENCE, 0, runs={"flow": (0,) * 6}).arms[1]
    widths = [np.ptp(row.delta_ci) for row in (alike, apart, one)]
    assert widths[1] > 2 * widths[0]
    assert widths[1] > 1.5 * widths[2], "with one run, six seeds are six units"
    assert (alike.generator_runs, apart.generator_runs, one.generator_runs) == (3, 3, 1)


def test_a_contrast_is_the_difference_of_its_arms_and_one_with_the_reference_is_the_row() -> None:
    predictions, target, songs = material({REFERENCE: 0.4, "a": 0.2, "b": 0.3}, 9, seeds=4)
    compared = compare_arms(
        predictions, target, songs, REFERENCE, 0, contrasts=[("a", "b"), ("a", REFERENCE), ("b", "a")]
    )
    rows = {row.name: row for row in compared.arms}
    first, same, back = compared.contrasts
    assert (first.arm, first.reference) == ("a", "b")
    assert first.delta == pytest.approx(rows["a"].delta - rows["b"].delta)
    assert back.delta == pytest.approx(-first.delta)
    assert present(back.delta_ci)[0] == pytest.approx(-first.delta_ci[1])
    assert (same.delta, same.delta_ci, same.p) == (rows["a"].delta, rows["a"].delta_ci, rows["a"].p)
    assert first.generator_runs is None


def test_draws_of_n_minus_one_give_the_variance_of_a_mean_without_bias() -> None:
    values = np.array([0.0, 1.0, 5.0])
    draws = ResampleWeights.draw(np.array(["a", "b", "c"]), 3, np.random.default_rng(0), 40_000)
    spread = (draws.seeds[1:] @ values).var()
    assert spread == pytest.approx(values.var(ddof=1) / 3, rel=0.03), "drawing 3 of 3 would give two thirds of it"
    clips = draws.clips[1:] / draws.clips[1:].sum(axis=1, keepdims=True)
    assert (clips @ values).var() == pytest.approx(values.var(ddof=1) / 3, rel=0.03)
    assert ResampleWeights.draw(np.array(["a"]), 1, np.random.default_rng(0), 5).seeds.tolist() == [[1.0]] * 6


def test_the_verdict_uses_the_interval_that_holds_for_all_arms() -> None:
    row = replace(arm("flow", 0.02, (0.001, 0.04)), delta_ci_simultaneous=(-0.01, 0.05))
    assert verdict(row, 50, 5, 2).startswith("can't tell")


def test_accuracy_is_the_share_of_clips_in_the_right_quadrant_under_the_weights() -> None:
    target = np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])
    prediction = np.array([[[0.1, 0.9], [-0.1, 0.1], [0.2, -0.1], [-0.3, 0.2]]])
    weights = np.array([[1.0, 1, 1, 1], [3, 0, 1, 0]])
    assert weighted_accuracy(prediction, target, weights)[:, 0].tolist() == [0.5, 0.75]


def test_quadrant_labels_are_recognised_by_their_few_values_and_compared_by_accuracy() -> None:
    rng = np.random.default_rng(0)
    songs = np.repeat([f"s{i}" for i in range(40)], 4)
    target = np.repeat(rng.choice([-0.5, 0.5], (40, 2)), 4, axis=0)
    assert choose_measure(target) == "accuracy"
    assert choose_measure(rng.uniform(-1, 1, (30, 2))) == "ccc"
    good, bad = (np.stack([target + rng.normal(0, size, target.shape) for _ in range(5)]) for size in (0.3, 3.0))
    rows = compare_arms({REFERENCE: bad, "flow": good}, target, songs, REFERENCE, 0, measure="accuracy").arms
    by_hand = [np.mean(((p >= 0) == (target >= 0)).all(axis=2)) for p in (bad, good)]
    assert [row.accuracy for row in rows] == pytest.approx(by_hand)
    assert rows[1].delta == pytest.approx(by_hand[1] - by_hand[0])
    assert present(rows[1].accuracy_ci)[0] < by_hand[1] < present(rows[1].accuracy_ci)[1]
    assert verdict(rows[1], 40, 5, 2) == "helps"


def test_differences_are_given_by_genre_too() -> None:
    predictions, target, songs = material({REFERENCE: 0.5, "better": 0.1}, 7, seeds=5)
    genres = np.array(["jazz" if int(song[1:]) < 20 else "pop" for song in songs])
    rows = {row.name: row for row in compare_arms(predictions, target, songs, REFERENCE, 0, genres).arms}
    for genre in rows["better"].by_genre:
        assert 0 < present(genre.delta_ci)[0] < present(genre.delta)
    assert all(genre.delta == 0 for genre in rows[REFERENCE].by_genre)
