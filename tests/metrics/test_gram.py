from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetti.errors import InputError
from affetti.metrics import frechet, frechet_distance
from affetti.metrics.frechet_distances import left_out, left_out_together
from affetti.metrics.gram import Gram
from affetti.metrics.jackknife import estimate
from affetti.metrics.moments import Moments, contrasts, nuclear_norm, without_each
from affetti.metrics.sample import Sample


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@given(
    seed=st.integers(0, 1000),
    n=st.integers(2, 30),
    m=st.integers(2, 30),
    d=st.integers(1, 40),
    shift=st.sampled_from([0.0, 1.0, 100.0]),
)
def test_inner_products_and_rows_give_one_distance(seed, n, m, d, shift):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) * 1.5 + shift
    gram = Gram.of(x, y)
    assert gram.frechet() == pytest.approx(frechet_distance(x, y), rel=1e-9, abs=1e-9)
    keep, others = rng.permutation(n)[: max(2, n // 2)], rng.permutation(m)[: max(2, m // 2)]
    assert gram.of_rows(keep, others).frechet() == pytest.approx(
        frechet_distance(x[keep], y[others]), rel=1e-9, abs=1e-9
    )


def test_inner_products_keep_their_digits_far_from_the_origin(rng):
    x, y = rng.normal(size=(20, 30)), rng.normal(size=(15, 30))
    assert Gram.of(x + 1e6, y + 1e6).frechet() == pytest.approx(Gram.of(x, y).frechet(), abs=1e-6)


def test_features_side_by_side_add_up(rng):
    f, g = rng.normal(size=(2, 10, 30)), rng.normal(size=(2, 10, 3))
    both = np.concatenate([f, g], axis=2)
    assert (Gram.of(*f) + Gram.of(*g)).frechet() == pytest.approx(frechet_distance(*both))


@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(1, 39), min_size=1, max_size=6, unique=True))
def test_parts_merge_into_the_whole_however_they_are_cut(seed, cuts):
    x = np.random.default_rng(seed).normal(size=(40, 5)) + 1e3
    whole, merged = Moments.of(x), Moments.merged([Moments.of(part) for part in np.split(x, sorted(cuts))])
    assert merged.n == 40
    assert merged.mean == pytest.approx(whole.mean)
    assert merged.root.T @ merged.root == pytest.approx(39 * np.cov(x.T), abs=1e-8)
    assert len(merged.root) <= 5


@pytest.mark.parametrize("d", [3, 60])
def test_each_part_is_left_out_in_turn(rng, d):
    x, y = rng.normal(size=(40, d)), rng.normal(size=(40, d))
    parts = np.split(x, [3, 10, 11, 25])
    result = list(without_each([Moments.of(part) for part in parts]))
    for i, moments in enumerate(result):
        rest = np.concatenate(parts[:i] + parts[i + 1 :])
        assert moments.frechet(Moments.of(y)) == pytest.approx(frechet_distance(rest, y), abs=1e-10)


def test_contrasts_have_the_scatter_of_weighted_rows(rng):
    x, w = rng.normal(size=(7, 3)), rng.uniform(1, 5, size=7)
    centred = x - w @ x / w.sum()
    assert contrasts(x, w).T @ contrasts(x, w) == pytest.approx((centred * w[:, None]).T @ centred)
    assert contrasts(x).shape == (6, 3)


@pytest.mark.parametrize("power", [0, 1, 4, 12])
def test_the_nuclear_norm_holds_for_any_spectrum(rng, power):
    q, p = (np.linalg.qr(rng.normal(size=(60, 60)))[0] for _ in range(2))
    values = np.arange(1.0, 61) ** -power
    assert nuclear_norm(q * values @ p) == pytest.approx(values.sum(), rel=1e-10)
    assert nuclear_norm((q * values @ p)[:5]) == pytest.approx(
        np.linalg.svd((q * values @ p)[:5], compute_uv=False).sum(), rel=1e-10
    )
    assert nuclear_norm(np.zeros((3, 4))) == 0


@pytest.mark.parametrize("singular", ["constant", "repeated", "thin"])
def test_singular_features_change_nothing(rng, singular):
    x, y = rng.normal(size=(50, 4)), rng.normal(size=(60, 4)) * 2
    extra = {
        "constant": lambda z: np.ones((len(z), 3)),
        "repeated": lambda z: z[:, :1] * 0,
        "thin": lambda z: z[:, :2] * 1e-9,
    }[singular]
    wide = [np.concatenate([z, extra(z)], axis=1) for z in (x, y)]
    assert frechet_distance(*wide) == pytest.approx(frechet_distance(x, y), abs=1e-10)


@pytest.mark.parametrize("thin", [1e-3, 1e-7, 1e-12])
def test_directions_that_one_set_hardly_has_keep_their_digits(rng, thin):
    q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    x, y = rng.normal(size=(60, 6)) * [1, 1, 1, 1, 1, thin] @ q, rng.normal(size=(50, 6)) @ q
    a, b = (z - z.mean(axis=0) for z in (x, y))
    # ‖ABᵀ‖_* from all rows, which no root of a covariance has gone into.
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum() / np.sqrt(59 * 49)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + (a**2).sum() / 59 + (b**2).sum() / 49 - 2 * shared
    assert frechet_distance(x, y) == pytest.approx(expected, abs=1e-12)


def test_leaving_out_by_indexing_and_by_merging_agree(rng):
    x, y = rng.normal(size=(30, 40)), rng.normal(size=(24, 40)) + 0.3
    q, _ = np.linalg.qr(rng.normal(size=(40, 40)))
    result = []
    for rows, others in ((x, y), (np.tile(x @ q, (1, 1)), y @ q)):
        a, b = Sample(rows, np.arange(30)), Sample(others, np.arange(24))
        blocks = [np.arange(k, 30, 10) for k in range(10)], [np.arange(k, 24, 8) for k in range(8)]
        result.append(estimate(left_out(a, b, *blocks)))
    direct = [frechet_distance(np.delete(x, block, axis=0), y) for block in blocks[0]]
    assert left_out(Sample(x, np.arange(30)), Sample(y, np.arange(24)), *blocks).without[0][:, 0] == pytest.approx(
        direct, abs=1e-9
    )
    assert result[0].value == pytest.approx(result[1].value, abs=1e-9)
    assert result[0].error == pytest.approx(result[1].error, abs=1e-9)


def test_the_jackknife_is_the_textbook_formula(rng):
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 3)) + 1
    whole = frechet_distance(x, y)
    without = np.array([frechet_distance(np.delete(x, i, axis=0), np.delete(y, i, axis=0)) for i in range(12)])
    one_by_one = [np.array([i]) for i in range(12)]
    a, b = Sample(x, np.arange(12)), Sample(y, np.arange(12))
    result = estimate(left_out_together(a, b, one_by_one, one_by_one))
    assert result.value[0] == pytest.approx(whole - 11 * (without.mean() - whole))
    half = 2.200985160082949 * np.sqrt(11 / 12 * ((without - without.mean()) ** 2).sum())  # Student's, 11 degrees
    assert result.ci[0, 1] - result.value[0] == pytest.approx(half)
    by_side = estimate(left_out(a, b, one_by_one, one_by_one))
    expected, variance = whole, 0.0
    for rows, distance in ((x, lambda z: frechet_distance(z, y)), (y, lambda z: frechet_distance(x, z))):
        less = np.array([distance(np.delete(rows, i, axis=0)) for i in range(12)])
        expected -= 11 * (less.mean() - whole)
        variance += 11 / 12 * ((less - less.mean()) ** 2).sum()
    assert by_side.value[0] == pytest.approx(expected)
    assert by_side.error[0] == pytest.approx(np.sqrt(variance))


def test_sets_on_disk_are_read_in_chunks(tmp_path, rng, monkeypatch):
    x = rng.normal(size=(500, 6)).astype(np.float16)
    stored = np.memmap(tmp_path / "x", dtype=np.float16, mode="w+", shape=x.shape)
    stored[:] = x
    y = rng.normal(size=(300, 6)) + 0.5
    whole = frechet_distance(x, y)
    monkeypatch.setattr("affetti.metrics.sample.CHUNK_VALUES", 60)
    assert frechet_distance(stored, y) == pytest.approx(whole, abs=1e-10)
    assert frechet(stored, y).value == pytest.approx(frechet(x, y).value, abs=1e-9)
    stored[317, 2] = np.nan
    with pytest.raises(InputError, match="nan at row 317, column 2"):
        frechet_distance(y, stored)
