from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import (
    frechet,
    frechet_distance,
    kernel_distance,
    precision_recall_density_coverage,
    vendi_from_kernel,
    vendi_score,
)


def with_moments(rng, n, mean, covariance):
    """Rows whose sample mean and covariance (of N − 1) are exactly those given."""
    z = rng.normal(size=(n, len(mean)))
    z -= z.mean(axis=0)
    z = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T).reshape(len(mean), -1))).T
    return z @ np.linalg.cholesky(np.atleast_2d(covariance)).T + mean


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_frechet_distance_of_two_by_two_is_the_closed_form(rng):
    x = with_moments(rng, 50, [1, 2], [[2, 0.7], [0.7, 1]])
    y = with_moments(rng, 70, [0, -1], [[1.5, -0.4], [-0.4, 3]])
    assert frechet_distance(x, y) == pytest.approx(11.000793317825952, abs=1e-10)


def test_frechet_distance_of_commuting_covariances(rng):
    a, b, shift = np.array([4.0, 1.0, 0.25]), np.array([1.0, 9.0, 0.5]), np.array([1.0, 0.0, -2.0])
    x, y = with_moments(rng, 40, np.zeros(3), np.diag(a)), with_moments(rng, 40, shift, np.diag(b))
    expected = (shift**2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert frechet_distance(x, y) == pytest.approx(expected, abs=1e-10)


def test_frechet_distance_to_a_point_is_the_spread_and_the_shift(rng):
    x = with_moments(rng, 30, np.zeros(4), 2.0 * np.eye(4))
    assert frechet_distance(x, np.ones((5, 4))) == pytest.approx(4 * 2.0 + 4, abs=1e-10)


@pytest.mark.parametrize("shape", [(60, 40, 8), (12, 9, 8), (9, 40, 16), (20, 15, 64)])
def test_frechet_distance_agrees_with_the_matrix_root(rng, shape):
    n, m, d = shape
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) * 1.5 + 0.3
    a, b = np.cov(x.T), np.cov(y.T)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * np.real(np.asarray(sqrtm(a @ b + 0j))))
    assert frechet_distance(x, y) == pytest.approx(expected, abs=1e-4)


def test_frechet_distance_agrees_with_torchmetrics(rng):
    torchmetrics = pytest.importorskip("torchmetrics", reason="torchmetrics is the witness")
    from torchmetrics.image.fid import _compute_fid

    assert torchmetrics.__version__
    import torch

    x, y = rng.normal(size=(80, 6)), rng.normal(size=(90, 6)) * 1.2
    stats = [torch.as_tensor(v) for v in (x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))]
    assert frechet_distance(x, y) == pytest.approx(float(_compute_fid(*stats)), abs=1e-10)


def test_both_paths_agree_where_rows_and_features_are_equally_many(rng):
    x, y = rng.normal(size=(12, 12)), rng.normal(size=(30, 12))
    padded = [np.concatenate([v, np.zeros((len(v), 40))], axis=1) for v in (x, y)]  # the same geometry with N < D
    assert frechet_distance(*padded) == pytest.approx(frechet_distance(x, y), abs=1e-10)


def test_frechet_distance_keeps_its_accuracy_far_from_the_origin(rng):
    x, y = rng.normal(size=(100, 5)), rng.normal(size=(80, 5)) * 1.3
    assert frechet_distance(x + 1e4, y + 1e4) == pytest.approx(frechet_distance(x, y), abs=1e-8)


def test_frechet_distance_is_symmetric_rotates_scales_and_obeys_the_triangle(rng):
    x, y, z = (rng.normal(size=(40, 4)) * s + m for s, m in ((1, 0), (2, 1), (0.5, -1)))
    q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    d = frechet_distance(x, y)
    assert frechet_distance(y, x) == pytest.approx(d)
    assert frechet_distance(x @ q, y @ q) == pytest.approx(d)
    assert frechet_distance(3 * x, 3 * y) == pytest.approx(9 * d)
    assert np.sqrt(d) <= np.sqrt(frechet_distance(x, z)) + np.sqrt(frechet_distance(z, y))


@pytest.mark.parametrize("shape", [(50, 128), (200, 16)])
def test_frechet_distance_of_a_set_to_itself_is_zero_in_any_order(rng, shape):
    x = rng.normal(size=shape)
    assert 0 <= frechet_distance(x, x[::-1]) < 1e-11


def test_jackknife_removes_the_bias_that_the_plain_distance_has(rng):
    d, scale = 16, 0.2  # truth: D (σ₁ − σ₂)²
    truth = d * scale**2
    pairs = [(rng.normal(size=(150, d)), rng.normal(size=(150, d)) * (1 + scale)) for _ in range(25)]
    plain = np.mean([frechet_distance(x, y) for x, y in pairs])
    result = np.array([frechet(x, y).value for x, y in pairs])
    assert plain > truth + 0.8
    assert abs(result.mean() - truth) < 3 * result.std(ddof=1) / np.sqrt(len(pairs)) + 0.02


def test_the_interval_has_about_its_nominal_coverage(rng):
    truth, hits = 4 * 0.3**2, 0
    for _ in range(60):
        ci = frechet(rng.normal(size=(100, 4)), rng.normal(size=(100, 4)) * 1.3).ci
        hits += present(ci)[0] <= truth <= present(ci)[1]
    assert hits >= 52  # 95 % of 60 is 57; 52 or fewer has a chance of 1 in 100


def test_clips_of_a_song_widen_the_interval_and_count_as_one_draw(rng):
    song = np.repeat(np.arange(30), 10)
    x, y = (rng.normal(size=(30, 4))[song] + 0.1 * rng.normal(size=(300, 4)) for _ in range(2))
    by_row, by_song = frechet(x, y), frechet(x, y, groups=(song, song))
    assert present(by_song.ci)[1] - present(by_song.ci)[0] > 2 * (present(by_row.ci)[1] - present(by_row.ci)[0])
    assert abs(by_song.value) < abs(by_row.value)
    assert present(by_song.ci)[0] < 0 < present(by_song.ci)[1]


def test_the_floor_is_computed_from_real_rows_only_and_is_near_zero(rng):
    x = rng.normal(size=(200, 6))
    near, far = frechet(x, rng.normal(size=(200, 6))), frechet(x, rng.normal(size=(200, 6)) + 5)
    assert near.floor == pytest.approx(far.floor, abs=1e-9)
    assert abs(present(near.floor)) < 0.2 < far.value


@pytest.mark.parametrize("d", [5, 10])
def test_frechet_does_not_depend_on_the_order_of_rows(rng, d):
    x, y = rng.normal(size=(60, d)), rng.normal(size=(50, d))
    song = np.arange(60) // 3
    p = rng.permutation(60)
    a, b = frechet(x, y, (song, np.arange(50))), frechet(x[p], y[::-1], (song[p], np.arange(50)))
    assert a.value == pytest.approx(b.value)
    assert a.ci == pytest.approx(b.ci)
    assert a.floor == pytest.approx(b.floor)
    assert a.to_dict()["n"] == [60, 50]


@pytest.mark.parametrize(
    ("songs", "made", "clips", "scale", "shift"),
    [(64, 32, 1, 1, 0), (64, 128, 1, 1, 0), (70, 70, 4, 1, 0), (64, 64, 1, 0.684, 0), (64, 64, 4, 1, 0.316)],
)
def test_value_and_floor_agree_at_few_songs_a_feature_and_worse_sets_lie_above(songs, made, clips, scale, shift):
    """D = 32: no fewer songs than features a side, unequal sides, several clips a song; narrower or shifted by D/10."""
    truth = 32 * ((scale - 1) ** 2 + shift**2)
    held = below = 0
    excess = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        song, other = np.repeat(np.arange(songs), clips), np.repeat(np.arange(made), clips)
        x, y = (
            np.sqrt(0.7) * rng.normal(size=(n, 32))[of] + np.sqrt(0.3) * rng.normal(size=(len(of), 32))
            for n, of in ((songs, song), (made, other))
        )
        result = frechet(x, scale * y + shift, (song, other), seed)
        held += present(result.ci)[0] <= truth <= present(result.ci)[1]
        below += result.value < present(result.floor)
        excess.append(result.value - present(result.floor))
    assert held >= 11
    assert abs(np.mean(excess) - truth) < 3 * np.std(excess, ddof=1) / np.sqrt(len(excess)) + 0.25
    assert below <= 1 if truth else 1 < below < 11


def test_too_few_songs_for_the_features_are_refused_in_one_line(rng):
    x = rng.normal(size=(60, 40))
    says = (
        "Fréchet distance: 60 real and 60 synthetic songs are too few for 40 features. Give 80 and 40 or more, "
        "or fewer features, or read the kernel distance"
    )
    with pytest.raises(InputError) as refusal:
        frechet(x, x)
    assert str(refusal.value) == says
    frechet(x[:, :30], x[:30, :30])
    with pytest.raises(InputError, match="60 real and 29 synthetic songs"):
        frechet(x[:, :30], x[:29, :30])
    with pytest.raises(InputError, match="20 real and 60 synthetic"):  # clips of a song are one draw
        frechet(x[:, :15], x[:, :15], (np.arange(60) // 3, np.arange(60)))


def test_kernel_distance_is_unbiased_for_the_closed_form(rng):
    # N(0, I₄) against N(½, 1.5 I₄) at σ = 2: 0.0696554232. The bandwidth is fixed by scaling the rows' own median.
    result = []
    for _ in range(300):
        x, y = rng.normal(size=(100, 4)), 0.5 + np.sqrt(1.5) * rng.normal(size=(120, 4))
        k = [np.exp(-cdist(a, b, "sqeuclidean") / 8) for a, b in ((x, x), (y, y), (x, y))]
        # The public function with its own bandwidth equals the formula with that bandwidth.
        sigma = np.median(cdist(x, x)[np.triu_indices(100, 1)])
        g = [np.exp(-cdist(a, b, "sqeuclidean") / (2 * sigma**2)) for a, b in ((x, x), (y, y), (x, y))]
        formula = [(m[0].sum() - 100) / 9900 + (m[1].sum() - 120) / 14280 - 2 * m[2].mean() for m in (k, g)]
        if len(result) < 5:
            assert kernel_distance(x, y) == pytest.approx(formula[1], abs=1e-12)
        result.append(formula[0])
    assert np.mean(result) == pytest.approx(0.0696554232, abs=4 * np.std(result) / np.sqrt(len(result)))


def test_kernel_distance_takes_its_bandwidth_from_the_reference(rng):
    x = rng.normal(size=(80, 3))
    assert kernel_distance(x, 0.25 * x) != pytest.approx(kernel_distance(0.25 * x, x), rel=0.05)
    assert kernel_distance(4 * x, x) == pytest.approx(kernel_distance(x, 0.25 * x))


def test_kernel_distance_by_song_is_not_fooled_by_clips_of_one_song(rng):
    song = np.repeat(np.arange(15), 8)
    draws = [[rng.normal(size=(15, 3))[song] for _ in range(2)] for _ in range(40)]
    by_row = np.mean([kernel_distance(x, y) for x, y in draws])
    by_song = np.array([kernel_distance(x, y, (song, song)) for x, y in draws])
    assert by_row > 0.03
    assert abs(by_song.mean()) < 3 * by_song.std() / np.sqrt(len(draws))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_prdc_equals_the_authors_package(rng, k):
    prdc = pytest.importorskip("prdc", reason="the authors' package is the witness")
    x, y = rng.normal(size=(90, 6)), rng.normal(size=(70, 6)) * 1.2 + 0.2
    assert precision_recall_density_coverage(x, y, k) == pytest.approx(prdc.compute_prdc(x, y, nearest_k=k))


def test_prdc_counts_ties_as_the_authors_package_does(rng):
    prdc = pytest.importorskip("prdc", reason="the authors' package is the witness")
    x, y = rng.integers(0, 3, size=(2, 60, 2)).astype(float)  # a grid, where most distances tie
    assert precision_recall_density_coverage(x, y, 3) == pytest.approx(prdc.compute_prdc(x, y, nearest_k=3))


def test_coverage_and_density_of_equal_distributions_have_their_expected_values(rng):
    n, k = 120, 3
    result = [precision_recall_density_coverage(*rng.normal(size=(2, n, 5)), k=k) for _ in range(60)]
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    for name, truth in (("coverage", expected), ("density", 1.0)):
        values = np.array([f[name] for f in result])
        assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(len(values))


def test_prdc_distinguishes_collapse_from_unrealistic_clips(rng):
    x = rng.normal(size=(100, 4))
    collapsed = precision_recall_density_coverage(x, x[:1] + 0.01 * rng.normal(size=(100, 4)))
    strange = precision_recall_density_coverage(x, x + 50)
    assert collapsed["precision"] == 1.0
    assert collapsed["recall"] < 0.05 > collapsed["coverage"] - 0.15
    assert strange == {"precision": 0.0, "recall": 0.0, "density": 0.0, "coverage": 0.0}


def test_vendi_of_known_kernels():
    items = np.array([0, 0, 10, 10, 20, 20.0])
    assert vendi_from_kernel(np.exp(-np.abs(items[:, None] - items))) == pytest.approx(2.9999999959, abs=1e-8)
    kernel = [[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]]
    assert vendi_from_kernel(kernel) == pytest.approx(2.15730048, abs=1e-8)


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")  # the package's own imports
@pytest.mark.parametrize("q", [0.5, 1.0, 2.0, np.inf])
def test_vendi_equals_the_authors_package(rng, q):
    vendi = pytest.importorskip("vendi_score.vendi", reason="the authors' package is the witness")
    x = rng.normal(size=(20, 6))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    order = "inf" if np.isinf(q) else q  # as the package spells it
    expected = vendi.score_dual(unit, q=order)
    assert vendi_from_kernel(unit @ unit.T, q) == pytest.approx(expected, rel=1e-6)
    assert vendi_score(x, q) == pytest.approx(expected, rel=1e-6)


def test_vendi_counts_distinct_rows(rng):
    assert vendi_score(np.ones((7, 3))) == pytest.approx(1.0)
    assert vendi_score(np.eye(7)) == pytest.approx(7.0)
    x = rng.normal(size=(20, 5))
    assert vendi_score(np.concatenate([x, x])) == pytest.approx(vendi_score(x))


MEASURES = [frechet_distance, frechet, kernel_distance, lambda x, y: precision_recall_density_coverage(x, y, 1)]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda y: np.where(y == y[3, 1], np.nan, y), "nan at row 3, column 1"),
        (lambda y: np.where(y == y[3, 1], np.inf, y), "inf at row 3"),
        (lambda y: y[:, 0], r"not \[N, D\]"),
        (lambda y: y[:, :2], "2 features against 3"),
        (lambda y: y[:1], "1 rows are too few"),
    ],
)
def test_bad_rows_are_refused_by_name(rng, measure, spoil, says):
    x, y = rng.normal(size=(2, 10, 3))
    with pytest.raises(InputError, match=says):
        measure(x, spoil(y))


def test_other_errors_say_what_to_do(rng):
    x = rng.normal(size=(10, 3))
    with pytest.raises(InputError, match="song ids for 10 rows"):
        frechet(x, x, (np.arange(9), np.arange(10)))
    with pytest.raises(InputError, match="2 songs or more"):
        frechet(x, x, (np.zeros(10), np.arange(10)))
    with pytest.raises(InputError, match="2 songs or more"):
        kernel_distance(x, x, (np.zeros(10), np.arange(10)))
    with pytest.raises(InputError, match="k = 10"):
        precision_recall_density_coverage(x, x, 10)
    with pytest.raises(InputError, match="median distance is 0"):
        kernel_distance(np.ones((5, 3)), x)
    with pytest.raises(InputError, match="row 2 is all zeros"):
        vendi_score(np.where(np.arange(10)[:, None] == 2, 0, x))
    with pytest.raises(InputError, match="diagonal"):
        vendi_from_kernel(2 * np.eye(3))
    with pytest.raises(InputError, match="negative"):
        vendi_from_kernel([[1.0, 2.0], [2.0, 1.0]])
