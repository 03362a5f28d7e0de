from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.material import present

from affetti.corpus.ceiling import LabelCeiling, ceiling
from affetti.results import Estimate

MakeClips = Callable[..., pd.DataFrame]


def panel(rng: np.random.Generator, songs: int, raters: int, truth_std: float, noise_std: float) -> dict[str, Any]:
    """Labels of a simulated panel, and the truth."""
    made: dict[str, Any] = {"raters": raters}
    for name in ("valence", "arousal"):
        truth = rng.normal(0, truth_std, songs)
        ratings = truth[:, None] + rng.normal(0, noise_std, (songs, raters))
        made[f"{name}_truth"] = truth
        made[f"{name}_ratings"] = ratings
        made[name] = ratings.mean(axis=1)
        made[f"{name}_std"] = ratings.std(axis=1, ddof=1)
    return made


def table(make_clips: MakeClips, made: dict[str, Any]) -> pd.DataFrame:
    columns = {key: value for key, value in made.items() if not key.endswith(("_truth", "_ratings"))}
    return make_clips(len(made["valence"]), **columns)


def test_the_reliability_is_that_of_one_way_analysis_of_variance(make_clips: MakeClips) -> None:
    made = panel(np.random.default_rng(0), 40, 6, 0.3, 0.4)
    bounds = ceiling(table(make_clips, made))
    for name in ("valence", "arousal"):
        ratings = made[f"{name}_ratings"]
        between = 6 * ratings.mean(axis=1).var(ddof=1)
        within = ratings.var(axis=1, ddof=1).mean()
        icc = (between - within) / between  # ICC(1,k), Shrout & Fleiss 1979
        assert present(bounds.by_axis()[name]).r2.value == pytest.approx(icc, abs=1e-12)
        assert present(bounds.by_axis()[name]).ccc.value == pytest.approx(np.sqrt(icc), abs=1e-12)


def test_no_predictor_passes_the_ceiling_and_the_truth_reaches_it() -> None:
    rng = np.random.default_rng(1)
    made = panel(rng, 200_000, 10, 0.3, 0.35)
    truth, label = made["valence_truth"], made["valence"]
    rho = 0.3**2 / (0.3**2 + 0.35**2 / 10)
    r2 = 1 - ((label - truth) ** 2).mean() / label.var()
    assert r2 == pytest.approx(rho, abs=0.003)

    def ccc(x: np.ndarray) -> float:
        return float(2 * np.cov(x, label)[0, 1] / (x.var() + label.var() + (x.mean() - label.mean()) ** 2))

    best = max(ccc(truth * scale) for scale in np.linspace(0.8, 1.3, 51))
    assert best == pytest.approx(np.sqrt(rho), abs=0.003)


def test_the_interval_has_its_nominal_coverage(make_clips: MakeClips) -> None:
    rng = np.random.default_rng(2)
    rho = 0.3**2 / (0.3**2 + 0.5**2 / 8)
    held = 0
    for _ in range(100):
        bounds = ceiling(table(make_clips, panel(rng, 60, 8, 0.3, 0.5)), resamples=200)
        low, high = present(bounds.valence).r2.ci
        assert low <= high
        held += low <= rho <= high
    assert 85 <= held <= 99


def test_the_interval_is_over_songs_not_clips(make_clips: MakeClips) -> None:
    made = panel(np.random.default_rng(3), 30, 8, 0.3, 0.5)
    once = table(make_clips, made)
    again = pd.concat([once.assign(clip_id=once["clip_id"] + f"-{i}") for i in range(8)], ignore_index=True)
    width = {}
    for name, clips in (("once", once), ("again", again), ("as if songs", again.assign(song_id=again["clip_id"]))):
        low, high = present(ceiling(clips).valence).r2.ci
        width[name] = high - low
    assert width["again"] == pytest.approx(width["once"], rel=0.15)
    assert width["as if songs"] < 0.6 * width["again"]


def test_the_ceiling_does_not_depend_on_the_order_of_clips(make_clips: MakeClips) -> None:
    clips = table(make_clips, panel(np.random.default_rng(4), 30, 8, 0.3, 0.5))
    a, b = ceiling(clips), ceiling(clips.sample(frac=1, random_state=0))
    for name in ("valence", "arousal"):
        np.testing.assert_allclose(present(a.by_axis()[name]).r2.ci, present(b.by_axis()[name]).r2.ci, atol=1e-12)


def test_labels_that_are_noise_alone_have_a_ceiling_near_zero_and_never_below(make_clips: MakeClips) -> None:
    constant = ceiling(make_clips(20, valence=0.1, arousal=0.0))
    assert present(constant.valence).r2 == Estimate(0.0, (0.0, 0.0))
    noise = ceiling(table(make_clips, panel(np.random.default_rng(5), 300, 8, 0.0, 0.5)))
    assert 0 <= present(noise.valence).r2.value < 0.25


@pytest.mark.parametrize(
    "columns", [{"raters": 0}, {"raters": 1}, {"valence_std": np.nan}, {"song_id": ["a", "b"] * 5}]
)
def test_without_raters_spread_or_songs_the_ceiling_is_not_known(
    make_clips: MakeClips, columns: dict[str, Any]
) -> None:
    assert ceiling(make_clips(10, **columns)) == LabelCeiling()


def test_the_reliability_of_deam_equals_the_published_one(data: Path, make_clips: MakeClips) -> None:
    table = pd.read_csv(data / "research/va_tables/deam_static_1to9.csv")
    early = table["song_id"] <= 1000  # there valence and arousal are swapped
    swap = {"valence_mean": "arousal_mean", "valence_std": "arousal_std"}
    swap |= {there: here for here, there in swap.items()}
    table.loc[early, list(swap)] = table.loc[early, list(swap.values())].to_numpy()
    columns: dict[str, Any] = {"raters": 10}
    for name in ("valence", "arousal"):
        columns[name] = (table[f"{name}_mean"] - 5) / 4
        columns[f"{name}_std"] = table[f"{name}_std"] / 4 * np.sqrt(10 / 9)  # theirs divide by k, ours by k - 1
    bounds = ceiling(make_clips(len(table), **columns))
    assert present(bounds.valence).r2.value == pytest.approx(0.774, abs=0.01)
    assert present(bounds.arousal).r2.value == pytest.approx(0.852, abs=0.01)
