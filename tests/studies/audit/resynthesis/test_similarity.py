from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from affetti.errors import InputError
from affetti.studies.audit.resynthesis.similarity import (
    correlation,
    correlation_in_time,
    distance_db,
    spectrum_difference,
)

RNG = np.random.default_rng(3)
A, B = RNG.normal(-40, 8, (2, 20, 50))


def test_correlation_is_that_of_all_cells() -> None:
    assert correlation(A, B) == pytest.approx(pearsonr(A.ravel(), B.ravel())[0])
    assert correlation(A, A) == pytest.approx(1)
    assert correlation(A, 3 - 2 * A) == pytest.approx(-1)
    with pytest.raises(InputError):
        correlation(A, np.full_like(A, -80))


def test_a_common_spectrum_makes_different_songs_similar_and_can_be_removed() -> None:
    slope = np.linspace(0, -200, 20)[:, None]
    assert correlation(A + slope, B + slope) > 0.9
    assert abs(correlation_in_time(A + slope, B + slope)) < 0.1
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (A, B))
    assert correlation_in_time(A + slope, B) == pytest.approx(pearsonr(a.ravel(), b.ravel())[0])


def test_distance_is_the_difference_in_level() -> None:
    assert distance_db(A, A) == 0
    assert distance_db(A, A + 3) == pytest.approx(3)
    half = A.copy()
    half[:10] += 4
    assert distance_db(A, half) == pytest.approx(4 / np.sqrt(2))
    by_hand = np.sqrt(((A - B) ** 2).mean(axis=0)).mean()
    assert distance_db(A, B) == pytest.approx(by_hand, rel=1e-6)


def test_share_apart_is_what_would_have_to_move() -> None:
    low, high, both = (np.repeat(np.array(p, dtype=float)[:, None], 5, axis=1) for p in ([2, 0], [0, 1], [3, 1]))
    assert spectrum_difference(low, high) == pytest.approx(100)
    assert spectrum_difference(low, both) == pytest.approx(25)
    assert spectrum_difference(both, 7 * both) == pytest.approx(0), "level plays no part"
    with pytest.raises(InputError):
        spectrum_difference(low, 0 * low)


def test_fewer_bands_never_distinguish_more() -> None:
    a, b = RNG.gamma(1, 1, (2, 40, 6))
    fine = spectrum_difference(a, b)
    coarse = spectrum_difference(a.reshape(8, 5, 6).sum(axis=1), b.reshape(8, 5, 6).sum(axis=1))
    assert 0 < coarse < fine
    assert spectrum_difference(a, b) == pytest.approx(spectrum_difference(b, a))
