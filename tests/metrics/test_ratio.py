from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t
from tests.material import present

from affetti.metrics.ratio import ratio_interval, widen_percentiles


@pytest.mark.parametrize(("above", "below"), [(1.0, 2.0), (-1.0, 2.0), (0.1, 2.0), (0.0, 0.7), (3.0, 0.5)])
def test_of_symmetric_intervals_it_is_fiellers(above: float, below: float) -> None:
    """The set of ratios that are not refused, on a grid."""
    h_above, h_below = 0.2, 0.35
    ratios = np.linspace(-40, 40, 4_000_001)
    kept = ratios[(above - ratios * below) ** 2 <= h_above**2 + ratios**2 * h_below**2]
    ends = ratio_interval(above, (above - h_above, above + h_above), below, (below - h_below, below + h_below))
    assert present(ends) == pytest.approx((kept.min(), kept.max()), abs=1e-4)


def test_of_skew_intervals_it_is_newcombes_formula() -> None:
    """Newcombe 2016, equations for L and U of MOVER-R."""
    a, l_a, u_a, b, l_b, u_b = 0.3, 0.22, 0.35, 0.5, 0.35, 0.6
    low = (a * b - np.sqrt((a * b) ** 2 - l_a * u_b * (2 * a - l_a) * (2 * b - u_b))) / (u_b * (2 * b - u_b))
    high = (a * b + np.sqrt((a * b) ** 2 - u_a * l_b * (2 * a - u_a) * (2 * b - l_b))) / (l_b * (2 * b - l_b))
    assert present(ratio_interval(a, (l_a, u_a), b, (l_b, u_b))) == pytest.approx((low, high))


def test_signs_scales_and_an_exact_denominator() -> None:
    low, high = present(ratio_interval(0.3, (0.1, 0.6), 0.5, (0.2, 1.4)))
    assert low < 0.6 < high
    assert ratio_interval(-0.3, (-0.6, -0.1), 0.5, (0.2, 1.4)) == pytest.approx((-high, -low))
    assert ratio_interval(3.0, (1.0, 6.0), 0.5, (0.2, 1.4)) == pytest.approx((10 * low, 10 * high))
    assert ratio_interval(0.3, (0.1, 0.6), 0.5, (0.5, 0.5)) == pytest.approx((0.2, 1.2))
    assert ratio_interval(0.3, (0.1, 0.6), 0.5, (0.25, 1.0)) is not None, "an upper limit of twice the value"


def test_a_denominator_that_may_be_0_gives_none() -> None:
    assert ratio_interval(0.3, (0.1, 0.6), 0.5, (0.0, 1.0)) is None
    assert ratio_interval(0.3, (0.1, 0.6), 0.5, (-0.1, 1.0)) is None


def test_percentiles_of_the_mean_become_students_interval() -> None:
    """The known case: the mean of n normal values."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=8)
    draws = values[rng.integers(8, size=(200_000, 8))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    half = t.isf(0.025, 7) * values.std(ddof=1) / np.sqrt(8)
    wide = widen_percentiles(float(values.mean()), (float(low), float(high)), 8)
    assert wide == pytest.approx((values.mean() - half, values.mean() + half), abs=0.08)
