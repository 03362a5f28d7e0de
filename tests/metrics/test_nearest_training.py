from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import memorisation


@pytest.fixture
def sets():
    rng = np.random.default_rng(4)
    return rng.normal(size=(400, 16)), rng.normal(size=(400, 16)), rng.normal(size=(400, 16)), rng


def test_fresh_draws_are_not_copies(sets):
    fake, train, holdout, _ = sets
    result = memorisation(fake, train, holdout)
    assert result.nearer_train == pytest.approx(0.5, abs=0.08)
    assert result.authentic == pytest.approx(result.authentic_control, abs=0.1)
    assert result.distance_ratio == pytest.approx(1.0, abs=0.05)
    assert result.exact_copies == 0
    assert result.copying is False


def test_noisy_copies_are_detected(sets):
    _, train, holdout, rng = sets
    result = memorisation(train + 0.05 * rng.normal(size=train.shape), train, holdout)
    assert result.nearer_train > 0.99
    assert result.authentic < 0.01
    assert present(result.distance_ratio) < 0.2
    assert result.exact_copies == 0
    assert result.copying is True


def test_a_quarter_of_copies_is_detected(sets):
    fake, train, holdout, rng = sets
    mixed = np.concatenate([fake[:300], train[:100] + 0.05 * rng.normal(size=(100, 16))])
    assert memorisation(mixed, train, holdout).copying is True


def test_exact_copies_are_counted(sets):
    fake, train, holdout, _ = sets
    result = memorisation(np.concatenate([fake, train[:3]]), train, holdout)
    assert result.exact_copies == 3
    assert result.copying is True


def test_a_large_training_set_alone_is_not_copying(sets):
    fake, train, holdout, _ = sets
    result = memorisation(fake, train, holdout[:80])
    assert result.n == 80
    assert result.nearer_train == pytest.approx(0.5, abs=0.1)
    assert result.copying is False


def test_a_collapse_to_one_point_is_not_copying():
    rng = np.random.default_rng(4)
    train, holdout, places = rng.normal(size=(400, 4)), rng.normal(size=(400, 4)), rng.normal(size=(40, 4))
    result = [memorisation(place + 0.05 * rng.normal(size=(100, 4)), train, holdout) for place in places]
    # What would seem to be copying if every fake were evidence of its own:
    assert any(f.nearer_train > 0.66 and f.authentic < f.authentic_control - 0.2 for f in result)
    assert sum(f.copying for f in result) <= 2  # a place next to a training row cannot be distinguished from its copies


def test_a_few_training_clips_over_and_over_are_copies(sets):
    _, train, holdout, rng = sets
    result = memorisation(train[rng.integers(3, size=200)] + 0.05 * rng.normal(size=(200, 16)), train, holdout)
    assert result.copying is True


def test_false_alarms_are_rare():
    rng = np.random.default_rng(11)
    alarms = [memorisation(*rng.normal(size=(3, 100, 6))).copying for _ in range(60)]
    assert sum(alarms) <= 1


def test_order_does_not_matter_and_seed_is_kept(sets):
    fake, train, holdout, rng = sets
    a = memorisation(fake, train, holdout[:100], seed=3)
    b = memorisation(fake[::-1], train[rng.permutation(400)], holdout[:100][::-1], seed=3)
    assert a.ci == b.ci
    statistics = [{name: value for name, value in asdict(result).items() if name != "ci"} for result in (a, b)]
    assert statistics[0] == pytest.approx(statistics[1])


def test_a_holdout_inside_train_leaves_no_ratio(sets):
    fake, train, _, _ = sets
    assert memorisation(fake, train, train).distance_ratio is None


def test_bad_rows_are_refused(sets):
    fake, train, holdout, _ = sets
    with pytest.raises(InputError, match="holdout"):
        memorisation(fake, train, holdout[:, :3])
    with pytest.raises(InputError, match="fake"):
        memorisation(fake * np.nan, train, holdout)


def test_intervals_are_over_songs(sets):
    fake, train, holdout, _ = sets
    result = memorisation(fake, train, holdout)
    share, (low, high) = result.authentic, result.ci.authentic
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / 400), rel=0.15)  # binomial
    for name, (low, high) in asdict(result.ci).items():
        assert low <= asdict(result)[name] <= high, name
    songs = np.repeat(np.arange(400), 4), np.arange(400)
    grouped = memorisation(np.repeat(fake, 4, axis=0), train, holdout, groups=songs)
    wide = np.diff(grouped.ci.authentic) / (result.ci.authentic[1] - result.ci.authentic[0])
    assert wide == pytest.approx(1.0, abs=0.15)  # four clips of a song say no more than one


def test_a_ratio_whose_denominator_may_be_zero_has_no_interval(sets):
    fake, train, _, rng = sets
    holdout = np.concatenate([train[:195], rng.normal(size=(205, 16))])
    assert memorisation(fake, train, holdout).ci.distance_ratio is None


def test_songs_of_several_clips_leave_the_null_at_half():
    rng = np.random.default_rng(5)

    def clips(songs, each):
        return np.repeat(rng.normal(size=(songs, 8)), each, axis=0) + 0.3 * rng.normal(size=(songs * each, 8))

    by_song, by_row = [], []
    for _ in range(12):
        fake, train, holdout = clips(60, 1), clips(80, 6), clips(20, 6)
        song, learnt = (np.arange(60), np.repeat(np.arange(20), 6)), np.repeat(np.arange(80), 6)
        by_song.append(memorisation(fake, train, holdout, groups=song, train_groups=learnt))
        by_row.append(memorisation(fake, train, holdout).nearer_train)
    assert np.mean([result.nearer_train for result in by_song]) == pytest.approx(0.5, abs=0.05)
    assert np.mean(by_row) > 0.6  # as many rows of more songs reach farther
    assert {result.n for result in by_song} == {120}
