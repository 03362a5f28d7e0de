"""Banded ridge: the fit in closed form, groups selected where they are predictive and left out where not."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from affetti.studies.audit.probes import banded_ridge, ridge

SONGS = np.repeat([f"song{i:03d}" for i in range(80)], 3)


def material(seed: int = 0):
    rng = np.random.default_rng(seed)
    base, reported, useless = (rng.normal(size=(len(SONGS), dims)) for dims in (30, 2, 10))
    y = np.column_stack([base[:, 0] + reported[:, 0], base[:, 1]]) + rng.normal(size=(len(SONGS), 2))
    return base, {"predictive": reported, "useless": useless}, y


def test_is_the_ridge_of_columns_scaled_by_their_penalties(monkeypatch):
    """λ β² = β'² with β' = √λ β: a penalty of one on columns divided by the roots of theirs."""
    monkeypatch.setattr(banded_ridge, "GROUP_PENALTIES", np.array([7.0]))
    base, groups, y = material()
    own = ridge.fit(base, y, SONGS).penalty
    x = np.concatenate([base, *groups.values()], axis=1)
    prediction = banded_ridge.fit_subsets(base, groups, y, SONGS)[("predictive", "useless")].predict(x)
    for k in (0, 1):
        roots = np.sqrt(np.repeat([own[k], 7.0], [30, 12]))
        theirs = Ridge(1.0).fit(x / roots, y[:, k]).predict(x / roots)
        np.testing.assert_allclose(prediction[:, k], theirs, atol=1e-8)


def test_the_base_alone_is_plain_ridge():
    base, groups, y = material()
    x = np.concatenate([base, *groups.values()], axis=1)
    fits = banded_ridge.fit_subsets(base, groups, y, SONGS)
    np.testing.assert_allclose(fits[()].predict(x), ridge.fit(base, y, SONGS).predict(base), atol=1e-8)


def test_predictive_groups_are_selected_and_others_left_out():
    base, groups, y = material()
    fits = banded_ridge.fit_subsets(base, groups, y, SONGS)
    penalties = fits[("predictive", "useless")].penalty
    assert penalties[0, 30] < 100  # predictive, for the target that it predicts
    assert np.isinf(penalties[1, 30:]).all()  # of the one that it does not; and the useless group of either
    assert np.isinf(penalties[0, 32:]).all()
    np.testing.assert_array_equal(fits[("predictive",)].slopes, fits[("predictive", "useless")].slopes)


def test_a_useless_group_is_rarely_selected_and_a_predictive_one_nearly_always():
    let_in = {"predictive": 0, "useless": 0}
    for seed in range(20):
        base, groups, y = material(seed)
        penalty = banded_ridge.fit_subsets(base, groups, y, SONGS)[("predictive", "useless")].penalty[0]
        let_in["predictive"] += bool(np.isfinite(penalty[30]))
        let_in["useless"] += bool(np.isfinite(penalty[32]))
    assert let_in["predictive"] == 20
    assert let_in["useless"] <= 5


def test_order_of_rows_does_not_matter():
    base, groups, y = material()
    order = np.random.default_rng(1).permutation(len(y))
    there = banded_ridge.fit_subsets(base, groups, y, SONGS)
    back = banded_ridge.fit_subsets(base[order], {n: g[order] for n, g in groups.items()}, y[order], SONGS[order])
    for chosen, read in there.items():
        np.testing.assert_allclose(read.slopes, back[chosen].slopes, atol=1e-10)


@pytest.mark.parametrize("songs", [SONGS, np.full(len(SONGS), "one")])
def test_groups_and_bases_without_columns(songs):
    base, groups, y = material()
    fits = banded_ridge.fit_subsets(base[:, :0], {"none": base[:, :0], **groups}, y, songs)
    assert len(fits) == 8
    assert all(np.isfinite(read.slopes).all() for read in fits.values())
