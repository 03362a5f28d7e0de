from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import frechet, kernel_distance, paired_test

TRUTH = 3 * 0.3**2 - 3 * 0.5**2


def sets(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(40, 3)), 1.3 * rng.normal(size=(150, 3)), 1.5 * rng.normal(size=(150, 3))


def test_the_interval_covers_the_truth_and_is_narrower_than_two():
    held, paired, separate = 0, [], []
    for seed in range(40):
        result = paired_test(*sets(seed))
        held += present(result.difference.ci)[0] <= TRUTH <= present(result.difference.ci)[1]
        paired.append(np.ptp(present(result.difference.ci)))
        separate.append(np.hypot(np.ptp(present(result.first.ci)), np.ptp(present(result.second.ci))))
    assert held >= 34
    assert np.mean(paired) < 0.85 * np.mean(separate)


@pytest.mark.parametrize("distance", ["frechet", "kernel"])
def test_equal_generators_differ_as_rarely_as_p_says(distance):
    result = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        reference, one, other = rng.normal(size=(30, 3)), rng.normal(size=(40, 3)) + 1, rng.normal(size=(40, 3)) + 1
        drawn = paired_test(reference, one, other, distance=distance)
        result.append(drawn.p)
    assert np.mean(np.array(result) < 0.05) < 0.15
    assert 0.3 < np.mean(result) < 0.7


def test_the_order_of_the_generators_turns_the_sign():
    x, a, b = sets(0)
    b = b + 1
    one, other = paired_test(x, a, b), paired_test(x, b, a)
    assert one.first.value == pytest.approx(other.second.value, abs=0.05)
    assert one.difference.value < 0 < other.difference.value
    assert one.p < 0.05
    assert one.difference.value == pytest.approx(one.first.value - one.second.value)


def test_either_distance_alone_is_near_the_unpaired_one():
    x, a, b = sets(1)
    assert paired_test(x, a, b).first.value == pytest.approx(frechet(x, a).value, abs=0.1)
    result = paired_test(x, a, b, distance="kernel")
    assert result.first.value == pytest.approx(kernel_distance(x, a))
    assert result.difference.value == pytest.approx(kernel_distance(x, a) - kernel_distance(x, b))
    assert result.to_dict()["difference"]["n"] == [40, 150, 150]


def test_songs_are_left_out_whole_and_order_does_not_matter():
    x, a, b = sets(2)
    song = np.arange(150) // 10
    by_song, by_row = paired_test(x, a, b, (None, song, song)), paired_test(x, a, b)
    assert by_song.difference.value != by_row.difference.value
    p = np.random.default_rng(0).permutation(150)
    again = paired_test(x[::-1], a[p], b, (None, song[p], song))
    assert again.difference.value == pytest.approx(by_song.difference.value)
    assert again.p == pytest.approx(by_song.p)


def test_input_that_cannot_be_tested_is_refused():
    x, a, b = sets(0)
    with pytest.raises(InputError, match="unknown distance 'cosine'"):
        paired_test(x, a, b, distance="cosine")  # type: ignore[arg-type] - what it refuses
    with pytest.raises(InputError, match="2 features against 3 of reference"):
        paired_test(x, a, b[:, :2])
    with pytest.raises(InputError, match="all 40 rows are alike"):
        paired_test(x * 0, a, b)


def test_the_simultaneous_interval_is_students_at_a_fifth_of_the_error():
    rng = np.random.default_rng(0)
    reference, first, second = (rng.normal(size=(40, 3)) for _ in range(3))
    test = paired_test(reference, first, second)
    assert test.simultaneous(1) == pytest.approx(test.difference.ci)
    low, high = present(test.simultaneous(5))
    before = present(test.difference.ci)
    assert (high - low) / (before[1] - before[0]) == pytest.approx(t.ppf(0.995, test.dof) / t.ppf(0.975, test.dof))
    assert (low + high) / 2 == pytest.approx(test.difference.value)
