from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from affetti.errors import InputError
from affetti.metrics import (
    clipped_density_coverage,
    kernel_distance,
    memorisation,
    precision_recall_density_coverage,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def by_hand(x, y, k):
    """The definition, row by row."""
    within, across = cdist(x, x), cdist(x, y)
    radius = np.sort(within, axis=1)[:, k]
    clipped = np.minimum(radius, np.median(radius))
    fake = np.mean([min(sum(across[i, j] <= clipped[i] for i in range(len(x))) / k, 1) for j in range(len(y))])
    real = np.mean(
        [min(sum(within[i, j] <= clipped[i] for i in range(len(x)) if i != j) / k, 1) for j in range(len(x))]
    )
    held = np.mean([min(sum(across[i] < radius[i]), k) / k for i in range(len(x))])
    return fake, real, held


@pytest.mark.parametrize("k", [1, 3, 5])
def test_clipped_counts_are_those_of_the_definition(rng, k):
    x, y = rng.normal(size=(60, 4)), rng.normal(size=(50, 4)) * 1.2
    result = clipped_density_coverage(x, y, k)
    parts = result["density_fake"], result["density_real"], result["coverage_fake"]
    assert parts == pytest.approx(by_hand(x, y, k))


# What the authors' code (github.com/nicolassalvy/ClippedDensityCoverage) finds for the sets below, k = 5.
AUTHORS = {
    "stretched": (0.42657342657342645, 0.47019867549668876),
    "two fifths astray": (0.6083916083916083, 0.6225165562913907),
}


@pytest.mark.parametrize("kind", AUTHORS)
def test_clipped_density_and_coverage_equal_the_authors(rng, kind):
    x = rng.normal(size=(200, 6))
    rng.normal(size=(150, 6))
    stretched = rng.normal(size=(150, 6)) * 1.3 + 0.3
    astray = np.concatenate([rng.normal(size=(90, 6)), rng.normal(size=(60, 6)) + 30])
    result = clipped_density_coverage(x, stretched if kind == "stretched" else astray)
    assert result["density"] == pytest.approx(AUTHORS[kind][0])
    assert result["coverage"] == pytest.approx(AUTHORS[kind][1], abs=2 / 150)  # theirs are multiples of 1/(M + 1)


def test_the_expected_coverage_of_equal_distributions_is_the_beta_binomial_mean(rng):
    seen = [clipped_density_coverage(*rng.normal(size=(2, 80, 3)), k=3) for _ in range(60)]
    values = np.array([result["coverage_fake"] for result in seen])
    assert abs(values.mean() - seen[0]["coverage_expected"]) < 4 * values.std() / np.sqrt(len(values))
    # For k = 1 it is the coverage of Naeem et al., 1 − (N − 1)/(N + M − 1).
    assert clipped_density_coverage(*rng.normal(size=(2, 80, 3)), k=1)["coverage_expected"] == pytest.approx(80 / 159)


@pytest.mark.parametrize("bad", [0.0, 0.25, 0.5, 1.0])
def test_both_fall_in_a_line_with_the_share_of_bad_fakes(rng, bad):
    drawn = []
    for _ in range(12):
        x, y = rng.normal(size=(2, 300, 3))
        y[: int(300 * bad)] += 100
        drawn.append(clipped_density_coverage(x, y))
    assert np.mean([result["density"] for result in drawn]) == pytest.approx(1 - bad, abs=0.06)
    assert np.mean([result["coverage"] for result in drawn]) == pytest.approx(1 - bad, abs=0.06)


def test_one_real_outlier_does_not_make_strange_fakes_good(rng):
    x = rng.normal(size=(100, 2))
    x[0] = 1e3
    fakes = 500 + rng.normal(size=(50, 2))
    assert precision_recall_density_coverage(x, fakes)["precision"] == 1.0
    assert clipped_density_coverage(x, fakes)["density"] == 0.0


def test_order_does_not_matter(rng):
    x, y = rng.normal(size=(2, 40, 3))
    assert clipped_density_coverage(x[::-1], rng.permutation(y)) == pytest.approx(clipped_density_coverage(x, y))


@pytest.mark.parametrize("measure", [precision_recall_density_coverage, clipped_density_coverage])
def test_bad_sets_are_refused(rng, measure):
    x = rng.normal(size=(20, 3))
    with pytest.raises(InputError, match="all 20 rows are alike"):
        measure(np.ones((20, 3)), x)
    with pytest.raises(InputError, match="k = 20"):
        measure(x, x, 20)
    with pytest.raises(InputError, match="nan at row 0"):
        measure(x, x * np.nan)


@pytest.mark.parametrize(
    "measure",
    [precision_recall_density_coverage, clipped_density_coverage, kernel_distance, lambda x, y: memorisation(y, x, x)],
)
def test_a_million_clips_are_too_many_to_pair_and_the_reason_is_given(rng, measure):
    with pytest.raises(InputError, match=r"1,000,000 × 1,000,000 rows are too many .* sliced Wasserstein"):
        measure(rng.normal(size=(1_000_000, 1)), rng.normal(size=(20, 1)))
