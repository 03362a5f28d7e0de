from __future__ import annotations

import numpy as np
import pytest
from tests.material import mels

from affetti.errors import InputError
from affetti.metrics import quality_difference, quality_score


@pytest.fixture(scope="module")
def sets():
    real, first, second = (mels(60, (16, 64), seed).numpy() for seed in (0, 1, 2))
    return real, first, second


def test_the_worse_generator_loses_points(sets):
    real, good, other = sets
    blurred = np.repeat(other[:, :, ::8], 8, axis=2)
    result = quality_difference(real, good, blurred)
    assert result.first - result.second == pytest.approx(result.difference.value)
    assert result.difference.ci is not None
    assert result.difference.ci[0] > 20
    assert result.second == pytest.approx(quality_score(real, blurred).score, abs=10)
    assert quality_difference(real, blurred, good).difference.value == pytest.approx(-result.difference.value, abs=10)


def test_two_of_a_kind_differ_by_chance_alone(sets):
    real, first, second = sets
    result = quality_difference(real, first, second)
    assert result.difference.ci is not None
    assert result.difference.ci[0] <= 0 <= result.difference.ci[1]
    assert result.difference.n == (60, 60, 60)
    assert result.n == 30


def test_the_smaller_set_decides_on_the_number_of_songs(sets):
    real, first, second = sets
    assert quality_difference(real, first, second[:20]).n == 10
    groups = (None, np.arange(60) // 3, None)
    assert quality_difference(real, first, second, groups).n == 10


def test_sets_that_cannot_be_scored_are_refused(sets):
    real, first, second = sets
    with pytest.raises(InputError, match="second: 5 songs are too few"):
        quality_difference(real, first, second[:5])
    with pytest.raises(InputError, match="all 60 clips are alike"):
        quality_difference(np.repeat(real[:1], 60, axis=0), first, second)
    with pytest.raises(InputError, match="all 60 clips are alike"):
        quality_score(np.full_like(real, -40), first)
