from __future__ import annotations

import numpy as np
import pytest

from affetti.errors import InputError
from affetti.metrics.diversity_within_labels import label_diversity

RNG = np.random.default_rng(0)


def draws(n: int, spread: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.uniform(-1, 1, (n, 2))
    return labels @ np.ones((2, 6)) + spread * rng.normal(size=(n, 6)), labels


def test_new_draws_of_the_same_distribution_are_as_diverse() -> None:
    (x, a), (y, b) = draws(600), draws(600, seed=1)
    assert label_diversity(x, y, a, b) == pytest.approx(1, abs=0.03)
    assert label_diversity(x, x, a, a) == 1


def test_it_falls_in_proportion_where_labels_say_little() -> None:
    (x, a), (y, b) = draws(600), draws(600, spread=0.5, seed=1)
    assert label_diversity(x, y, a, b) == pytest.approx(0.5, abs=0.06)


def test_a_collapse_within_labels_is_detected() -> None:
    (x, a), (_, b) = draws(300), draws(300, seed=1)
    assert label_diversity(x, b @ np.ones((2, 6)), a, b) < 0.2


def test_the_order_does_not_matter_nor_the_unit() -> None:
    (x, a), (y, b) = draws(200), draws(200, seed=1)
    result = label_diversity(x, y, a, b)
    order = RNG.permutation(200)
    assert label_diversity(x[order], y, a[order], b) == pytest.approx(result)
    assert label_diversity(3 * x, 3 * y, a, b) == pytest.approx(result)


def test_clips_of_one_song_are_not_each_others_neighbours() -> None:
    x, a = draws(60)
    twice, labels, songs = np.repeat(x, 2, axis=0), np.repeat(a, 2, axis=0), np.repeat(np.arange(60), 2)
    assert label_diversity(x, twice, a, labels, k=1) == pytest.approx(0)
    assert label_diversity(x, twice, a, labels, (None, songs), k=1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"real": np.ones((20, 6))}, "all equal"),
        ({"fake_labels": np.zeros((19, 2))}, "for 20 rows"),
        ({"fake_labels": np.full((20, 2), np.nan)}, "finite"),
        ({"k": 20}, "fewer than k = 20"),
        ({"songs": (None, np.zeros(20))}, "0 clips of other songs"),
    ],
)
def test_input_that_cannot_be_measured_is_refused(change: dict[str, object], says: str) -> None:
    (x, a), (y, b) = draws(20), draws(20, seed=1)
    whole: dict[str, object] = {"real": x, "fake": y, "real_labels": a, "fake_labels": b}
    with pytest.raises(InputError, match=says):
        label_diversity(**(whole | change))  # type: ignore[arg-type]
