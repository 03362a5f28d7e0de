from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress, pearsonr
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import bootstrap_ci, concordance, mae, paired_difference, pearson, r2, rmse, slope


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_concordance_closed_forms(rng):
    x = rng.normal(size=200)
    x = (x - x.mean()) / x.std()
    assert concordance(x, x) == pytest.approx(1.0)
    assert concordance(x, -x) == pytest.approx(-1.0)
    assert concordance(x + 0.7, x) == pytest.approx(2 / (2 + 0.49))
    assert concordance(0.4 * x, x) == pytest.approx(0.8 / 1.16)
    assert concordance(np.zeros(200), x) == 0.0


def test_concordance_is_one_minus_scaled_disagreement(rng):
    # Independent form (Lin 1989): 1 − E(x−y)² / E(x−y)² were they independent.
    x, y = rng.normal(size=50), rng.normal(size=50) * 2 + 1
    apart = ((x[:, None] - y[None, :]) ** 2).mean()
    assert concordance(x, y) == pytest.approx(1 - ((x - y) ** 2).mean() / apart)


def test_the_others_agree_with_scipy_and_sklearn(rng):
    target = rng.normal(size=80)
    prediction = 0.6 * target + rng.normal(size=80) + 0.3
    assert pearson(prediction, target) == pytest.approx(pearsonr(prediction, target)[0])
    assert slope(prediction, target) == pytest.approx(linregress(target, prediction)[0])
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the witness")
    assert r2(prediction, target) == pytest.approx(metrics.r2_score(target, prediction))
    assert mae(prediction, target) == pytest.approx(metrics.mean_absolute_error(target, prediction))
    assert rmse(prediction, target) == pytest.approx(np.sqrt(metrics.mean_squared_error(target, prediction)))


@pytest.mark.parametrize("measure", [concordance, pearson, r2, rmse, mae, slope])
def test_two_columns_are_averaged(rng, measure):
    p, t = rng.normal(size=(2, 40, 2))
    assert measure(p, t) == pytest.approx((measure(p[:, 0], t[:, 0]) + measure(p[:, 1], t[:, 1])) / 2)


def test_the_bootstrap_of_a_mean_has_the_width_theory_gives(rng):
    x = rng.normal(size=400)
    low, high = bootstrap_ci(lambda a: float(a.mean()), x, seed=1)
    assert high - low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.12)
    assert low < x.mean() < high


def test_the_bootstrap_resamples_songs(rng):
    song = np.repeat(np.arange(40), 10)
    x = rng.normal(size=40)[song]
    by_row = np.ptp(bootstrap_ci(lambda a: float(a.mean()), x))
    by_song = np.ptp(bootstrap_ci(lambda a: float(a.mean()), x, groups=song))
    assert by_song == pytest.approx(by_row * np.sqrt(10), rel=0.2)


def test_the_bootstrap_covers(rng):
    hits = 0
    for i in range(60):
        target = rng.normal(size=80)
        prediction = 0.8 * target + 0.6 * rng.normal(size=80)  # variances 1, covariance 0.8: CCC 0.8
        low, high = bootstrap_ci(concordance, prediction, target, seed=i, resamples=300)
        hits += low <= 0.8 <= high
    assert hits >= 50


def test_intervals_depend_on_seed_and_not_on_order(rng):
    p, t = rng.normal(size=(2, 60))
    song = np.arange(60) // 2
    order = rng.permutation(60)
    a = bootstrap_ci(concordance, p, t, groups=song, seed=4)
    assert a == pytest.approx(bootstrap_ci(concordance, p[order], t[order], groups=song[order], seed=4))
    assert a != bootstrap_ci(concordance, p, t, groups=song, seed=5)


def test_a_paired_difference_is_sharper_than_two_intervals(rng):
    target = rng.normal(size=150)
    shared = rng.normal(size=150)
    a, b = target + 0.9 * shared, target + shared + 0.1 * rng.normal(size=150)
    result = paired_difference(a, b, target)
    assert result.value == pytest.approx(concordance(a, target) - concordance(b, target))
    assert 0 < present(result.ci)[0] < result.value < present(result.ci)[1]
    assert present(result.ci)[1] - present(result.ci)[0] < 0.5 * np.ptp(bootstrap_ci(concordance, a, target))
    assert paired_difference(a, a, target).ci == (0.0, 0.0)
    assert paired_difference(b, a, target).value == -result.value


def test_refusals(rng):
    x = rng.normal(size=10)
    with pytest.raises(InputError, match="against target"):
        concordance(x, x[:9])
    with pytest.raises(InputError, match="nan at row 2"):
        concordance(np.where(np.arange(10) == 2, np.nan, x), x)
    with pytest.raises(InputError, match="one and the same constant"):
        concordance(np.ones(5), np.ones(5))
    with pytest.raises(InputError, match="is 3 throughout"):
        pearson(np.full(10, 3.0), x)
    with pytest.raises(InputError, match="target"):
        r2(x, np.ones(10))
    with pytest.raises(InputError, match="2 songs or more"):
        bootstrap_ci(concordance, x, x, groups=np.zeros(10))
    with pytest.raises(InputError, match="rows"):
        bootstrap_ci(concordance, x, x[:9])
